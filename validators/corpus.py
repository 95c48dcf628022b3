"""The rows together: doubles, near doubles, ids, quotas, balance, what two files share. Part of `validators check`.

Holds digests and line numbers only, never the rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from validators import finding
from validators.finding import Finding
from validators.trace import Trace, digest, unpack

CATEGORIES = ("greetings", "missing_data", "partial_data", "tool_calls", "facts", "edge_cases")
ENOUGH_CALLS, WRONG_SHARE = 20, 0.25
ENOUGH_ROWS = 1000  # below it, shares say little
MOST_OF_ONE_CATEGORY = 0.6
MOST_OF_TEN_UTTERANCES = {"user": 0.10, "assistant": 0.15}
NEAR, ENOUGH_TRIPLES, KEYS = 0.85, 12, 3
MOST_REMEMBERED = 2_000_000
"""So many rows are compared with each other; those of a larger file only with the first of them."""


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
    near: dict[int, tuple[int, int]] = field(default_factory=dict)
    samples: dict[tuple[int, int], bytes] = field(default_factory=dict)
    utterances: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        count = len(self.files)
        self.rows, self.complete_calls = [0] * count, [0] * count
        self.categories = [Counter() for _ in range(count)]

    def add(self, row: Trace, file: int) -> Iterator[Finding]:
        """Remember a row; findings are what it has in common with an earlier one."""
        here = (file, row.line)
        self.rows[file] += 1
        if row.category is not None:
            self.categories[file][row.category] += 1
        self.complete_calls[file] += row.complete
        self.calls += row.calls
        self.wrong_digits += row.wrong_digits
        if row.row_id is not None and (first := self._first(self.ids, digest(row.row_id), here)):
            yield self._at(row, here, "corpus.id_reused", "$.id", f"the id of {self._name(first)}")
        if first := self._first(self.texts, row.text, here):
            code = "corpus.duplicate" if first[0] == here[0] else "leak.conversation"
            yield self._at(row, here, code, "$.messages", f"the same turns as {self._name(first)}")
        else:
            yield from self._near(row, here)
        yield from self._same_people(row, here)
        if len(self.utterances) < MOST_REMEMBERED:
            self.utterances.update(unpack(row.utterances))

    def _first(self, known: dict[Any, tuple[int, int]], key: Any, here: tuple[int, int]) -> tuple[int, int] | None:
        """Where a key was met before, remembering it when it was not."""
        first = known.get(key)
        if first is None and len(known) < MOST_REMEMBERED:
            known[key] = here
        return first

    def _near(self, row: Trace, here: tuple[int, int]) -> Iterator[Finding]:
        """Another conversation with nearly the same words; rows near each other share their smallest triples."""
        triples = unpack(row.near)
        if len(triples) < ENOUGH_TRIPLES:
            return
        told = False
        for key in triples[:KEYS]:
            first = self._first(self.near, key, here)
            if told or first in (None, here) or first not in self.samples:
                continue
            these, those = set(triples), set(unpack(self.samples[first]))
            share = len(these & those) / len(these | those)
            if share >= NEAR:
                told = True
                code = "corpus.near_duplicate" if first[0] == here[0] else "leak.near_duplicate"
                message = f"about {share:.0%} of the word triples of this and {self._name(first)} are the same"
                yield self._at(row, here, code, "$.messages", message)
        if len(self.samples) < MOST_REMEMBERED:
            self.samples[here] = row.near

    def _same_people(self, row: Trace, here: tuple[int, int]) -> Iterator[Finding]:
        for cpf, shown in row.cpfs:
            first = self._first(self.cpfs, cpf, here)
            if first and first[0] != here[0]:
                message = f"CPF {shown} is also in {self._name(first)}"
                yield self._at(row, here, "leak.cpf", "$.messages", message)
        for person in row.people:
            first = self._first(self.people, person, here)
            if first and first[0] != here[0]:
                message = f"a name and birth date as in {self._name(first)}"
                yield self._at(row, here, "leak.person", "$.messages", message)

    def finish(self, minimums: Minimums) -> Iterator[Finding]:
        """What only shows at the end: quotas that the first file misses, shares that are far from even."""
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
        if sum(self.rows) >= ENOUGH_ROWS:
            yield from self._shares()

    def _shares(self) -> Iterator[Finding]:
        total: Counter[str] = sum(self.categories, Counter())
        for category, count in total.most_common(1):
            if len(total) > 1 and count > MOST_OF_ONE_CATEGORY * total.total():
                message = f"{category} has {count / total.total():.0%} of the rows"
                yield self._whole("corpus.unbalanced", message)
        for role, most in MOST_OF_TEN_UTTERANCES.items():
            counts = Counter({key: n for key, n in self.utterances.items() if key % 2 == (role == "user")})
            share = sum(count for _, count in counts.most_common(10)) / max(counts.total(), 1)
            if share > most:
                message = f"ten texts of the {role} are {share:.0%} of all that the {role} says, {most:.0%} is the most"
                yield self._whole("corpus.concentrated", message)

    def _whole(self, code: str, message: str) -> Finding:
        return finding.make(code, self.files[0], 1, None, "$", message)

    def _at(self, row: Trace, here: tuple[int, int], code: str, path: str, message: str) -> Finding:
        return finding.make(code, self.files[here[0]], here[1], row.row_id, path, message)

    def _name(self, place: tuple[int, int]) -> str:
        return f"{self.files[place[0]]}:{place[1]}"

    def summary(self) -> dict[str, Any]:
        """Counts for the report."""
        total: Counter[str] = sum(self.categories, Counter())
        return {
            "files": [{"file": name, "rows": rows} for name, rows in zip(self.files, self.rows, strict=True)],
            "categories": dict(sorted(total.items())),
            "calls": self.calls,
            "complete_calls": sum(self.complete_calls),
        }
