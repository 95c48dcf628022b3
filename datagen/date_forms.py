"""Every way in which people write a birth date, with how often: 15/06/1985, 150685, quinze de junho de 85."""

from __future__ import annotations

import datetime as dt
from random import Random

from datagen.numerals import MONTHS, number_in_words


def _two_digit_year_is_clear(year: int) -> bool:
    """The fixed table: 31-99 → 19yy, 00-19 → 20yy; anything else would have to be asked."""
    return 1931 <= year <= 1999 or 2000 <= year <= 2019


def _day_word(date: dt.date, rng: Random) -> str:
    return "primeiro" if date.day == 1 and rng.random() < 0.7 else number_in_words(date.day)


def _d(date: dt.date, rng: Random) -> tuple[str, str, str]:
    if rng.random() < 0.75:
        return f"{date.day:02d}", f"{date.month:02d}", f"{date.year}"
    return str(date.day), str(date.month), f"{date.year}"


def _short_year(date: dt.date, rng: Random, chance: float = 0.5) -> str:
    return f"{date.year % 100:02d}" if _two_digit_year_is_clear(date.year) and rng.random() < chance else str(date.year)


def _joined(separator: str):
    def write(date: dt.date, rng: Random) -> str:
        day, month, _ = _d(date, rng)
        return separator.join([day, month, _short_year(date, rng, 0.25)])

    return write


def _glued(date: dt.date, rng: Random) -> str:
    short = _two_digit_year_is_clear(date.year) and rng.random() < 0.3
    return f"{date:%d%m}{date.year % 100:02d}" if short else f"{date:%d%m}{date.year}"


def _month_abbreviated(date: dt.date, rng: Random) -> str:
    separator = rng.choice(["/", " ", "-"])
    return separator.join([str(date.day), MONTHS[date.month - 1][:3], _short_year(date, rng)])


def _spoken(date: dt.date, rng: Random) -> str:
    year = _short_year(date, rng, 0.35)
    day = rng.choice(["1º", "1°", "primeiro"]) if date.day == 1 and rng.random() < 0.5 else str(date.day)
    return f"{day} de {MONTHS[date.month - 1]} {rng.choice(['de ', 'de ', 'de ', ''])}{year}"


def in_words(date: dt.date, rng: Random) -> str:
    """All in words: quinze de junho de oitenta e cinco."""
    year = date.year
    if 1931 <= year <= 1999 and rng.random() < 0.4:
        year -= 1900
    return f"{_day_word(date, rng)} de {MONTHS[date.month - 1]} de {number_in_words(year)}"


def _day_of_month(date: dt.date, rng: Random) -> str:
    year = _short_year(date, rng, 0.6)
    return rng.choice([
        f"dia {date.day} do {date.month} de {year}",
        f"{date.day} do {date.month:02d} de {year}",
        f"dia {date.day:02d}/{date.month:02d} de {year}",
        f"{number_in_words(date.day)} do {number_in_words(date.month)} de {year}",
    ])  # fmt: skip


def _mistyped_separators(date: dt.date, rng: Random) -> str:
    day, month, year = f"{date.day:02d}", f"{date.month:02d}", str(date.year)
    return rng.choice([f"{day} / {month} / {year}", f"{day}//{month}/{year}", f"{day}/{month}-{year}",
                       f"{day},{month},{year}", f"{day}/{month}/{year}."[:-1]])  # fmt: skip


def _day_last(date: dt.date, rng: Random) -> str:
    return f"{MONTHS[date.month - 1]} de {_short_year(date, rng)}, dia {date.day}"


DATE_FORMS = (
    (38, _joined("/")),
    (7, _joined("-")),
    (6, _joined(".")),
    (5, _joined(" ")),
    (8, _glued),
    (4, _month_abbreviated),
    (12, _spoken),
    (6, in_words),
    (6, _day_of_month),
    (2, lambda date, rng: f"{date:%Y-%m-%d}"),
    (0.7, lambda date, rng: f"{date:%Y%m%d}"),
    (2, _mistyped_separators),
    (1.5, _day_last),
)
"""Weight and writer of each way of writing a birth date."""
DATE_WEIGHTS = [weight for weight, _ in DATE_FORMS]
