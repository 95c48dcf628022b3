"""CPFs and birth dates as people write them in Portuguese chat, found and resolved from the text alone.

`scan(text)` gives every candidate with its value, its kind and its place. It shares nothing with what renders
conversations. Used by grounding and by corpus; no command of its own.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from validators import dates
from validators.chains import Group, Piece, segment
from validators.cpf import cpf_ok
from validators.labels import Labels
from validators.tokens import NUMBER, Tokens, tokenise


class Candidate(NamedTuple):
    """One thing in a text that is, or could become, a CPF or a birth date.

    kind: resolved (value: 11 digits or YYYYMMDD), ambiguous (`readings` hold the possible values), invalid, or
    partial (value: the digits at hand, or a date with `?`). label: what the words beside it call it: "cpf", "birth",
    "other" or "". start and end are places in the text.
    """

    kind: str
    value: str
    start: int
    end: int
    label: str = ""
    note: str = ""
    readings: tuple[str, ...] = ()


class Scan(NamedTuple):
    """All candidates of a text, in the order of the text."""

    cpfs: tuple[Candidate, ...]
    dates: tuple[Candidate, ...]


ANY_FIGURE = re.compile(r"[0-9\uff10-\uff19]")
WORTH_READING = re.compile(
    r"\b(?:zero|dois|duas|tr[eê]s|quatro|cinco|seis|meia|sete|oito|nove|dez|onze|doze|treze|quinze|"
    r"(?:cator|quator|deze|dezo|vint|trint|quaren|cin[cq]u?[oe]n|sessen|seten|oiten|noven|cent|duzen|trezen|quinhen|"
    r"jan|fev|mar[cç]|abr|mai|jun|jul|ago|set|out|nov|dez)[a-zç]*|mil|cem|primeiro|dia)\b",
    re.IGNORECASE,
)
CHAIN = re.compile(rf"{NUMBER}(?:[.&]{{0,3}}{NUMBER})*")
MONEY = re.compile(r"x[1-9](?:[.]3)*(?:[.]2)?")
AREA_CODE = re.compile(r"\(\.?[23]\.?\)")
LETTER_INSIDE = re.compile(r"(?<![\w.-])(?=[\d.\-]*[A-Za-z][\d.\-]*(?!\w))[\dA-Za-z.\-]{11,14}(?!\w)")
MASKED = "*"


@lru_cache(maxsize=2048)
def scan(text: str) -> Scan:
    """Every CPF and date of one text; neither is looked for where there is no figure, number word or month."""
    if not (ANY_FIGURE.search(text) or WORTH_READING.search(text)):
        return Scan((), ())
    tokens = tokenise(text)
    labels = Labels(text, tokens)
    cpfs = list(_with_a_letter(text))
    found: list[Candidate] = []
    shape = _without_others(text, tokens, labels, cpfs)
    # What is surest comes first, and blots its tokens out for the rest: dates in words, then chains of figures.
    for span in dates.worded(tokens, shape):
        shape = _blot(shape, span.first, span.end)
        found.append(_date(tokens, span.first, span.end, span.reading, labels))
    for span in dates.parts(tokens, shape, with_month=True):
        shape = _blot(shape, span.first, span.end)
        found.append(_date(tokens, span.first, span.end, span.reading, labels))
    for chain in CHAIN.finditer(shape):
        for first, end in _apart(tokens, chain.start(), chain.end()):
            shape = _read_chain(tokens, first, end, labels, cpfs, found, shape)
    for span in dates.parts(tokens, shape, with_month=False):
        found.append(_date(tokens, span.first, span.end, span.reading, labels))
    cpfs.sort(key=_place)
    joined = list(_halves(text, cpfs))
    cpfs.extend(joined)
    found = list(_without_halves(_outermost(found), joined))
    found.extend(_completed(found))
    return Scan(tuple(cpfs), tuple(found))


def find_cpfs(text: str) -> list[Candidate]:
    """The CPF candidates of a text."""
    return list(scan(text).cpfs)


def find_dates(text: str) -> list[Candidate]:
    """The date candidates of a text."""
    return list(scan(text).dates)


def _place(candidate: Candidate) -> tuple[int, int]:
    return candidate.start, candidate.end


def _outermost(found: list[Candidate]) -> Iterator[Candidate]:
    """The dates in the order of the text, without the parts that a larger find already holds."""
    reach = -1
    for date in sorted(found, key=lambda date: (date.start, -date.end)):
        if date.kind != "partial" or date.end > reach:
            yield date
        reach = max(reach, date.end)


def _without_others(text: str, tokens: Tokens, labels: Labels, slips: list[Candidate]) -> str:
    """The shape without CPFs that carry a letter, telephones with an area code in brackets, and amounts of money."""
    shape = tokens.shape
    for slip in slips:
        shape = _blot(shape, bisect_left(tokens.starts, slip.start), bisect_left(tokens.starts, slip.end))
    for match in AREA_CODE.finditer(shape) if "(" in shape else ():
        labels.claim_before(match.start())
        shape = _blot(shape, match.start(), _phone_end(tokens, match.end()))
    for match in MONEY.finditer(shape) if "$" in text else ():
        if tokens.words[match.start()].endswith("$"):
            shape = _blot(shape, match.start(), match.end())
    return shape


def _phone_end(tokens: Tokens, place: int) -> int:
    """Where the eight or nine figures after a bracketed area code end; where they begin when they are not that many."""
    start, total = place, 0
    while place < len(tokens.words) and (tokens.words[place].isdigit() or tokens.shape[place] == ".") and total < 8:
        total += len(tokens.words[place]) if tokens.words[place].isdigit() else 0
        place += 1
    return place if total in (8, 9) else start


def _blot(shape: str, first: int, end: int) -> str:
    return f"{shape[:first]}{'X' * (end - first)}{shape[end:]}"


def _apart(tokens: Tokens, first: int, end: int) -> Iterator[tuple[int, int]]:
    """A chain, cut at each `e` that does not stand between spoken figures, and around what is whole or too long."""
    start = first
    for place in range(first, end):
        if tokens.shape[place] == "&" and not {place - 1, place + 1} <= tokens.spoken:
            yield start, place
            start = place + 1
        elif len(tokens.words[place]) >= 11 and tokens.words[place].isdigit():
            yield start, place
            if len(tokens.words[place]) == 11 or not _has_neighbour(tokens, place, first, end):
                yield place, place + 1
            start = place + 1
    yield start, end


def _has_neighbour(tokens: Tokens, place: int, first: int, end: int) -> bool:
    """Whether more figures stand a mere blank away, as in the card number 0 999 123456789012 1."""
    return any(first <= near < end and tokens.words[near].isdigit() for near in (place - 1, place + 1))


def _read_chain(
    tokens: Tokens, first: int, end: int, labels: Labels, cpfs: list[Candidate], found: list[Candidate], shape: str
) -> str:
    """Sort a chain's pieces into CPFs and dates; the shape comes back with whole values blotted out."""
    places = [place for place in range(first, end) if tokens.words[place].isdigit()]
    if not places:
        return shape
    groups = [
        Group(tokens.words[place], after - place > 1, place in tokens.spoken)
        for place, after in pairwise([*places, places[-1] + 1])
    ]
    rest: list[int] = []
    for piece in segment(groups, labels.of_figures(places[0])):
        here = places[piece.first : piece.end]
        if piece.what == "rest":
            rest.extend(here)
            continue
        _read_rest(tokens, rest, labels, cpfs, found)
        rest = []
        if piece.what == "other":
            continue
        if piece.what == "cpf":
            cpfs.extend(_cpf(tokens, here, labels))
        else:
            found.append(_date(tokens, here[0], here[-1] + 1, piece.reading, labels))  # type: ignore[arg-type]
            if _may_be_half(piece, groups, found[-1]):
                cpfs.append(_partial_cpf(tokens, here, labels.of_figures(here[0])))
        if piece.what in ("cpf", "date"):
            shape = _blot(shape, here[0], here[-1] + 1)
    _read_rest(tokens, rest, labels, cpfs, found)
    return shape


def _may_be_half(piece: Piece, groups: list[Group], date: Candidate) -> bool:
    """Figures that read as a date, 150685 or 12/05, and may yet be the first or second half of a CPF."""
    return date.label == "" and (piece.what == "part" or (piece.end - piece.first == 1 and len(groups) == 1))


def _cpf(tokens: Tokens, places: list[int], labels: Labels) -> Iterator[Candidate]:
    digits = "".join(tokens.words[place] for place in places)
    start, end = tokens.starts[places[0]], tokens.ends[places[-1]]
    label = labels.of_figures(places[0]) or labels.after_figures(places[-1] + 1)
    if label == "phone" and digits[2] == "9" and not cpf_ok(digits):
        return
    label = label if label == "cpf" else ""
    if len(set(digits)) == 1:
        yield Candidate("invalid", digits, start, end, label, "eleven equal digits")
    else:
        yield Candidate("resolved", digits, start, end, label, "" if cpf_ok(digits) else "typo")


def _read_rest(
    tokens: Tokens, places: list[int], labels: Labels, cpfs: list[Candidate], found: list[Candidate]
) -> None:
    """Figures that are nothing whole: perhaps a part of a CPF, perhaps a year."""
    if not places:
        return
    label = labels.of_figures(places[0])
    total = sum(len(tokens.words[place]) for place in places)
    too_long = total > 11 and not (label == "cpf" or (total == 12 and len(places) == 1))
    if label in ("phone", "document") or not 2 <= total <= 13 or total == 11 or too_long:
        return
    cpfs.append(_partial_cpf(tokens, places, label))
    for place in places:
        year = dates.figure_parts([tokens.words[place]])
        after = tokens.words[place + 1] if place + 1 < len(tokens.words) else ""
        if year and after not in dates.COUNTED:
            found.append(_date(tokens, place, place + 1, year, labels))


def _partial_cpf(tokens: Tokens, places: list[int], label: str) -> Candidate:
    digits = "".join(tokens.words[place] for place in places)
    start, end = tokens.starts[places[0]], tokens.ends[places[-1]]
    label = label if label == "cpf" else ""
    around = tokens.shape[max(places[0] - 1, 0) : places[0]] + tokens.shape[places[-1] + 1 : places[-1] + 2]
    if len(digits) > 11:
        return Candidate("invalid", digits, start, end, label, f"{len(digits)} digits")
    return Candidate("partial", digits, start, end, label, "masked" if MASKED in around else f"{len(digits)} digits")


def _date(tokens: Tokens, first: int, end: int, reading: dates.Reading, labels: Labels) -> Candidate:
    start, stop = tokens.starts[first], tokens.ends[end - 1]
    label = labels.of_date(first, end)
    return Candidate(reading.kind, reading.value, start, stop, label, reading.note, reading.readings)


def _with_a_letter(text: str) -> Iterator[Candidate]:
    """Ten digits and one letter are a CPF with a slip, not ten digits."""
    for match in LETTER_INSIDE.finditer(text):
        if sum(char.isdigit() for char in match[0]) == 10:
            yield Candidate("invalid", match[0], match.start(), match.end(), "", "a letter among the digits")


def _halves(text: str, cpfs: list[Candidate]) -> Iterator[Candidate]:
    """A CPF written in two or three goes within one text."""
    pieces = [cpf for cpf in cpfs if cpf.kind == "partial" and cpf.note != "masked"]
    for count in (2, 3):
        for first in range(len(pieces) - count + 1):
            run = pieces[first : first + count]
            digits = "".join(piece.value for piece in run)
            between = "".join(text[a.end : b.start] for a, b in pairwise(run))
            if len(digits) == 11 and (cpf_ok(digits) or not re.search(r"\w", between)):
                yield Candidate("resolved", digits, run[0].start, run[-1].end, run[0].label, "joined")


def _without_halves(found: Iterable[Candidate], joined: list[Candidate]) -> Iterator[Candidate]:
    """Leave out figures that seemed a date before the other half of their CPF was found; both come in text order."""
    halves = [cpf for cpf in joined if cpf_ok(cpf.value)]
    for date in found:
        while halves and halves[0].end < date.end:
            halves.pop(0)
        if date.label or not halves or date.start < halves[0].start:
            yield date


def join_dates(parts: Iterable[str]) -> str:
    """Parts of dates put together, the newest winning: `????0615` and `1985????` are `19850615`."""
    known = "????????"
    for part in parts:
        known = dates.fill(known, part)
    return known


def _completed(found: list[Candidate]) -> Iterator[Candidate]:
    """A date whose parts stand apart in one text: `15 de junho, sou de 85`."""
    pieces = [date for date in found if date.kind == "partial" and date.label != "other"]
    if len(pieces) < 2 or any(date.kind != "partial" and date.label != "other" for date in found):
        return
    choices = {join_dates([*(piece.value for piece in pieces if piece.value), tail]) for tail in pieces[-1].readings}
    readings = tuple(sorted(value for value in choices if dates.is_date(value)))
    if readings:
        kind, value = ("resolved", readings[0]) if len(readings) == 1 else ("ambiguous", "")
        yield Candidate(kind, value, pieces[0].start, pieces[-1].end, pieces[0].label, "joined", readings)
