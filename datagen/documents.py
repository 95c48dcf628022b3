"""Other numbers that customers send instead of a CPF: telephone, plan card, RG, protocol … All fictional."""

from __future__ import annotations

from random import Random

from datagen.cpf import check_digits
from datagen.values import Digits


def _digits(rng: Random, count: int) -> str:
    return f"{rng.randrange(10**count):0{count}d}"


def _no_cpf(rng: Random, start: str) -> str:
    """Eleven digits that begin with `start` and are no CPF."""
    digits = start + _digits(rng, 11 - len(start))
    while digits[9:] == check_digits(digits[:9]):
        digits = start + _digits(rng, 11 - len(start))
    return digits


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


def mobile(rng: Random) -> Digits:
    """The same telephone without brackets: eleven digits, as a CPF has."""
    return Digits(rng, _no_cpf(rng, "849"))


def cnpj(rng: Random) -> Digits:
    """A company's number with wrong check digits."""
    base = _digits(rng, 8)
    return Digits(rng, rng.choice([f"{base[:2]}.{base[2:5]}.{base[5:]}/0001-00", f"{base}000100"]))


def cnpj_letters(rng: Random) -> Digits:
    """The new kind of company number, with letters."""
    letters = "".join(rng.choice("ABCDEGHJKLMNPRSTVWXYZ") for _ in range(5))
    return Digits(rng, f"{letters[:2]}.{rng.randrange(1000):03d}.{letters[2:]}/0001-00")


def protocol(rng: Random) -> Digits:
    """Twenty digits, as health plans number their attendances."""
    return Digits(rng, f"335592{_digits(rng, 14)}")


def passport(rng: Random) -> Digits:
    """Two letters and six digits."""
    return Digits(rng, f"{rng.choice('XYZ')}{rng.choice('XYZ')}{_digits(rng, 6)}")


def cnh(rng: Random) -> Digits:
    """A driving licence: eleven digits that are no CPF."""
    return Digits(rng, _no_cpf(rng, "0"))


def pis(rng: Random) -> Digits:
    """A worker's number: eleven digits, grouped otherwise than a CPF."""
    digits = _no_cpf(rng, "1")
    return Digits(rng, f"{digits[:3]}.{digits[3:8]}.{digits[8:10]}-{digits[10]}")


def voter_card(rng: Random) -> Digits:
    """Twelve digits in threes of four."""
    digits = _digits(rng, 12)
    return Digits(rng, f"{digits[:4]} {digits[4:8]} {digits[8:]}")


def cep(rng: Random) -> Digits:
    """A postal code of RN."""
    return Digits(rng, f"59{_digits(rng, 3)}-{_digits(rng, 3)}")


def barcode(rng: Random) -> Digits:
    """The long line of figures on an invoice, of a bank that does not exist."""
    return Digits(rng, f"000{_digits(rng, 44)}")


def bank_card(rng: Random) -> Digits:
    """Sixteen digits that begin with 0, as no bank card does."""
    digits = f"0{_digits(rng, 15)}"
    return Digits(rng, " ".join(digits[at : at + 4] for at in range(0, 16, 4)))


def birth_record(rng: Random) -> Digits:
    """The number of an entry in a register of births: 32 digits."""
    digits = f"0{_digits(rng, 31)}"
    return Digits(rng, f"{digits[:6]} {digits[6:8]} {digits[8:10]} {digits[10:14]} {digits[14:15]} {digits[15:]}")


ALL = (
    phone, card, rg, cns, mobile, cnpj, cnpj_letters, protocol, passport, cnh, pis, voter_card, cep, barcode, bank_card,
    birth_record,
)  # fmt: skip
"""Each gives the template variable of its own name."""
