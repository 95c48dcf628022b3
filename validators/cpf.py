"""Check digits of a CPF. No command of its own."""

from __future__ import annotations


def check_digits(base: str) -> str:
    """The two digits that belong behind nine."""
    a, b, c, d, e, f, g, h, i = map(int, base)
    first = (10 * a + 9 * b + 8 * c + 7 * d + 6 * e + 5 * f + 4 * g + 3 * h + 2 * i) * 10 % 11 % 10
    second = (11 * a + 10 * b + 9 * c + 8 * d + 7 * e + 6 * f + 5 * g + 4 * h + 3 * i + 2 * first) * 10 % 11 % 10
    return f"{first}{second}"


def cpf_ok(text: str) -> bool:
    """Eleven ASCII digits with right check digits, and not all equal."""
    return (
        len(text) == 11
        and text.isascii()
        and text.isdigit()
        and text != text[0] * 11
        and check_digits(text[:9]) == text[9:]
    )
