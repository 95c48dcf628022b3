"""The fictional people of a conversation: name, gender, CPF, birth date, and how they are spoken of."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from random import Random

from datagen.birth_date import DATE_DEMANDS, BirthDate
from datagen.cpf import CPF_DEMANDS, Cpf
from datagen.grammar import OLDEST, Kinship, PeopleFile

_AGES = ((2, (16, 17)), (66, (18, 59)), (31, (60, 95)), (1, (96, 105)))
"""Weight and range of ages (years) of a customer who writes; children come as somebody's relatives."""

_OF_AGE = 18
"""Who asks for a relative's plan is no younger."""

_SAME_SURNAME = 0.7
"""Share of relatives who bear the customer's last surname."""

SHARES = {
    "train": (range(10), 13),
    "eval": (range(10, 11), 13),
    "test": (range(11, 12), 13),
    "test_unseen": (range(12, 13), 13),
}
"""Which CPF bases and which birth dates (residues, modulus) belong to a split: no two splits can share one."""


@dataclass
class Person:
    """Somebody whose plan the conversation is about. Attributes are what templates may say."""

    full_name: str
    gender: str
    cpf: Cpf
    birth_date: BirthDate
    kinship: Kinship | None = None

    @property
    def first_name(self) -> str:
        """The first of the given names."""
        return self.full_name.split()[0]

    @property
    def full_name_upper(self) -> str:
        """As registers print names."""
        return self.full_name.upper()

    def word(self, masculine: str, feminine: str) -> str:
        """The one of two words that agrees with this person."""
        return feminine if self.gender == "f" else masculine

    @property
    def obrigado(self) -> str:
        """Thanks, as this person says it."""
        return self.word("obrigado", "obrigada")

    @property
    def ele(self) -> str:
        """Pronoun."""
        return self.word("ele", "ela")

    @property
    def dele(self) -> str:
        """Possessive."""
        return self.word("dele", "dela")

    @property
    def o(self) -> str:
        """Article."""
        return self.word("o", "a")

    def __getattr__(self, name: str) -> str:
        """`my`, `your`, `of_my`, `of_your`: how the customer and the attendant name a relative."""
        if name in ("my", "your", "of_my", "of_your") and self.kinship is not None:
            return getattr(self.kinship, name)
        raise AttributeError(name)


def draw_person(
    rng: Random,
    people: PeopleFile,
    today: dt.date,
    split: str,
    demands: frozenset[str] = frozenset(),
    kinship: Kinship | None = None,
    family: Person | None = None,
    gender: str | None = None,
    age: tuple[int, int] = (0, OLDEST),
) -> Person:
    """A person who belongs to `split`; `demands` are variants of CPF and date that the flow will ask for.

    With `kinship` alone it is a customer who has such a relative; with `family` it is that customer's relative, who
    mostly bears one of its surnames and is of an age that goes with it. `gender` and `age` (youngest, oldest) are the
    customer's.
    """
    gender = kinship.gender if kinship and family else gender or rng.choice("fm")
    given = "female" if gender == "f" else "male"
    names = _draw_names(rng, people, given, 1)
    if " " not in names[0] and rng.random() < 0.25:
        names.append(rng.choice([name for name in getattr(people, given) if name != names[0] and " " not in name]))
    surnames = _draw_names(rng, people, "surnames", 1 if rng.random() < 0.15 else 2)
    if family and kinship and rng.random() < _SAME_SURNAME:
        surnames[-1] = family.full_name.split()[-1]
    ages = _ages_beside(kinship, family, today) if kinship and family else _ages_of_customer(rng, kinship, age)
    tests = [DATE_DEMANDS[name] for name in sorted(demands & DATE_DEMANDS.keys())]
    if "ambiguous" in demands:
        ages = (0, 105)

    def fits(date: dt.date) -> bool:
        return all(test(date) for test in tests)

    return Person(
        full_name=" ".join(names + _with_particles(rng, surnames)),
        gender=gender,
        cpf=Cpf.draw(Random(rng.getrandbits(64)), SHARES[split], leading_zero=bool(demands & CPF_DEMANDS)),
        birth_date=BirthDate.draw(Random(rng.getrandbits(64)), ages, today, SHARES[split], fits),
        kinship=kinship if family else None,
    )


def _ages_of_customer(rng: Random, kinship: Kinship | None, wanted: tuple[int, int]) -> tuple[int, int]:
    """Youngest and oldest age within those `wanted`; with `kinship`, one that such a relative goes with."""
    youngest, oldest = wanted
    if kinship:
        youngest = max(_OF_AGE, youngest, kinship.age[0] - kinship.older[1])
        oldest = min(oldest, kinship.age[1] - kinship.older[0])
    bands = [(weight, (max(young, youngest), min(old, oldest))) for weight, (young, old) in _AGES]
    bands = [(weight, ages) for weight, ages in bands if ages[0] <= ages[1]]
    if not bands:
        return wanted
    return rng.choices([ages for _, ages in bands], [weight for weight, _ in bands])[0]


def _ages_beside(kinship: Kinship, customer: Person, today: dt.date) -> tuple[int, int]:
    """Youngest and oldest age of a relative whom the customer could have."""
    born = customer.birth_date.date
    age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    youngest, oldest = (max(0, age + years) for years in kinship.older)
    low, high = max(kinship.age[0], youngest), min(kinship.age[1], oldest)
    return (low, high) if low <= high else kinship.age


def _draw_names(rng: Random, people: PeopleFile, kind: str, count: int) -> list[str]:
    """`count` different names of a list of people.yaml, the common ones more often."""
    drawn: dict[str, None] = {}
    while len(drawn) < count:
        drawn[rng.choices(getattr(people, kind), cum_weights=people.weights[kind])[0]] = None
    return list(drawn)


def _with_particles(rng: Random, surnames: list[str]) -> list[str]:
    particle = {"Santos": "dos", "Silva": "da", "Costa": "da", "Souza": "de", "Oliveira": "de", "Lima": "de"}
    return [f"{particle[name]} {name}" if name in particle and rng.random() < 0.4 else name for name in surnames]
