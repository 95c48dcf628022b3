"""How a chain of figures falls into CPFs, dates and rest.

A chain is figures with at most soft separators between them: `529 982 247 25 15/06/1985` is seven groups and holds a
CPF and a date. The best of all ways to cut it is taken. No command of its own; `formats` uses it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from validators.cpf import cpf_ok
from validators.dates import Reading, figure_parts, resolve_figures

GROUP_ENDS = frozenset({3, 6, 9, 11})
HEALTH_CARD_GROUPS = [3, 4, 4, 4]  # CNS, 15 digits; its first three groups are eleven
ODD_GROUPS = ([4, 4, 3], [3, 2, 2, 2, 2], [2, 2, 2, 2, 2, 1], [1, 2, 2, 2, 2, 2])
PLAIN_DATES = ([2, 2, 4], [1, 2, 4], [2, 1, 4], [1, 1, 4])
MOBILE_GROUPS = ([2, 5, 4], [2, 1, 4, 4], [2, 9])


class Group(NamedTuple):
    """One run of figures in a chain: its digits, whether a sign separates it from the next, whether it was spoken."""

    digits: str
    sign_after: bool
    spoken: bool


class Piece(NamedTuple):
    """A stretch of groups and what it is: cpf, date, part (of a date), other or rest."""

    first: int
    end: int
    what: str
    score: int
    reading: Reading | None = None


def segment(groups: Sequence[Group], label: str) -> list[Piece]:
    """Cut a chain into pieces so that the most is explained; `label` is what the words before the chain call it."""
    if pieces := _certain(groups, label):
        return pieces
    best: list[tuple[int, Piece | None]] = [(0, None)] * (len(groups) + 1)
    for first in range(len(groups) - 1, -1, -1):
        best[first] = (best[first + 1][0], Piece(first, first + 1, "rest", 0))
        for piece in _pieces(groups, first, label):
            score = piece.score + best[piece.end][0]
            if score > best[first][0]:
                best[first] = (score, piece)
    pieces: list[Piece] = []
    place = 0
    while place < len(groups):
        piece = best[place][1]
        if piece is None:
            break
        pieces.append(piece)
        place = piece.end
    return pieces


def _certain(groups: Sequence[Group], label: str) -> list[Piece] | None:
    """The pieces of a chain of nothing but right CPFs and dates in plain form: most chains, and quick to see."""
    lengths = [len(group.digits) for group in groups]
    pieces: list[Piece] = []
    place, count = 0, len(groups)
    while place < count:
        end = place + (1 if lengths[place] == 11 else 4 if lengths[place] == 3 else 3)
        window = [group.digits for group in groups[place:end]]
        if lengths[place:end] in ([11], [3, 3, 3, 2]):
            if not cpf_ok("".join(window)):
                return None
            pieces.append(Piece(place, end, "cpf", 20))
        elif lengths[place:end] in PLAIN_DATES and (place or label != "phone") and not groups[place].spoken:
            reading = resolve_figures(window)
            if reading is None or reading.kind != "resolved":
                return None
            pieces.append(Piece(place, end, "date", 16, reading))
        else:
            return None
        place = end
    return pieces


def _pieces(groups: Sequence[Group], first: int, label: str) -> Iterator[Piece]:
    if [len(group.digits) for group in groups[first : first + 4]] == HEALTH_CARD_GROUPS:
        yield Piece(first, first + 4, "other", 24)  # surer than a CPF by chance in its first eleven figures
    total = 0
    for end in range(first + 1, min(first + 11, len(groups)) + 1):
        total += len(groups[end - 1].digits)
        if total > 11:
            return
        window = groups[first:end]
        if (
            first == 0
            and label == "phone"
            and 8 <= total <= 11
            and not cpf_ok("".join(group.digits for group in window))
        ):
            yield Piece(first, end, "other", 10 + total)
        if total == 11 and (
            score := _cpf_score(window, first == 0 or end == len(groups), "" if first and label != "cpf" else label)
        ):
            yield Piece(first, end, "cpf", score)
        if end - first <= 3 or total == 8 or (total <= 8 and window[0].spoken):
            yield from _date_pieces(window, first, end, label)


def _cpf_score(window: Sequence[Group], outer: bool, label: str) -> int:
    """How surely eleven figures are a CPF: by arithmetic, by the usual groups, or standing at an edge."""
    digits = "".join(group.digits for group in window)
    lengths = [len(group.digits) for group in window]
    signs = {group.sign_after for group in window[:-1]}
    if cpf_ok(digits):
        return 22 + (len(signs) < 2)  # surer than a telephone of its first ten figures; surest with signs all alike
    if lengths == [3, 3, 3, 2] and signs == {True}:
        return 22
    if label != "cpf" and digits[2] == "9" and (lengths in MOBILE_GROUPS or label == "phone"):
        return 0
    if label == "document":
        return 0
    ends = {sum(lengths[: place + 1]) for place in range(len(lengths))}
    if ends <= GROUP_ENDS or all(group.spoken for group in window):
        return 14
    if label == "cpf":
        return 8
    return 7 if lengths in ODD_GROUPS else 4 if outer else 0


def _date_pieces(window: Sequence[Group], first: int, end: int, label: str) -> Iterator[Piece]:
    if first == 0 and len(window) == 1 and label in ("document", "phone", "cpf"):
        return
    digits = [group.digits for group in window]
    signs = [group.sign_after for group in window[:-1]]
    if all(group.spoken for group in window):
        digits = _read_out(digits)
    reading = resolve_figures(digits)
    if reading and (score := _date_score(digits, signs, reading, label)):
        yield Piece(first, end, "date", score, reading)
    elif len(window) == 2 and all(signs) and (reading := figure_parts(digits)) and reading.kind == "partial":
        yield Piece(first, end, "part", 2, reading)


def _read_out(digits: list[str]) -> list[str]:
    """Figures as spoken, `quinze zero seis`, with the zero put before its digit."""
    joined: list[str] = []
    for digit in digits:
        if joined and joined[-1] == "0" and len(digit) == 1:
            joined[-1] += digit
        else:
            joined.append(digit)
    return joined if len(joined) == 3 else digits


def _date_score(digits: list[str], signs: list[bool], reading: Reading, label: str) -> int:
    lengths = [len(group) for group in digits]
    signed = bool(signs) and all(signs)
    if reading.kind == "invalid":
        if len(digits) == 3 and signed:
            return 6 if 4 in lengths else 3
        return 4 if label == "birth" and len(digits) == 1 else 0
    if len(digits) == 3:
        score = (16 if signed else 15) if 4 in lengths else (15 if signed else 5)
    elif len(digits) == 1:
        score = 9 if lengths == [8] else 5
    else:
        score = 9 if signed or len(digits) == 8 else 0
    return score - (reading.kind == "ambiguous")
