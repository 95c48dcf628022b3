"""Where the sentences of a chat message begin and end. No command of its own; claims and behaviour use it."""

from __future__ import annotations

import re
from functools import lru_cache

END = re.compile(r"(?<!\bsr)(?<!\bsra)(?<!\bdra)(?<!\bdr)(?<!\bav)[.!?…;]+(?=\s|$)|\n+", re.IGNORECASE)


@lru_cache(maxsize=16384)
def sentences(text: str) -> tuple[tuple[int, int], ...]:
    """The sentences of a text as places in it, their closing sign included."""
    places: list[tuple[int, int]] = []
    start = 0
    for match in END.finditer(text):
        if text[start : match.start()].strip():
            places.append((start, match.end()))
        start = match.end()
    if text[start:].strip():
        places.append((start, len(text)))
    return tuple((start + len(text[start:end]) - len(text[start:end].lstrip()), end) for start, end in places)
