"""Other numbers that customers send instead of a CPF: telephone, plan card, RG, CNS. All fictional."""

from __future__ import annotations

from random import Random

from datagen.values import Digits


def phone(rng: Random) -> Digits:
    """A fictional mobile number of Natal, in brackets so that nobody takes it for a CPF."""
    return Digits(rng, f"(84) 9{rng.randrange(10**4):04d}-{rng.randrange(10**4):04d}")


def card(rng: Random) -> Digits:
    """Seventeen digits with an impossible operator code (0 999), so that no real card is printed."""
    tail = f"{rng.randrange(10**13):013d}"
    return Digits(rng, rng.choice([f"0999{tail}", f"0 999 {tail[:12]} {tail[12]}"]))


def rg(rng: Random) -> Digits:
    """A seven-digit identity card number, as RN issues them."""
    number = f"{rng.randrange(10**7):07d}"
    return Digits(rng, f"{number[0]}.{number[1:4]}.{number[4:]}")


def cns(rng: Random) -> Digits:
    """Fifteen digits that begin with 0, as no real health card does."""
    tail = f"{rng.randrange(10**14):014d}"
    return Digits(rng, f"0{tail[:2]} {tail[2:6]} {tail[6:10]} {tail[10:]}")


ALL = (phone, card, rg, cns)
"""Each gives the template variable of its own name."""
