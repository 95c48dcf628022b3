"""Reading JSONL without trust: any bytes become rows or named problems, never a traceback.

`python -m validators check FILE` reads through this. One block of lines is held in memory at a time, and of a line
at most MAX_LINE bytes.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import orjson

from validators.finding import UsageError

MAX_LINE = 16 * 1024 * 1024
BLOCK = 512 * 1024
BOM = b"\xef\xbb\xbf"
GZIP = b"\x1f\x8b"

# An unescaped quote before a colon ends a key: one match for each key that the text writes.
KEY = re.compile(r'(?<!\\)"[ \t\r\n]*:')
KEY_BYTES = re.compile(rb'(?<!\\)"[ \t\r\n]*:')
CONTAINERS = (dict, list)
BLANKS_AFTER_QUOTE = ('" ', '"\t', '"\r', '"\n')
BLANKS_AFTER_QUOTE_BYTES = tuple(pair.encode() for pair in BLANKS_AFTER_QUOTE)


class Problem(NamedTuple):
    """Why a JSON text is not what it should be: the tail of a `line.*` code, and a sentence."""

    kind: str
    message: str


class Line(NamedTuple):
    """One line of a file: its number, its row when there is one to judge, and what is wrong with it."""

    number: int
    row: dict[str, Any] | None
    problems: tuple[tuple[str, str], ...]


class _RepeatedKey(Exception):
    """Carries the first repeated key out of the parser."""


def load(text: str | bytes) -> tuple[Any, Problem | None]:
    """Parse JSON as the standard has it: each key once, no NaN, no half characters.

    A repeated key still gives a value, the one that trainers would see; every other problem gives None.
    """
    try:
        value = orjson.loads(text)
    except ValueError as reason:
        return None, _explain(text, str(reason))
    if _written_keys(text) != _count_keys(value):
        return value, _find_repeated_key(text)
    return value, None


def _written_keys(text: str | bytes) -> int:
    """How many keys a JSON text writes; by plain counting where nobody put a blank between key and colon."""
    if isinstance(text, bytes):
        if any(pair in text for pair in BLANKS_AFTER_QUOTE_BYTES):
            return len(KEY_BYTES.findall(text))
        return text.count(b'":') - text.count(b'\\":')
    if any(pair in text for pair in BLANKS_AFTER_QUOTE):
        return len(KEY.findall(text))
    return text.count('":') - text.count('\\":')


def _count_keys(value: Any) -> int:
    count, waiting = 0, [value]
    for part in waiting:  # grows while it is walked: no recursion, at any depth
        kind_of = type(part)
        if kind_of is dict:
            count += len(part)
            waiting.extend([item for item in part.values() if type(item) in CONTAINERS])
        elif kind_of is list:
            waiting.extend([item for item in part if type(item) in CONTAINERS])
    return count


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    known: dict[str, Any] = {}
    for key, value in pairs:
        if key in known:
            raise _RepeatedKey(key)
        known[key] = value
    return known


def _find_repeated_key(text: str | bytes) -> Problem | None:
    try:
        json.loads(text, object_pairs_hook=_once)
    except _RepeatedKey as key:
        return Problem("duplicate_key", f"the key {str(key)!r} stands twice in one object")
    except RecursionError:
        return Problem("too_deep", "JSON is nested too deeply")
    return None


def _explain(text: str | bytes, reason: str) -> Problem:
    """Say why the strict reader refused, with the help of the lenient one."""
    if isinstance(text, bytes):
        try:
            text = text.decode()
        except UnicodeDecodeError as broken:
            return Problem("not_utf8", f"byte {broken.start + 1} is not UTF-8")
    constants: list[str] = []
    try:
        value = json.loads(text, parse_constant=constants.append)
        json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        return Problem("too_deep", "JSON is nested too deeply")
    except UnicodeEncodeError:
        return Problem("surrogate", "half of a surrogate pair: a character was cut in two")
    except ValueError as broken:
        return Problem("not_json", f"no complete JSON: {broken}")
    if constants:
        return Problem("nan", f"{constants[0]} is not JSON")
    return Problem("too_deep" if "depth" in reason or "recursion" in reason.lower() else "not_json", reason)


class Block(NamedTuple):
    """Some lines of a file as bytes, a line that is too long being None, and the number of the first."""

    first: int
    lines: list[bytes | None]


def read_blocks(path: str) -> Iterator[Block]:
    """The lines of a file, plain or packed with gzip, half a mebibyte at a time.

    Raises UsageError when the file cannot be read at all.
    """
    try:
        with _opened(path) as stream:
            yield from _blocks(stream)
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise UsageError(f"{path}: is a directory; give the JSONL files in it") from None
    except PermissionError:
        raise UsageError(f"{path}: no permission to read it") from None
    except (EOFError, zlib.error) as reason:
        raise UsageError(f"{path}: is packed with gzip, and broken: {reason}; pack it again") from None
    except OSError as reason:
        raise UsageError(f"{path}: cannot be read: {reason.strerror or reason}") from None


@contextmanager
def _opened(path: str) -> Iterator[BinaryIO]:
    with Path(path).open("rb") as stream:
        if stream.peek(2)[:2] != GZIP:  # type: ignore[attr-defined]
            yield stream
            return
        import gzip

        with gzip.open(stream) as unpacked:
            yield unpacked  # type: ignore[misc]


def _blocks(stream: BinaryIO) -> Iterator[Block]:
    first, size, lines = 1, 0, []
    while raw := stream.readline(MAX_LINE):
        size += len(raw)
        if len(raw) == MAX_LINE and not raw.endswith(b"\n"):
            _skip_line(stream)
            lines.append(None)
        else:
            lines.append(raw)
        if size >= BLOCK:
            yield Block(first, lines)
            first, size, lines = first + len(lines), 0, []
    if lines:
        yield Block(first, lines)


def _skip_line(stream: BinaryIO) -> None:
    while (rest := stream.readline(MAX_LINE)) and not rest.endswith(b"\n"):
        pass


def read_lines(block: Block) -> Iterator[Line]:
    """Each line of a block, read."""
    for number, raw in enumerate(block.lines, block.first):
        if raw is None:
            yield Line(number, None, (("line.too_long", f"longer than {MAX_LINE // 2**20} MiB"),))
        else:
            yield _read(raw, number)


def count_crlf(block: Block) -> tuple[int, int]:
    """How many lines of a block end in CR LF, and the number of the first; (0, 0) where none does."""
    ends = [number for number, raw in enumerate(block.lines, block.first) if raw and raw.endswith(b"\r\n")]
    return (len(ends), ends[0]) if ends else (0, 0)


def _read(raw: bytes, number: int) -> Line:
    problems: list[tuple[str, str]] = []
    if number == 1 and raw.startswith(BOM):
        raw = raw[len(BOM) :]
        problems.append(("file.bom", "the first three bytes are a byte order mark"))
    text = raw.strip(b" \t\r\n")
    if not text:
        problems.append(("line.blank", "nothing on this line"))
        return Line(number, None, tuple(problems))
    row, problem = load(text)
    if problem:
        problems.append((f"line.{problem.kind}", problem.message))
    if problem and row is None:
        return Line(number, None, tuple(problems))
    if not isinstance(row, dict):
        problems.append(("line.not_object", f"this line is {kind(row)}, not an object"))
        return Line(number, None, tuple(problems))
    return Line(number, row, tuple(problems))


def read_fictional(path: str) -> dict[str, Any]:
    """What a provenance file says under `fictional`, by row id: true, or a list of invented values."""
    rows = (line.row for block in read_blocks(path) for line in read_lines(block) if line.row)
    return {row["id"]: row.get("fictional") for row in rows if isinstance(row.get("id"), str)}


def kind(value: Any) -> str:
    """A JSON value's type in words."""
    names = {dict: "an object", list: "an array", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def show(value: Any) -> str:
    """A value as Python writes it, cut to a length that fits in a sentence."""
    text = repr(value[:80] if isinstance(value, str) else value)
    return text if len(text) <= 60 else f"{text[:57]}..."
