"""What a rule finds, and the few readings of a config that all rules share.

python -c "from axolotl_configs.problem import red; print(red('lora_r', 'missing', 'add `lora_r: 32`'))"
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from axolotl_configs.keys import DATASET_LISTS

Config = dict[str, Any]
LARGEST_NUMBER = 1e12
"""No count or rate in a config is larger."""
Place = tuple[str | int, ...]


class Problem(NamedTuple):
    """What a rule found: `red` must be mended, `amber` should be looked at, `green` is good to know."""

    level: str
    place: Place
    message: str
    fix: str


def red(place: str | Place, message: str, fix: str) -> Problem:
    """Build a problem that must be mended before training."""
    return Problem("red", (place,) if isinstance(place, str) else place, message, fix)


def amber(place: str | Place, message: str, fix: str) -> Problem:
    """Build a problem that the training survives."""
    return Problem("amber", (place,) if isinstance(place, str) else place, message, fix)


def green(place: str | Place, message: str) -> Problem:
    """Build a statement about something that is as it should be."""
    return Problem("green", (place,) if isinstance(place, str) else place, message, "")


def datasets_of(config: Config) -> Iterator[tuple[Place, Config]]:
    """Give every dataset block of a config with its place."""
    for key in DATASET_LISTS:
        entries = config.get(key)
        for index, entry in enumerate(entries if isinstance(entries, list) else []):
            if isinstance(entry, dict):
                yield (key, index), entry


def number(value: Any) -> float | None:
    """Read a number as Axolotl does, `1e-4` (text to YAML) included."""
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def positive(value: Any) -> float | None:
    """Read a number above zero that one can compute with; None for anything else, infinity included."""
    found = number(value)
    return found if found is not None and 0 < found < LARGEST_NUMBER else None


def items(value: Any) -> list[Any]:
    """Give a list as it is, a single word as a list of one, and nothing for anything else."""
    if isinstance(value, str):
        return [value]
    return value if isinstance(value, list) else []
