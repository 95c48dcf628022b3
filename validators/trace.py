"""What is remembered of one row to compare it with all others: digests and counts, never its words.

Made beside the row's own checks, in whichever process judges it; corpus.py puts the traces together. No command of
its own.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from itertools import accumulate
from typing import Any, NamedTuple
from zlib import crc32

import orjson

from validators.context import Context
from validators.cpf import cpf_ok
from validators.formats import scan

NAME_KEYS = ("nome", "name", "titular", "beneficiario", "holder")
SEQUENCES = frozenset({"12345678909", "01234567890", "98765432100"})  # right by arithmetic, typed by anyone
WORD = re.compile(r"[^\W\d_]+|\d+")
FIGURES = re.compile(r"\d+")
SAMPLE = 4  # of the word triples one in four is kept: enough to tell two conversations apart


class Trace(NamedTuple):
    """A row among others. `near` is a sample of its word triples, `utterances` its texts without their figures.

    Both are packed, see `unpack`: what a process hands back should be small.
    """

    line: int
    row_id: str | None
    text: bytes
    category: str | None
    complete: bool
    calls: int
    wrong_digits: int
    cpfs: tuple[tuple[bytes, str], ...]
    people: tuple[bytes, ...]
    near: bytes
    utterances: bytes


def trace(row: dict[str, Any], context: Context, compared: bool) -> Trace:
    """The trace of a row; people are only looked for when files are `compared` with each other."""
    made = [
        cpf
        for turn in context.turns
        for call in turn.calls
        if isinstance(cpf := (call.arguments or {}).get("cpf"), str)
    ]
    category = row.get("category")
    return Trace(
        context.line,
        context.row_id,
        digest(_spoken(context)),
        category if isinstance(category, str) else None,
        _has_complete_call(context),
        len(made),
        sum(not cpf_ok(cpf) for cpf in made),
        tuple((digest(cpf), mask(cpf)) for cpf in sorted(_cpfs(context, made) - SEQUENCES)) if compared else (),
        tuple(digest(person) for person in sorted(_people(context))) if compared else (),
        _triples(context),
        _utterances(context),
    )


def digest(text: str) -> bytes:
    """Twelve bytes that stand for a text."""
    return blake2b(text.encode(errors="surrogatepass"), digest_size=12).digest()


def mask(cpf: str) -> str:
    """A CPF that is safe to print in a report."""
    return f"{cpf[:3]}.***.***-{cpf[-2:]}"


def _has_complete_call(context: Context) -> bool:
    """Whether a call, its result and the assistant's answer stand one after the other."""
    turns = context.turns
    return any(
        turn.calls
        and turns[place + 1].role == "tool"
        and turns[place + 2].role == "assistant"
        and not turns[place + 2].calls
        for place, turn in enumerate(turns[:-2])
    )


def _spoken(context: Context) -> str:
    """A conversation as one text: what is said, called and answered; not the system message, the tools or the ids."""
    parts: list[str] = []
    for turn in context.turns:
        if turn.role == "system":
            continue
        parts.append(f"{turn.role}\x1f{turn.content}")
        for call in turn.calls:
            shown = call.arguments if call.arguments is not None else call.raw
            parts.append(f"{call.name}\x1f{orjson.dumps(shown, option=orjson.OPT_SORT_KEYS).decode()}")
    return "\x1e".join(parts)


def _cpfs(context: Context, made: list[str]) -> set[str]:
    """CPFs of the calls, and those of the user's words that arithmetic confirms."""
    found = set(made)
    for turn in context.turns:
        if turn.role == "user" and isinstance(turn.content, str):
            found.update(
                item.value for item in scan(turn.content).cpfs if item.kind == "resolved" and cpf_ok(item.value)
            )
    return found


def _people(context: Context) -> set[str]:
    """Full names in tool results, each with the birth date of the call before it."""
    born: Any = None
    found: set[str] = set()
    for turn in context.turns:
        for call in turn.calls:
            born = (call.arguments or {}).get("data_nascimento")
        if turn.role == "tool" and isinstance(born, str):
            found.update(f"{name}\x1f{born}" for name in _names(turn.result))
    return found


def _names(result: Any) -> Iterator[str]:
    waiting = [result]
    for part in waiting:  # grows while it is walked
        if type(part) is list:
            waiting.extend([item for item in part if type(item) in (dict, list)])
        elif type(part) is dict:
            for key, item in part.items():
                if type(item) is str:
                    if " " in item and is_name_key(key):
                        yield " ".join(item.upper().split())
                elif type(item) in (dict, list):
                    waiting.append(item)


@lru_cache(maxsize=4096)
def is_name_key(key: str) -> bool:
    """Whether a key of a tool's result says that its value is a person's name."""
    return any(word in key.lower() for word in NAME_KEYS)


def unpack(packed: bytes) -> array[int]:
    """The numbers of `near` (rising) or of `utterances` (those of the user are odd)."""
    return array("Q", packed)


def _triples(context: Context) -> bytes:
    """A sample of the word triples that are said, chosen by their digests so that all rows sample alike."""
    found: set[int] = set()
    for turn in context.turns:
        if turn.role in ("user", "assistant") and isinstance(turn.content, str):
            found |= _triples_of(turn.content)
    return array("Q", sorted(found)).tobytes()


@lru_cache(maxsize=8192)
def _triples_of(text: str) -> frozenset[int]:
    words = [word.encode("utf-8", "replace") for word in WORD.findall(text.lower())]
    joined, ends = b" ".join(words), list(accumulate(len(word) + 1 for word in words))
    spans = zip([0, *ends], ends[2:], strict=False)  # of each three words, with the blank behind them
    return frozenset([code for start, end in spans if not (code := crc32(joined[start : end - 1])) % SAMPLE])


def _utterances(context: Context) -> bytes:
    spoken = [
        _without_figures(turn.content) * 2 + (turn.role == "user")
        for turn in context.turns
        if turn.role in ("user", "assistant") and isinstance(turn.content, str)
    ]
    return array("Q", spoken).tobytes()


@lru_cache(maxsize=8192)
def _without_figures(text: str) -> int:
    return crc32(FIGURES.sub("0", text.lower()).encode("utf-8", "replace"))
