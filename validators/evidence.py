"""Amounts, dates, numbers and names in texts and in tool results: what was said, and what may therefore be repeated.

Used by claims; no command of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

from validators.formats import scan
from validators.knowledge import Knowledge
from validators.tokens import MONTHS, fold, tokenise

MONTH = "|".join((*MONTHS, "março"))
AMOUNT = re.compile(r"R\$\s*(\d[\d.,]*\d|\d)|(?<![\d.,])(\d[\d.,]*\d|\d)\s+reais\b")
DAY = re.compile(
    r"(?<![\d/.-])(?P<d>\d{1,2})(?P<s>[/.-])(?P<m>\d{1,2})(?:(?P=s)(?P<y>\d{4}|\d{2}))?(?![\d]|[/.-]\d)"
    r"|(?<!\d)(?P<iso>(?:19|20)\d\d-\d\d-\d\d)(?!\d)|(?<!\d)(?P<bare>(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))(?!\d)"
    rf"|\b(?P<wd>\d{{1,2}}|primeiro|1º)\s+de\s+(?P<wm>{MONTH})\b(?:\s+de\s+(?P<wy>\d{{4}}))?"
    rf"|\b(?P<om>{MONTH})\s+de\s+(?P<oy>\d{{4}})\b",
    re.IGNORECASE,
)
PHONE = re.compile(
    r"\(\d\d\)\s?9?\d{4}[- ]?\d{4}\b|\b0[38]00[ .-]?\d{3}[ .-]?\d{4}\b|(?<![\d.-])9?\d{4}-\d{4}(?![\d-])"
)
NUMBER = re.compile(r"\d[\d.,]*\d|\d")
TERM = re.compile(
    r"(?<![\d,.])(\d{1,4})(?:º|o)?\s+(?:primeir[oa]s? |[uú]ltim[oa]s? )?"
    r"(dias?|m[eê]s(?:es)?|horas?|anos?|dependentes?|parcelas?|mensalidades?|boletos?|faturas?|pessoas|vidas)\b",
    re.IGNORECASE,
)
WORD = re.compile(r"[a-z][a-z'-]*")

LABELS = frozenset({"campo", "field"})
"""Keys whose value names a field, where a result is a list of names and values."""

Day = tuple[int | None, int | None, int | None]
"""Year, month, day; None where it is not said."""


class Evidence(NamedTuple):
    """What stands in a text: amounts in cents, days, numbers as bare digits, words without accents, terms.

    A term is a number with what it counts: 30 days are no 30 months.
    """

    amounts: frozenset[int]
    days: frozenset[Day]
    numbers: frozenset[str]
    words: frozenset[str]
    terms: frozenset[tuple[str, str]] = frozenset()


NOTHING = Evidence(frozenset(), frozenset(), frozenset(), frozenset())


def together(parts: Iterable[Evidence]) -> Evidence:
    """Several as one."""
    found = [part for part in parts if part is not NOTHING]
    if len(found) < 2:
        return found[0] if found else NOTHING
    return Evidence(*(frozenset(chain.from_iterable(part[i] for part in found)) for i in range(5)))


@lru_cache(maxsize=8192)
def of_text(text: str) -> Evidence:
    """What a person, the system message or a fact says, spoken numbers and loosely written dates included."""
    plain = fold(text)[0]
    days = {date for match in DAY.finditer(text) if (date := day_of(match))}
    for date in scan(text).dates:
        days.update(_day(value) for value in (date.value, *date.readings) if len(value) == 8)
    tokens = tokenise(text)
    numbers = {bare(match[0]) for match in PHONE.finditer(plain)}
    numbers |= {bare(match[0]) for match in NUMBER.finditer(plain)}
    numbers.update(word.lstrip("0") or "0" for word in tokens.words if word.isdigit())
    amounts = {cents(match[1] or match[2]) for match in AMOUNT.finditer(text)}
    amounts.update(int(number) * 100 for number in numbers if len(number) < 9)
    counted = f"{plain} {' '.join(tokens.words)}"
    terms = frozenset((bare(match[1]), unit(match[2])) for match in TERM.finditer(counted))
    return Evidence(frozenset(amounts), frozenset(days), frozenset(numbers), frozenset(WORD.findall(plain)), terms)


def unit(word: str) -> str:
    """What a term counts, in the singular as far as it matters."""
    return fold(word)[0][:3]


@lru_cache(maxsize=8)
def of_knowledge(knowledge: Knowledge) -> Evidence:
    """What may be said at any time."""
    return together(map(of_text, (*knowledge.values, *knowledge.plans, *knowledge.names)))


def of_result(result: Any) -> Evidence:
    """What a tool's result says, in whatever shape."""
    amounts: set[int] = set()
    days: set[Day] = set()
    numbers: set[str] = set()
    words: set[str] = set()
    for value in leaves(result):
        if isinstance(value, str):
            found = _of_value(value)
            amounts |= found.amounts
            days |= found.days
            numbers |= found.numbers
            words |= found.words
        elif isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e12:
            amounts.add(round(value * 100))
            numbers.add(bare(f"{value:g}" if value == int(value) else f"{value:.2f}"))
    return Evidence(frozenset(amounts), frozenset(days), frozenset(numbers), frozenset(words))


@lru_cache(maxsize=16384)
def _of_value(value: str) -> Evidence:
    plain = fold(value)[0]
    days = {date for match in DAY.finditer(value) if (date := day_of(match))}
    numbers = {bare(match[0]) for match in NUMBER.finditer(value)}
    amounts = {cents(match[0]) for match in NUMBER.finditer(value) if len(match[0]) < 12}
    return Evidence(frozenset(amounts), frozenset(days), frozenset(numbers), frozenset(WORD.findall(plain)))


def leaves(value: Any) -> Iterator[Any]:
    """Every value of a JSON value that is neither object nor array; of {"campo": …, "valor": …} the second alone."""
    waiting = [value]
    for part in waiting:  # grows while it is walked
        if isinstance(part, dict):
            waiting.extend(part.values() if LABELS.isdisjoint(part) else _unlabelled(part))
        elif isinstance(part, list):
            waiting.extend(part)
        else:
            yield part


def _unlabelled(part: dict[str, Any]) -> list[Any]:
    return [value for key, value in part.items() if key not in LABELS]


def day_of(match: re.Match[str]) -> Day | None:
    """The day that a match of DAY stands for, None where it is no day at all."""
    found = match.groupdict()
    if whole := found["bare"] or found["iso"]:
        digits = whole.replace("-", "")
        day: Day = int(digits[:4]), int(digits[4:6]), int(digits[6:])
    elif found["om"]:
        day = int(found["oy"]), _month(found["om"]), None
    elif found["wm"]:
        day = (int(found["wy"]) if found["wy"] else None), _month(found["wm"]), _first(found["wd"])
    elif found["s"] != "/" and not found["y"]:
        return None  # 1.5 or 3-4 is no day
    else:
        day = _year(found["y"]), int(found["m"]), int(found["d"])
    return day if 1 <= day[1] <= 12 and 1 <= (day[2] or 1) <= 31 else None


def _first(text: str) -> int:
    return int(text) if text.isdigit() else 1


def _year(text: str | None) -> int | None:
    if text is None:
        return None
    return int(text) if len(text) == 4 else 1900 + int(text) if int(text) > 30 else 2000 + int(text)


def _month(name: str) -> int:
    return MONTHS.index(fold(name)[0]) + 1


def _day(text: str) -> Day:
    """YYYYMMDD, `?` for what is missing."""
    year, month, day = (None if "?" in part else int(part) for part in (text[:4], text[4:6], text[6:]))
    return year, month, day


def agrees(said: Day, known: Iterable[Day], asking: bool = False) -> bool:
    """Whether a day that is said is one that is known; a year alone, or a month, is enough when it is only asked."""
    for day in known:
        pairs = [(a, b) for a, b in zip(said, day, strict=True) if a is not None and b is not None]
        enough = asking or None not in day[1:] or day[1:] == said[1:]
        if enough and pairs and all(a == b for a, b in pairs):
            return True
    return False


def cents(text: str) -> int:
    """A number as people write amounts: `1.234,56`, `1234.5`, `612`."""
    text = text.strip(".,")
    if "," in text:
        whole, _, rest = text.replace(".", "").partition(",")
    elif re.fullmatch(r"\d+\.\d{1,2}", text):
        whole, _, rest = text.partition(".")
    else:
        whole, rest = text.replace(".", ""), ""
    rest = re.sub(r"\D", "", rest)
    return int(whole or 0) * 100 + int((rest + "00")[:2])


def bare(number: str) -> str:
    """The digits alone, without zeros before them."""
    return re.sub(r"\D", "", number).lstrip("0") or "0"
