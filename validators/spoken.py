"""Numbers said in Portuguese words: `oitenta e cinco` is 85, `cinco dois nove` stays three figures, `meia` is 6.

Long number words may carry one slip of the fingers. No command of its own; `tokens` uses it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

UNITS = {
    "zero": 0, "um": 1, "uma": 1, "dois": 2, "duas": 2, "tres": 3, "quatro": 4, "cinco": 5,
    "seis": 6, "meia": 6, "sete": 7, "oito": 8, "nove": 9,
}  # fmt: skip
TEENS = {
    "dez": 10, "onze": 11, "doze": 12, "treze": 13, "quatorze": 14, "catorze": 14, "quinze": 15,
    "dezesseis": 16, "dezasseis": 16, "dezessete": 17, "dezassete": 17, "dezoito": 18, "dezenove": 19, "dezanove": 19,
}  # fmt: skip
TENS = {
    "vinte": 20, "trinta": 30, "quarenta": 40, "cinquenta": 50, "cincoenta": 50, "sessenta": 60,
    "setenta": 70, "oitenta": 80, "noventa": 90,
}  # fmt: skip
HUNDREDS = {
    "cem": 100, "cento": 100, "duzentos": 200, "trezentos": 300, "quatrocentos": 400, "quinhentos": 500,
    "seiscentos": 600, "setecentos": 700, "oitocentos": 800, "novecentos": 900,
}  # fmt: skip
NUMBERS = {**UNITS, **TEENS, **TENS, **HUNDREDS, "mil": 1000}
ONLY_AMONG_NUMBERS = frozenset({"um", "uma", "meia"})

# One slip away from a number word, and far more often themselves.
NOT_NUMBERS = frozenset(
    "quarto quadro quanto centro conto tento sento canto vento cinto tinta quita trintas certo noventena".split()
)


def edits(a: str, b: str, most: int) -> int:
    """How many slips (a letter too many, missing, wrong, or two swapped) lie between two words; most + 1 when more."""
    if abs(len(a) - len(b)) > most or len(set(a) ^ set(b)) > 2 * most:
        return most + 1
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, last, row = row, before, [i]
        for j, y in enumerate(b, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return row[-1]


def letters(word: str) -> int:
    """Which letters a word has, one bit each: two words that differ in too many are no slip away from each other."""
    bits = 0
    for char in word:
        bits |= 1 << (ord(char) & 31)
    return bits


def indexed(names: Iterable[str]) -> tuple[tuple[str, int, int], ...]:
    """Words with their length and letters, for `near`."""
    return tuple((name, len(name), letters(name)) for name in names)


def near(word: str, names: tuple[tuple[str, int, int], ...], most: int) -> list[str]:
    """Those of the `indexed` names that are at most so many slips away."""
    size, bits = len(word), letters(word)
    return [
        name
        for name, length, mask in names
        if -most <= length - size <= most and (mask ^ bits).bit_count() <= 2 * most and edits(word, name, most) <= most
    ]


LONG_NUMBERS = indexed(name for name in NUMBERS if len(name) > 4)
LONG_UNITS = indexed(name for name in UNITS if len(name) > 2)


@lru_cache(maxsize=65536)
def number_of(word: str) -> str | None:
    """The number word that a long word means, typos allowed."""
    if word in NUMBERS:
        return word
    if len(word) < 5 or word in NOT_NUMBERS:
        return None
    close = near(word, LONG_NUMBERS, 1)
    return close[0] if len(close) == 1 else None


@lru_cache(maxsize=65536)
def may_be_number(word: str) -> bool:
    """Whether a word can be a number at all, with neighbours that make it one."""
    return number_of(word) is not None or (3 <= len(word) <= 5 and bool(near(word, LONG_UNITS, 1)))


def _is_unit(words: list[str], place: int) -> bool:
    return 0 <= place < len(words) and words[place] in UNITS


def _among_numbers(words: list[str], place: int) -> bool:
    """Whether the neighbours, a comma aside, are number words: then `um` and `meia` are digits."""
    after = place + 2 if place + 1 < len(words) and words[place + 1] in (",", ".", "-") else place + 1
    before = place - 2 if place and words[place - 1] in (",", ".", "-") else place - 1
    return _is_unit(words, after) or _is_unit(words, before)


def _number_at(words: list[str], place: int) -> str | None:
    """The number word at a place, exact or with a slip that its neighbours make certain."""
    if place >= len(words) or not words[place].isalpha():
        return None
    word = words[place]
    if word in ONLY_AMONG_NUMBERS and not _among_numbers(words, place):
        return None
    if number := number_of(word):
        return number
    if 3 <= len(word) <= 5 and _is_unit(words, place - 1) and _is_unit(words, place + 1):
        close = near(word, LONG_UNITS, 1)
        return close[0] if len(close) == 1 else None
    return None


def spoken_number(words: list[str], place: int) -> tuple[str, int] | None:
    """Digits of the number spoken from a place on, and the place after it: `oitenta e cinco` is 85, `dois cinco` is 2.

    Hundreds may be followed by tens with or without `e`; units join only by `e`, since digits are also read one by one.
    """
    word = _number_at(words, place)
    if word is None:
        return None
    value, room = 0, 10_000
    while word is not None:
        size = NUMBERS[word]
        if word == "mil" and value < 100:
            value, room = max(value, 1) * 1000, 1000
        elif size < room and (size or not value):
            value, room = value + size, (100 if size >= 100 else 10 if size >= 20 else 1)
        else:
            break
        place += 1
        joined = place < len(words) and words[place] in ("e", ",")
        following = (
            words[place + 1] if joined and place + 1 < len(words) else words[place] if place < len(words) else ""
        )
        word = number_of(following) if following.isalpha() else None
        if word is None or not _joins(NUMBERS[word], room, value, words[place] if joined else ""):
            break
        place += joined
    return str(value), place


def _joins(size: int, room: int, value: int, joint: str) -> bool:
    if size == 1000:
        return not joint and value == 2  # a year: mil or dois mil
    if size >= room or not size or (joint == "," and room != 1000):
        return False
    return joint != "" or size >= 20 or room == 1000
