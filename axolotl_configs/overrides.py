"""Numbers that a user gives on the command line: read strictly, refused in one message.

python -c "from axolotl_configs.overrides import whole; print(whole('RANK', '16', 512))"
"""

from __future__ import annotations

from axolotl_configs.errors import ConfigError

LARGEST_RANK = 512
LARGEST_ALPHA = 2048
LARGEST_SEQUENCE = 131_072
LARGEST_PRICE = 10_000


def whole(name: str, value: int | str | None, largest: int) -> int | None:
    """Read a whole number from 1; None where nothing was given."""
    if value is None or str(value).strip() == "":
        return None
    text = str(value).strip()
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= largest and len(text) <= 9):
        raise ConfigError(
            f"{name}={value}: must be a whole number from 1 to {largest}.\n    fix: for example {name}=16"
        )
    return int(text)


def adapter_numbers(rank: int | str | None, alpha: int | str | None) -> dict[str, int]:
    """Read RANK and ALPHA as the keys that they stand for; what was not given is left out."""
    given = {"lora_r": whole("RANK", rank, LARGEST_RANK), "lora_alpha": whole("ALPHA", alpha, LARGEST_ALPHA)}
    return {key: value for key, value in given.items() if value is not None}


def price(value: str | None) -> float | None:
    """Read PRICE, what a card costs in an hour, `1.89` or `1,89`; None where nothing was given."""
    if value is None or value.strip() == "":
        return None
    try:
        number = float(value.strip().replace(",", "."))
    except ValueError:
        number = -1.0
    if not 0 <= number <= LARGEST_PRICE:
        raise ConfigError(f"PRICE={value}: must be the price of one card for an hour.\n    fix: for example PRICE=1.89")
    return number
