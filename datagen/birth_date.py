"""A fictional birth date, every way in which people write one, and the variants that a flow can ask for.

`{{ birth_date }}` is written differently each time; `{{ birth_date.no_year }}` … are the properties below.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from random import Random

from datagen.numerals import MONTHS, number_in_words
from datagen.values import Digits, Value

DATE_DEMANDS: dict[str, Callable[[dt.date], bool]] = {
    "american": lambda date: date.day > 12,
    "ambiguous": lambda date: 1920 <= date.year <= 1930 or date.year >= 2020,
}
"""Variants that only some dates have: a flow that uses one draws such a date from the start."""


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


def _words(date: dt.date, rng: Random) -> str:
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
    (6, _words),
    (6, _day_of_month),
    (2, lambda date, rng: f"{date:%Y-%m-%d}"),
    (0.7, lambda date, rng: f"{date:%Y%m%d}"),
    (2, _mistyped_separators),
    (1.5, _day_last),
)
"""Weight and writer of each way of writing a birth date."""
_DATE_WEIGHTS = [weight for weight, _ in DATE_FORMS]


class BirthDate(Value):
    """A birth date; `share` says which days belong to this split, `today` is the row's own fictional day."""

    def __init__(self, rng: Random, date: dt.date, today: dt.date, share: tuple[range, int]) -> None:
        super().__init__(rng)
        self.date = date
        self._today = today
        self._share = share
        self._typo: BirthDate | None = None

    @classmethod
    def draw(
        cls,
        rng: Random,
        ages: tuple[int, int],
        today: dt.date,
        share: tuple[range, int],
        fits: Callable[[dt.date], bool] = lambda date: True,
    ) -> BirthDate:
        """A day on which somebody of `ages` (youngest, oldest; years) was born, seen from `today`, and that `fits`."""
        residues, modulus = share
        first = today.toordinal() - int((ages[1] + 1) * 365.25) + 1
        last = today.toordinal() - int(ages[0] * 365.25) - 1
        while True:
            day = rng.randint(first, last)
            date = dt.date.fromordinal(day)
            if day % modulus in residues and fits(date):
                return cls(rng, date, today, share)

    def written(self) -> str:
        """One surface form."""
        ((_, write),) = self._rng.choices(DATE_FORMS, _DATE_WEIGHTS)
        return write(self.date, self._rng)

    @property
    def typo(self) -> BirthDate:
        """Another real date, as if misremembered."""
        if self._typo is None:
            residues, modulus = self._share
            while True:
                day = self.date.toordinal() + self._rng.choice([-1, 1]) * self._rng.randint(1, 1500)
                if day % modulus in residues and day < self._today.toordinal():
                    break
            self._typo = BirthDate(self._rng, dt.date.fromordinal(day), self._today, self._share)
        return self._typo

    def _as(self, text: str) -> Digits:
        return Digits(self._rng, text)

    @property
    def numeric(self) -> Digits:
        """15/06/1985."""
        return self._as(f"{self.date:%d/%m}/{self.date.year}")

    @property
    def bare(self) -> Digits:
        """15061985."""
        return self._as(f"{self.date:%d%m}{self.date.year}")

    @property
    def spoken(self) -> Digits:
        """15 de junho de 1985."""
        return self._as(f"{self.date.day} de {MONTHS[self.date.month - 1]} de {self.date.year}")

    @property
    def words(self) -> Digits:
        """All in words."""
        return self._as(_words(self.date, self._rng))

    @property
    def iso(self) -> Digits:
        """1985-06-15."""
        return self._as(self.date.isoformat())

    @property
    def impossible(self) -> Digits:
        """A day that this month does not have."""
        day, month = self._rng.choice([(30, 2), (31, 2), (31, 4), (31, 6), (31, 9), (31, 11), (32, self.date.month)])
        return self._as(f"{day}/{month:02d}/{self.date.year}")

    @property
    def month_13(self) -> Digits:
        """Neither day nor month can be the month."""
        return self._as(f"{self._rng.randint(13, 28)}/{self._rng.randint(13, 19)}/{self.date.year}")

    @property
    def no_year(self) -> Digits:
        """Day and month alone."""
        return self._as(self._rng.choice([f"{self.date:%d/%m}", f"{self.date.day} de {MONTHS[self.date.month - 1]}"]))

    @property
    def month_year(self) -> Digits:
        """The day is missing."""
        return self._as(f"{MONTHS[self.date.month - 1]} de {self.date.year}")

    @property
    def year(self) -> Digits:
        """The year alone."""
        return self._as(str(self.date.year))

    @property
    def age(self) -> Digits:
        """Full years on the row's own day."""
        birthday_ahead = (self._today.month, self._today.day) < (self.date.month, self.date.day)
        return self._as(str(self._today.year - self.date.year - birthday_ahead))

    @property
    def future(self) -> Digits:
        """A year that is far ahead in every row."""
        return self._as(f"{self.date:%d/%m}/{self._rng.randint(2034, 2089)}")

    @property
    def american(self) -> Digits:
        """Month first; the day is above 12 wherever a flow asks for this form, so it must be confirmed."""
        return self._as(f"{self.date.month:02d}/{self.date.day:02d}/{self.date.year}")

    @property
    def ambiguous(self) -> Digits:
        """A two-digit year: 19yy or 20yy? (Where a flow asks for this form the year lies between 20 and 30.)"""
        return self._as(f"{self.date:%d/%m}/{self.date.year % 100:02d}")
