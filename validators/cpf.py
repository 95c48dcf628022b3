"""The arithmetic of a CPF. No command of its own; formats, corpus and grounding use it."""

from __future__ import annotations


def check_digits(base: str) -> str:
    """The two check digits of a CPF's first nine: weights 10 to 2, then 11 to 2."""
    for first in (10, 11):
        rest = 11 - sum(weight * int(digit) for weight, digit in zip(range(first, 1, -1), base, strict=True)) % 11
        base += "0" if rest > 9 else str(rest)
    return base[9:]


def cpf_ok(digits: str) -> bool:
    """Whether 11 ASCII digits are a CPF by arithmetic; eleven equal digits never are."""
    plain = len(digits) == 11 and digits.isascii() and digits.isdigit()
    return plain and len(set(digits)) > 1 and check_digits(digits[:9]) == digits[9:]
