"""A fictional birth date and the variants that a flow can ask for; how dates are written is in date_forms.py.

`{{ birth_date }}` is written differently each time; `{{ birth_date.no_year }}` … are the properties below.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextlib import suppress
from random import Random

from datagen.date_forms import DATE_FORMS, DATE_WEIGHTS, in_words
from datagen.numerals import MONTHS, number_in_words
from datagen.values import Digits, Value

HOLIDAYS = {
    (25, 12): "dia de Natal", (1, 1): "dia de Ano Novo", (24, 6): "dia de São João", (7, 9): "dia da Independência",
    (1, 5): "dia do Trabalhador", (12, 10): "dia das Crianças", (13, 6): "dia de Santo Antônio",
    (2, 11): "dia de Finados", (21, 4): "dia de Tiradentes", (29, 6): "dia de São Pedro", (12, 6): "dia dos Namorados",
}  # fmt: skip
"""Feasts that fall on the same day each year."""

_SHORT_MONTHS = frozenset({2, 4, 6, 9, 11})
DATE_DEMANDS: dict[str, Callable[[dt.date], bool]] = {
    "impossible": lambda date: date.month in _SHORT_MONTHS,
    "leap_day": lambda date: (date.month, date.day) == (2, 29),
    "both_low": lambda date: date.day <= 12 and date.day != date.month,
    "first": lambda date: date.day == 1,
    "glued_short": lambda date: 1931 <= date.year <= 1999,
    "short_year": lambda date: 1950 <= date.year <= 1999,
    "old_short_year": lambda date: 1931 <= date.year <= 1949,
    "young_short_year": lambda date: 2000 <= date.year <= 2019,
    "holiday": lambda date: (date.day, date.month) in HOLIDAYS and 1931 <= date.year <= 1999,
    "month_unclear": lambda date: date.month in (6, 7),
    "year_day_month": lambda date: date.day > 12,
    "decade": lambda date: 1931 <= date.year <= 1999,
    "american": lambda date: date.day > 12,
    "ambiguous": lambda date: 1920 <= date.year <= 1930 or date.year >= 2020,
}
"""Variants that only some dates have: a flow that uses one draws such a date from the start."""


MONTH_TYPOS = (
    ("janero", "janeirro", "jasneiro"), ("fevreiro", "feveireiro", "fevereio"), ("marçoo", "marcço", "marso"),
    ("abrl", "abriil", "abrill"), ("maioo", "maiio", "mmaio"), ("junhoo", "juhno", "junhp"),
    ("julhoo", "juhlo", "julhp"), ("agsoto", "agostoo", "agosro"), ("setenbro", "setemrbo", "setembto"),
    ("outbro", "outrubro", "outubor"), ("novenbro", "novmebro", "novembto"), ("dezenbro", "dezmebro", "dezembto"),
)  # fmt: skip
"""Slips of the fingers that leave the month clear, January first."""
_UNCLEAR_MONTHS = ("julnho", "junlho")
_SIGNS = "capricórnio aquário peixes áries touro gêmeos câncer leão virgem libra escorpião sagitário".split()
_SIGNS_END = (20, 18, 20, 20, 20, 20, 22, 22, 22, 22, 21, 21)
_WEEKDAYS = "segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado domingo".split()
_TRIES, _ADULTS = 4000, (18, 105)
"""After so many days that do not fit, somebody of another age is taken: who was born in 1945 is no teenager."""


def _days_between(ages: tuple[int, int], today: dt.date) -> tuple[int, int]:
    return today.toordinal() - int((ages[1] + 1) * 365.25) + 1, today.toordinal() - int(ages[0] * 365.25) - 1


def _slips(date: dt.date) -> list[int]:
    """Days (ordinals) that somebody may give by a slip: one part of the date is another, or day and month change."""
    parts = [(date.year, date.month, date.day + step) for step in (-10, -3, -2, -1, 1, 2, 3, 10)]
    parts += [(date.year, date.month + step, date.day) for step in (-2, -1, 1, 2)]
    parts += [(date.year + step, date.month, date.day) for step in (-10, -3, -2, -1, 1, 2, 3, 10)]
    parts += [(date.year, date.day, date.month)]
    found: set[int] = set()
    for year, month, day in parts:
        with suppress(ValueError):  # no such day
            found.add(dt.date(year, month, day).toordinal())
    return sorted(found - {date.toordinal()})


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
        first, last = _days_between(ages, today)
        tries = 0
        while True:
            tries += 1
            if tries == _TRIES:
                first, last = _days_between(_ADULTS, today)
            day = rng.randint(first, last)
            date = dt.date.fromordinal(day)
            if day % modulus in residues and fits(date):
                return cls(rng, date, today, share)

    def written(self) -> str:
        """One surface form."""
        ((_, write),) = self._rng.choices(DATE_FORMS, DATE_WEIGHTS)
        return write(self.date, self._rng)

    @property
    def typo(self) -> BirthDate:
        """Another real date, as if misremembered."""
        if self._typo is None:
            residues, modulus = self._share
            today = self._today.toordinal()
            slips = [day for day in _slips(self.date) if day % modulus in residues and day < today]
            while not slips:
                day = self.date.toordinal() - self._rng.randint(1, 1500)
                slips = [day] if day % modulus in residues else []
            self._typo = BirthDate(self._rng, dt.date.fromordinal(self._rng.choice(slips)), self._today, self._share)
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
        return self._as(in_words(self.date, self._rng))

    @property
    def iso(self) -> Digits:
        """1985-06-15."""
        return self._as(self.date.isoformat())

    @property
    def impossible(self) -> Digits:
        """31/06/1985: a day that its month does not have. (Where a flow asks for it the month is a short one.)"""
        days = (30, 31) if self.date.month == 2 else (31,) if self.date.month in _SHORT_MONTHS else (32,)
        return self._as(f"{self._rng.choice(days)}/{self.date.month:02d}/{self.date.year}")

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

    # ------------------------------------------------------------------------------------- odd, and yet clear

    def _separated(self, first: str, second: str) -> Digits:
        return self._as(f"{self.date:%d}{first}{self.date:%m}{second}{self.date.year}")

    @property
    def dots(self) -> Digits:
        """15.06.1985."""
        return self._separated(".", ".")

    @property
    def commas(self) -> Digits:
        """15,06,1985."""
        return self._separated(",", ",")

    @property
    def blanks(self) -> Digits:
        """15 06 1985."""
        return self._separated(" ", " ")

    @property
    def double_slash(self) -> Digits:
        """15//06/1985."""
        return self._separated("//", self._rng.choice(["/", "//"]))

    @property
    def backslash(self) -> Digits:
        """15\\06\\1985."""
        return self._separated("\\", "\\")

    @property
    def mixed_separators(self) -> Digits:
        """15/06-1985."""
        return self._separated(*self._rng.choice([("/", "-"), ("-", "/"), (".", "/"), ("/", ".")]))

    @property
    def missing_slash(self) -> Digits:
        """15/061985 or 1506/1985."""
        return self._separated(*self._rng.choice([("/", ""), ("", "/")]))

    @property
    def compact(self) -> Digits:
        """19850615."""
        return self._as(f"{self.date:%Y%m%d}")

    @property
    def full_width(self) -> Digits:
        """With the wide digits of East Asian keyboards."""
        wide = "".join(chr(0xFF10 + int(char)) if char.isdigit() else char for char in f"{self.date:%d/%m/%Y}")
        return self._as(wide)

    @property
    def emoji(self) -> Digits:
        """Keycap emojis between slashes."""
        keys = "".join(f"{char}\ufe0f\u20e3" if char.isdigit() else char for char in f"{self.date:%d/%m/%Y}")
        return self._as(keys)

    @property
    def month_typo(self) -> Digits:
        """15 de junhoo de 1985."""
        return self._as(f"{self.date.day} de {self._rng.choice(MONTH_TYPOS[self.date.month - 1])} de {self.date.year}")

    @property
    def month_abbreviated(self) -> Digits:
        """15/jun/1985."""
        return self._as(f"{self.date.day}/{MONTHS[self.date.month - 1][:3]}/{self.date.year}")

    @property
    def mixed_words(self) -> Digits:
        """15 do seis de 1985."""
        return self._as(f"{self.date.day} do {number_in_words(self.date.month)} de {self.date.year}")

    @property
    def day_last(self) -> Digits:
        """junho de 1985, dia 15."""
        return self._as(f"{MONTHS[self.date.month - 1]} de {self.date.year}, dia {self.date.day}")

    @property
    def weekday(self) -> Digits:
        """sábado, 15 de junho de 1985."""
        return self._as(f"{_WEEKDAYS[self.date.weekday()]}, {self.spoken.text}")

    @property
    def leap_day(self) -> Digits:
        """29/02/1988: a day that exists."""
        return self.numeric

    @property
    def both_low(self) -> Digits:
        """05/06/1985: the day comes first, as in Brazil."""
        return self.numeric

    @property
    def first(self) -> Digits:
        """1º de maio de 1970."""
        day = self._rng.choice(["1º", "1°", "primeiro"])
        return self._as(f"{day} de {MONTHS[self.date.month - 1]} de {self.date.year}")

    def _with_short_year(self) -> Digits:
        return self._as(f"{self.date:%d/%m}/{self.date.year % 100:02d}")

    @property
    def short_year(self) -> Digits:
        """15/06/85."""
        return self._with_short_year()

    @property
    def old_short_year(self) -> Digits:
        """15/06/45, an elderly person."""
        return self._with_short_year()

    @property
    def young_short_year(self) -> Digits:
        """15/06/10, somebody born after 1999."""
        return self._with_short_year()

    @property
    def glued_short(self) -> Digits:
        """150685."""
        return self._as(f"{self.date:%d%m}{self.date.year % 100:02d}")

    # ------------------------------------------------------------------------------------- to be asked again

    @property
    def day_zero(self) -> Digits:
        """00/06/1985."""
        return self._as(f"00/{self.date:%m}/{self.date.year}")

    @property
    def month_zero(self) -> Digits:
        """15/00/1985."""
        return self._as(f"{self.date:%d}/00/{self.date.year}")

    @property
    def day_32(self) -> Digits:
        """32/01/1990."""
        return self._as(f"{self._rng.randint(32, 39)}/{self.date:%m}/{self.date.year}")

    @property
    def february_30(self) -> Digits:
        """30/02 or 31/02."""
        return self._as(f"{self._rng.choice([30, 31])}/02/{self.date.year}")

    @property
    def no_leap_day(self) -> Digits:
        """29/02 of a year that has none."""
        return self._as(f"29/02/{self.date.year + (self.date.year % 4 == 0)}")

    @property
    def day_31(self) -> Digits:
        """The 31st of a month of thirty days."""
        return self._as(f"31/{self._rng.choice([4, 6, 9, 11]):02d}/{self.date.year}")

    @property
    def too_old(self) -> Digits:
        """A year in which nobody alive was born."""
        return self._as(f"{self.date:%d/%m}/{self._rng.randint(1790, 1889)}")

    @property
    def three_digit_year(self) -> Digits:
        """15/06/985."""
        return self._as(f"{self.date:%d/%m}/{str(self.date.year)[1:]}")

    @property
    def five_digit_year(self) -> Digits:
        """15/06/19985."""
        year = str(self.date.year)
        at = self._rng.randrange(4)
        return self._as(f"{self.date:%d/%m}/{year[:at]}{year[at]}{year[at:]}")

    @property
    def glued_impossible(self) -> Digits:
        """31021985."""
        return self._as(self.february_30.text.replace("/", ""))

    @property
    def only_day(self) -> Digits:
        """The day alone: dia 15."""
        return self._as(f"dia {self.date.day}")

    @property
    def decade(self) -> Digits:
        """anos 80."""
        return self._as(f"anos {self.date.year % 100 // 10 * 10}")

    @property
    def sign(self) -> Digits:
        """Sign of the zodiac."""
        month = self.date.month - 1
        return self._as(_SIGNS[(month + (self.date.day > _SIGNS_END[month])) % 12])

    @property
    def holiday(self) -> Digits:
        """dia de Natal de 78."""
        return self._as(f"{HOLIDAYS[self.date.day, self.date.month]} de {self.date.year % 100}")

    @property
    def month_unclear(self) -> Digits:
        """15 de julnho de 1985: June or July?"""
        return self._as(f"{self.date.day} de {self._rng.choice(_UNCLEAR_MONTHS)} de {self.date.year}")

    @property
    def year_day_month(self) -> Digits:
        """1985/15/06."""
        return self._as(f"{self.date.year}/{self.date:%d/%m}")

    @property
    def wrong_age(self) -> Digits:
        """An age that this date cannot give, on any day of our time."""
        age = self._today.year - self.date.year
        return self._as(str(age + (30 if age < 45 else -30)))

    # ------------------------------------------------------------------------------------- dates of something else

    @property
    def appointment(self) -> Digits:
        """A day soon after the row's own."""
        return self._as(f"{self._today + dt.timedelta(self._rng.randint(3, 40)):%d/%m/%Y}")

    @property
    def expiry(self) -> Digits:
        """A day some years ahead, as a plan card shows."""
        return self._as(f"{self._today + dt.timedelta(self._rng.randint(200, 1400)):%d/%m/%Y}")

    @property
    def contract_day(self) -> Digits:
        """A day some years ago."""
        return self._as(f"{self._today - dt.timedelta(self._rng.randint(400, 2500)):%d/%m/%Y}")
