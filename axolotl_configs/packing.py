"""How Axolotl packs rows into sequences and how many steps that makes, computed as its own sampler does.

python -c "from axolotl_configs.packing import pack; print(pack([900, 700, 400], 1024))"
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

ROWS_IN_A_SEQUENCE = 200
"""Axolotl's `sample_packing_bin_size`."""


class Packed(NamedTuple):
    """What came of packing."""

    sequences: int
    efficiency: float
    """Tokens that are there, of those that there is room for."""


def pack(lengths: Iterable[float], room: int) -> Packed:
    """Put each row into the first sequence that has room for it, in the order given, as Axolotl's sampler does."""
    lengths = [length for length in lengths if length <= room]
    smallest = min(lengths, default=0)
    open_rooms: list[float] = []
    open_rows: list[int] = []
    closed = 0
    for length in lengths:
        index = next((index for index, left in enumerate(open_rooms) if left >= length), len(open_rooms))
        if index == len(open_rooms):
            open_rooms.append(room)
            open_rows.append(0)
        open_rooms[index] -= length
        open_rows[index] += 1
        if open_rooms[index] < smallest or open_rows[index] >= ROWS_IN_A_SEQUENCE:
            del open_rooms[index], open_rows[index]
            closed += 1
    sequences = closed + len(open_rooms)
    return Packed(sequences, sum(lengths) / (sequences * room) if sequences else 1.0)


def steps_of_packed(sequences: int, accumulation: int, cards: int, epochs: float) -> int:
    """Steps with packing, where one sequence holds a whole micro batch; what is left over is dropped."""
    return math.floor(max(1, sequences // (accumulation * cards)) * epochs)


def steps_of_rows(rows: int, batch: int, epochs: float) -> int:
    """Steps without packing, for a batch of all cards and accumulations together."""
    return math.ceil(rows * epochs / batch)
