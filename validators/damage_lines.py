"""Damages of a line's bytes: what editors, scripts and copying do. See damage.py."""

from __future__ import annotations

import json
from random import Random

from validators.damage import Damage, Row


def _line(row: Row) -> bytes:
    return json.dumps(row, ensure_ascii=False).encode() + b"\n"


def half_a_line(row: Row, random: Random) -> bytes:
    """The writer was stopped in the middle."""
    line = _line(row)
    return line[: random.randint(len(line) // 3, len(line) - 3)].decode(errors="ignore").encode() + b"\n"


def two_rows_on_a_line(row: Row, random: Random) -> bytes:
    """A line break was lost."""
    return _line(row).rstrip() + _line({**row, "id": row["id"] + "b"})


def comma_behind(row: Row, random: Random) -> bytes:
    """Copied out of a JSON array."""
    return _line(row).rstrip() + b",\n"


def byte_order_mark(row: Row, random: Random) -> bytes:
    """Saved by an editor of another system."""
    return b"\xef\xbb\xbf" + _line(row)


def carriage_return(row: Row, random: Random) -> bytes:
    """Line ends of another system."""
    return _line(row).rstrip() + b"\r\n"


def blank_line(row: Row, random: Random) -> bytes:
    """A blank line crept in."""
    return _line(row) + b"\n"


def not_a_number(row: Row, random: Random) -> bytes:
    """Written from a table with a hole in it."""
    return _line(row).rstrip()[:-1] + b', "score": NaN}\n'


def key_twice(row: Row, random: Random) -> bytes:
    """Merged by hand: readers keep one of the two and tell nobody."""
    return _line(row).rstrip()[:-1] + f', "id": "{row["id"]}-2"}}\n'.encode()


def half_a_character(row: Row, random: Random) -> bytes | None:
    """An emoji cut in two by a length limit."""
    line = _line(row)
    place = line.find(b'"content": "')
    return line[: place + 12] + b"\\ud83d" + line[place + 12 :] if place > 0 else None


def latin_one(row: Row, random: Random) -> bytes | None:
    """Saved in the encoding of an old spreadsheet."""
    line = json.dumps(row, ensure_ascii=False).encode("latin-1", "replace")
    return None if line.isascii() else line + b"\n"


def array_for_object(row: Row, random: Random) -> bytes:
    """The messages alone, without the row around them."""
    return json.dumps(row["messages"], ensure_ascii=False).encode() + b"\n"


def too_deep(row: Row, random: Random) -> bytes:
    """A value nested without end."""
    return _line(row).rstrip()[:-1] + b', "x": ' + b"[" * 20_000 + b"]" * 20_000 + b"}\n"


def empty_file(row: Row, random: Random) -> bytes:
    """Nothing was written."""
    return b""


DAMAGES = (
    Damage("half a line", ("line.not_json",), half_a_line),
    Damage("two rows on a line", ("line.not_json",), two_rows_on_a_line),
    Damage("a comma behind the row", ("line.not_json",), comma_behind),
    Damage("byte order mark", ("file.bom",), byte_order_mark),
    Damage("CR LF", ("line.crlf",), carriage_return),
    Damage("a blank line", ("line.blank",), blank_line),
    Damage("NaN", ("line.nan",), not_a_number),
    Damage("a key twice", ("line.duplicate_key",), key_twice),
    Damage("half a character", ("line.surrogate",), half_a_character),
    Damage("Latin-1", ("line.not_utf8",), latin_one),
    Damage("an array for the row", ("line.not_object",), array_for_object),
    Damage("nested too deeply", ("line.too_deep",), too_deep),
    Damage("an empty file", ("file.empty",), empty_file),
)
