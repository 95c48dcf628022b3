"""The rows together: doubles, ids, quotas, what two files share. Part of `python -m validators check`.

Holds hashes and line numbers only, never the rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import orjson

from validators import finding
from validators.context import Context
from validators.cpf import cpf_ok
from validators.finding import Finding
from validators.formats import scan
from validators.grounding import mask
from validators.rows import load

CATEGORIES = ("greetings", "missing_data", "partial_data", "tool_calls", "facts", "edge_cases")
SEQUENCES = frozenset({"12345678909", "01234567890", "98765432100"})  # right by arithmetic, typed by anyone
NAME_KEYS = ("nome", "name", "titular", "beneficiario", "holder")
ENOUGH_CALLS, WRONG_SHARE = 20, 0.25


@dataclass(frozen=True)
class Minimums:
    """Quotas of the first file, the one to train on; 0 asks for nothing."""

    rows: int = 0
    each: int = 0
    calls: int = 0
    edge: int = 0


@dataclass
class Corpus:
    """What is remembered of the rows seen so far. A place is (number of the file, line)."""

    files: list[str]
    rows: list[int] = field(init=False)
    categories: list[Counter[str]] = field(init=False)
    complete_calls: list[int] = field(init=False)
    calls: int = 0
    wrong_digits: int = 0
    texts: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    ids: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    cpfs: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    people: dict[bytes, tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        count = len(self.files)
        self.rows, self.complete_calls = [0] * count, [0] * count
        self.categories = [Counter() for _ in range(count)]

    def add(self, row: dict[str, Any], context: Context, file: int) -> Iterator[Finding]:
        """Remember a row; findings are what it has in common with an earlier one."""
        here = (file, context.line)
        self.rows[file] += 1
        if isinstance(row.get("category"), str):
            self.categories[file][row["category"]] += 1
        self.complete_calls[file] += _has_complete_call(context)
        self._count_digits(context)
        yield from self._same_id(context, here)
        yield from self._same_text(context, here)
        if len(self.files) > 1:
            yield from self._same_people(context, here)

    def finish(self, minimums: Minimums) -> Iterator[Finding]:
        """What only shows at the end: quotas that the first file misses, check digits that are wrong too often."""
        rows, categories = self.rows[0], self.categories[0]
        if rows < minimums.rows:
            yield self._whole("corpus.min_rows", f"{rows} rows, {minimums.rows} are asked for")
        for category in sorted({*CATEGORIES, *categories}) if minimums.each else ():
            if categories[category] < minimums.each:
                count = categories[category]
                yield self._whole("corpus.min_each", f"{category}: {count} rows, {minimums.each} are asked for")
        if self.complete_calls[0] < minimums.calls:
            count = self.complete_calls[0]
            yield self._whole(
                "corpus.min_calls", f"{count} rows with a whole consultation, {minimums.calls} are asked for"
            )
        if categories["edge_cases"] < minimums.edge:
            count = categories["edge_cases"]
            yield self._whole("corpus.min_edge", f"{count} edge cases, {minimums.edge} are asked for")
        if self.calls >= ENOUGH_CALLS and self.wrong_digits > WRONG_SHARE * self.calls:
            yield self._whole("corpus.check_digits", f"{self.wrong_digits} of {self.calls} calls carry a wrong CPF")

    def _whole(self, code: str, message: str) -> Finding:
        return finding.make(code, self.files[0], 1, None, "$", message)

    def _same_id(self, context: Context, here: tuple[int, int]) -> Iterator[Finding]:
        if context.row_id is None:
            return
        first = self.ids.setdefault(_hash(context.row_id), here)
        if first != here:
            yield context.finding("corpus.id_reused", "$.id", f"the id of {self._name(first)}")

    def _same_text(self, context: Context, here: tuple[int, int]) -> Iterator[Finding]:
        first = self.texts.setdefault(_hash(_spoken(context)), here)
        if first != here:
            code = "corpus.duplicate" if first[0] == here[0] else "leak.conversation"
            yield context.finding(code, "$.messages", f"the same turns as {self._name(first)}")

    def _same_people(self, context: Context, here: tuple[int, int]) -> Iterator[Finding]:
        for cpf in sorted(_cpfs(context) - SEQUENCES):
            first = self.cpfs.setdefault(_hash(cpf), here)
            if first[0] != here[0]:
                yield context.finding("leak.cpf", "$.messages", f"CPF {mask(cpf)} is also in {self._name(first)}")
        for person in sorted(_people(context)):
            first = self.people.setdefault(_hash(person), here)
            if first[0] != here[0]:
                yield context.finding("leak.person", "$.messages", f"a name and birth date as in {self._name(first)}")

    def _name(self, place: tuple[int, int]) -> str:
        return f"{self.files[place[0]]}:{place[1]}"

    def _count_digits(self, context: Context) -> None:
        for turn in context.turns:
            for call in turn.calls:
                cpf = (call.arguments or {}).get("cpf")
                if isinstance(cpf, str):
                    self.calls += 1
                    self.wrong_digits += not cpf_ok(cpf)

    def summary(self) -> dict[str, Any]:
        """Counts for the report."""
        total: Counter[str] = sum(self.categories, Counter())
        return {
            "files": [{"file": name, "rows": rows} for name, rows in zip(self.files, self.rows, strict=True)],
            "categories": dict(sorted(total.items())),
            "calls": self.calls,
            "complete_calls": sum(self.complete_calls),
        }


def _hash(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=12).digest()


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


def _cpfs(context: Context) -> set[str]:
    """CPFs of the calls, and those of the user's words that arithmetic confirms."""
    found: set[str] = set()
    for turn in context.turns:
        if turn.role == "user" and isinstance(turn.content, str):
            found.update(
                item.value for item in scan(turn.content).cpfs if item.kind == "resolved" and cpf_ok(item.value)
            )
        for call in turn.calls:
            cpf = (call.arguments or {}).get("cpf")
            if isinstance(cpf, str):
                found.add(cpf)
    return found


def _people(context: Context) -> set[str]:
    """Full names in tool results, each with the birth date of the call before it."""
    born: Any = None
    found: set[str] = set()
    for turn in context.turns:
        for call in turn.calls:
            born = (call.arguments or {}).get("data_nascimento")
        if turn.role == "tool" and isinstance(turn.content, str) and isinstance(born, str):
            found.update(f"{name}\x1f{born}" for name in _names(load(turn.content)[0]))
    return found


def _names(value: Any) -> Iterable[str]:
    if isinstance(value, list):
        for item in value:
            yield from _names(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, str):
                if any(word in key.lower() for word in NAME_KEYS) and len(item.split()) > 1:
                    yield " ".join(item.upper().split())
            else:
                yield from _names(item)
