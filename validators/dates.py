"""Birth dates in Portuguese words and figures, resolved to YYYYMMDD by fixed rules; nothing here reads the clock.

Two-digit years: 31-99 are 19yy, 00-19 are 20yy, 20-30 could be either. Day before month, as in Brazil; a date that
only reads as month before day is ambiguous, since one asks. No command of its own; `formats` uses it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from typing import NamedTuple

from validators.cpf import cpf_ok
from validators.tokens import NUMBERS_IN_SHAPE, Tokens, month_numbers

FIRST_YEAR, LAST_YEAR = 1900, 2099


class Reading(NamedTuple):
    """What a date in a text comes to.

    kind is resolved (value is YYYYMMDD), ambiguous (several `readings`, or one that must be confirmed),
    invalid (no such day) or partial (value has `?` for what is missing).
    """

    kind: str
    value: str
    readings: tuple[str, ...] = ()
    note: str = ""


class Span(NamedTuple):
    """A reading and the tokens that it stands on; `loose` counts joints that are a mere blank or a comma."""

    first: int
    end: int
    reading: Reading
    loose: int = 0


def is_date(text: str) -> bool:
    """Whether a text is a real day as YYYYMMDD, in ASCII digits."""
    return (
        len(text) == 8 and text.isascii() and text.isdigit() and _exists(int(text[:4]), int(text[4:6]), int(text[6:]))
    )


def _exists(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def years(text: str) -> tuple[int, ...]:
    """The years that two or four digits can mean; none when no living person was born then."""
    if len(text) == 4:
        return (int(text),) if FIRST_YEAR <= int(text) <= LAST_YEAR else ()
    if len(text) == 2:
        short = int(text)
        return (1900 + short,) if short > 30 else (2000 + short,) if short < 20 else (1900 + short, 2000 + short)
    return ()


def resolve(day: int, months: tuple[int, ...], year: str) -> Reading:
    """A day, the months it may be in (several for a typo between two) and a year as written, to a reading."""
    choices = years(year)
    if not choices:
        return Reading("invalid", "", (), f"the year {year} is no year of birth")
    dates = _dates(choices, months, day)
    if len(dates) == 1 and len(choices) == len(months) == 1:
        return Reading("resolved", dates[0], dates)
    if dates:
        return Reading("ambiguous", "", dates, "the year or the month can be read in two ways")
    if len(months) == 1 and months[0] > 12 and (swapped := _dates(choices, (day,), months[0])):
        return Reading("ambiguous", "", swapped, "only right with the month before the day: to be confirmed")
    return Reading("invalid", "", (), "there is no such day")


def _dates(choices: tuple[int, ...], months: tuple[int, ...], day: int) -> tuple[str, ...]:
    return tuple(f"{y}{m:02}{day:02}" for y in choices for m in months if _exists(y, m, day))


def resolve_figures(groups: list[str]) -> Reading | None:
    """Figures that can only be a whole date: three groups, or 4+4, 2+6, 8, 6 digits; None for anything else."""
    lengths = [len(group) for group in groups]
    if lengths in ([8], [2, 6], [1, 6], [4, 4]) or (lengths == [1] * 8):
        return _eight("".join(groups) if lengths != [1, 6] else f"0{''.join(groups)}", alone=lengths == [8])
    if lengths == [6]:
        text = groups[0]
        reading = resolve(int(text[:2]), (int(text[2:4]),), text[4:])
        return reading if reading.kind != "ambiguous" or int(text[2:4]) <= 12 else Reading("invalid", "")
    if len(groups) != 3:
        return None
    first, middle, last = groups
    if lengths[0] == 4 and lengths[1] <= 2 and lengths[2] <= 2:
        return resolve(int(last), (int(middle),), first)
    if lengths[0] <= 2 and lengths[1] <= 2 and 2 <= lengths[2] <= 5:
        return resolve(int(first), (int(middle),), last)
    return None


def _eight(text: str, alone: bool) -> Reading:
    """DDMMYYYY; YYYYMMDD where only that is a date."""
    reading = resolve(int(text[:2]), (int(text[2:4]),), text[4:])
    if alone and reading.kind != "resolved":
        other = resolve(int(text[6:]), (int(text[4:6]),), text[:4])
        if other.kind == "resolved":
            return other
    return reading


def partial(day: int | None, month: int | None, year: str | None) -> Reading:
    """The known parts of a date, as YYYYMMDD with `?`; invalid when no date has them."""
    choices = years(year) if year else ()
    if (year and not choices) or (month and not 1 <= month <= 12) or (day and not 1 <= day <= 31):
        return Reading("invalid", "", (), "no date has these parts")
    if day and month and not _exists(2000, month, day):
        return Reading("invalid", "", (), "there is no such day")
    texts = tuple(
        f"{y or '????'}{f'{month:02}' if month else '??'}{f'{day:02}' if day else '??'}" for y in choices or (None,)
    )
    return Reading("partial", texts[0] if len(texts) == 1 else "", texts)


def fill(known: str, new: str) -> str:
    """One partial date completed, and where both speak overruled, by a newer one."""
    return "".join(b if b != "?" else a for a, b in zip(known, new, strict=True))


def sound_parts(text: str) -> str:
    """What can be kept of figures that are no date, 10/06/985 or 00/09/1982: the day, the month, the year by itself."""
    groups = re.findall(r"\d+", text)
    named = [month for word in re.findall(r"[^\W\d_]{3,}", text.lower()) for month in month_numbers(word)]
    if len(groups) == 2 and len(named) == 1:
        groups.insert(1, str(named[0]))
    if len(groups) != 3:
        return "????????"
    day, month, year = groups
    sure = years(year)
    found = (
        (str(sure[0]) if len(sure) == 1 else "????")
        + (f"{int(month):02}" if 1 <= int(month) <= 12 else "??")
        + (f"{int(day):02}" if 1 <= int(day) <= 31 else "??")
    )
    return found if "?" in found else f"{found[:6]}??"  # 31/06/1966: it is the day that is asked for again


DAY = r"(?P<d>[12Pu])"
YEAR = r"(?:Ye?)?(?P<y>[24])"
# Dates with at least one word in them; figures alone are segmented with the CPFs in formats.py.
WHOLE = (
    re.compile(rf"d?{DAY}(?P<s>[.e]{{0,2}})(?:me?)?(?P<m>[12Mu])[.e]{{0,3}}{YEAR}"),
    re.compile(rf"(?P<m>M)[.e]{{0,2}}{YEAR}[.&n]{{0,2}}w?d{DAY}"),
    re.compile(rf"(?P<m>M)[.e]{{0,2}}d?{DAY}[.e]{{1,3}}{YEAR}"),
)
PARTS_WITH_A_MONTH = (
    re.compile(rf"d?{DAY}[.e]{{0,2}}(?:me?)?(?P<m>M)"),
    re.compile(rf"(?P<m>M)[.e]{{0,2}}{YEAR}"),
)
PARTS_IN_FIGURES = (
    re.compile(rf"d{DAY}e(?:me?)?(?P<m>[12u])(?![.e]?[1-9A-K])"),
    re.compile(rf"d{DAY}(?![.e]?[1-9A-K])"),
    re.compile(r"(?:e|Ye?)(?P<y>[24])(?![.]?[1-9A-K])"),
)
FIGURES_WITH_DE = re.compile(r"[12Pu][.e]{0,2}(?:me?)?[12u][.e]{0,3}Y?e?[24]")
PREFERENCE = {"resolved": 0, "ambiguous": 1, "invalid": 2}
SAID_MONTHS = {"um": (1,), "dez": (12,)}
NUMBERS_OR_SIGN = NUMBERS_IN_SHAPE | {"."}
COUNTED = frozenset("anos ano dias meses mes horas hora h hrs min minutos reais real vidas dependentes vezes".split())


def worded(tokens: Tokens, shape: str) -> Iterator[Span]:
    """Whole dates that hold a month's name or a `de`, in any of the brief's orders; right ones before impossible ones.

    `shape` is the tokens' shape with what is already taken blotted out.
    """
    if "M" not in shape and not FIGURES_WITH_DE.search(shape):
        return
    found: list[Span] = []
    for pattern in WHOLE:
        match = pattern.search(shape)
        while match:
            if reading := _read_whole(tokens, match):
                found.append(Span(match.start(), match.end(), reading, _loose(tokens, match)))
            match = pattern.search(shape, match.start() + 1)
    found.sort(key=lambda span: (PREFERENCE[span.reading.kind], span.loose))
    taken: set[int] = set()
    for span in found:
        if taken.isdisjoint(range(span.first, span.end)):
            taken.update(range(span.first, span.end))
            yield span


def _read_whole(tokens: Tokens, match: re.Match[str]) -> Reading | None:
    text = match[0]
    if "M" not in text and "e" not in text:
        return None
    if "d" in match.groupdict() and _ends_a_cpf(tokens, match):
        return None
    year = tokens.words[match.start("y")]
    after = tokens.words[match.end("y")] if match.end("y") < len(tokens.words) else ""
    if len(year) == 2 and after in COUNTED:
        return None
    return resolve(_day(tokens, match), _months(tokens, match), year)


def _loose(tokens: Tokens, match: re.Match[str]) -> int:
    """How many of a date's parts hang together by a blank or a comma only: `07 oito do doze` by one."""
    places = sorted(match.start(name) for name in ("d", "m", "y"))
    return sum(b - a == 1 or ("," in tokens.words[a:b] and "dia" not in tokens.words[a:b]) for a, b in pairwise(places))


def _ends_a_cpf(tokens: Tokens, match: re.Match[str]) -> bool:
    """The 25 of `529.982.247-25, junho de 1985` is no day: the figures before it, with it, make a CPF."""
    day = place = match.start("d")
    groups: list[str] = []
    while place >= 0 and sum(map(len, groups)) < 11 and match.string[place] in NUMBERS_OR_SIGN:
        if match.string[place] != ".":
            groups.insert(0, tokens.words[place])
        place -= 1
    digits = "".join(groups)
    if len(digits) != 11 or (place >= 0 and match.string[place] in NUMBERS_IN_SHAPE):
        return False
    if len(groups) == 2 and len(groups[1]) == 1:
        return False  # `8764974405, 1 fev 36`: nobody writes a CPF as ten figures and one
    return cpf_ok(digits) or "," in tokens.words[day : match.start("m")]


def _day(tokens: Tokens, match: re.Match[str]) -> int:
    word = tokens.words[match.start("d")]
    return int(word) if word.isdigit() else 1


def _months(tokens: Tokens, match: re.Match[str]) -> tuple[int, ...]:
    word = tokens.words[match.start("m")]
    return (int(word),) if word.isdigit() else SAID_MONTHS.get(word) or month_numbers(word)


def parts(tokens: Tokens, shape: str, with_month: bool) -> Iterator[Span]:
    """Pieces of a date that words give away: with a month `15 de junho`, `junho de 85`; without `dia 15`, `de 85`."""
    if not (("M" in shape) if with_month else ("d" in shape or "e" in shape or "Y" in shape)):
        return
    for pattern in PARTS_WITH_A_MONTH if with_month else PARTS_IN_FIGURES:
        for match in pattern.finditer(shape):
            reading = _read_part(tokens, match)
            if reading and reading.kind == "partial":
                yield Span(match.start(), match.end(), reading)
                shape = f"{shape[: match.start()]}{'X' * (match.end() - match.start())}{shape[match.end() :]}"


def _read_part(tokens: Tokens, match: re.Match[str]) -> Reading | None:
    groups = match.groupdict()
    if groups.get("d") and groups.get("m") and _ends_a_cpf(tokens, match):
        return None
    year = tokens.words[match.start("y")] if groups.get("y") else None
    after = tokens.words[match.end()] if match.end() < len(tokens.words) else ""
    months = _months(tokens, match) if groups.get("m") else (None,)
    if len(months) != 1 or (year and after in COUNTED):
        return None
    return partial(_day(tokens, match) if groups.get("d") else None, months[0], year)


def figure_parts(groups: list[str]) -> Reading | None:
    """Two groups of figures that can be a day and a month, or a month and a year."""
    lengths = [len(group) for group in groups]
    if len(groups) == 2 and max(lengths) <= 2:
        return partial(int(groups[0]), int(groups[1]), None)
    if len(groups) == 2 and lengths[0] <= 2 and lengths[1] == 4:
        return partial(None, int(groups[0]), groups[1])
    if lengths == [4] and years(groups[0]):
        return partial(None, None, groups[0])
    return None
