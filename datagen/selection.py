"""Which of the rows that were drawn go into the dataset: no duplicates, few near-duplicates.

One stage, in a fixed order, in one process, so that the number of workers never changes a byte.

A row that repeats another is drawn again until it is new; one that is much like another is drawn again a few times, one
that is nearly the same many times, and the least alike is kept. So is a row of test_unseen where the customer says what
train says too, and a row of an edge case whose code has run this course before and has few courses yet. A contrast
group is held against the rows before it, not against itself, and drawn again as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from datagen.errors import PackError, Problem
from datagen.lint import FEWEST_PLANS
from datagen.schedule import Task
from datagen.workshop import Made, Workshop, made
from validators.diversity import Neighbours

TOO_ALIKE, NEARLY_THE_SAME = 0.5, 0.75
"""Jaccard similarities of word 3-grams from which a row is drawn again a few times, and many times."""
_DRAWS_FOR_LIKENESS, _DRAWS_FOR_COURSE, _DRAWS = 6, 26, 60
"""Most draws of a row that is like another, whose course was run before, or that is nearly the same as another."""


@dataclass
class Unit:
    """Rows that are settled together: one row, or a contrast group."""

    tasks: list[tuple[str, Task]]
    rows: list[Made]

    def members(self) -> Iterator[tuple[str, Task, Made]]:
        """Id, task and row of each member."""
        for (row_id, task), row in zip(self.tasks, self.rows, strict=True):
            yield row_id, task, row


def units_of(rows: Iterable[tuple[tuple[str, Task], Made]]) -> Iterator[Unit]:
    """Consecutive rows of one contrast group together, every other row alone."""
    unit: Unit | None = None
    for (row_id, task), row in rows:
        if unit and task.group is not None and task.group == unit.tasks[0][1].group:
            unit.tasks.append((row_id, task))
            unit.rows.append(row)
            continue
        if unit:
            yield unit
        unit = Unit([(row_id, task)], [row])
    if unit:
        yield unit


class Selection:
    """What has been taken so far."""

    def __init__(self, workshop: Workshop) -> None:
        """`workshop` draws rows again."""
        self._workshop = workshop
        self._words: dict[bytes, str] = {}
        self._neighbours = Neighbours()
        self._said: set[int] = set()
        """What customers say in train."""
        self._courses: dict[str, set[int]] = {}
        """Code of an edge case → the courses that its rows in train take."""

    def settle(self, unit: Unit) -> Iterator[dict[str, Any]]:
        """Put into `unit` the rows that are taken; yields what was drawn and left out, with the reason."""
        drawn: list[_Draw] = []
        for attempt in range(_DRAWS):
            if attempt:
                unit.rows = [made(self._workshop, task, row_id, attempt) for row_id, task in unit.tasks]
            repeated = next((row for row in unit.rows if row.words in self._words), None)
            if repeated:
                yield _left_out("duplicate", self._words[repeated.words], 1.0, repeated)
                continue
            drawn.append(_Draw(unit.rows, *self._fault(unit)))
            if len(drawn) >= _most_draws(drawn):
                break
        if not drawn:
            place = self._workshop.pack.flows[unit.tasks[0][1].flow].place
            message = f"gave only repetitions in {_DRAWS} draws"
            raise PackError(Problem(place, message, "write more wordings, or lower ROWS"))
        taken = drawn[-1] if not drawn[-1].reason else min(drawn, key=lambda draw: draw.fault)
        for draw in drawn:
            if draw is not taken:
                yield _left_out(draw.reason, draw.other, draw.fault, draw.rows[0])
        unit.rows = taken.rows
        self._take(unit)

    def _fault(self, unit: Unit) -> tuple[float, str, str]:
        """How much a unit is like what was taken: (0 … 1, reason, the other row); no reason: it is fine."""
        row, task = unit.rows[0], unit.tasks[0][1]
        if task.split == "test_unseen" and (known := len(row.utterances & self._said)):
            return known / len(row.utterances), "known wording", "train"
        code = self._workshop.pack.flows[task.flow].code
        courses = self._courses.get(code, set()) if code and task.split == "train" else set()
        if row.course in courses and len(courses) < FEWEST_PLANS:
            return 0.9, "same course", code
        same, other = max(self._neighbours.most_alike(row.likeness) for row in unit.rows)
        return (same, "near-duplicate", other) if same >= TOO_ALIKE else (same, "", other)

    def _take(self, unit: Unit) -> None:
        for row_id, task, row in unit.members():
            self._words[row.words] = row_id
            self._neighbours.add(row_id, row.likeness)
            if task.split == "train":
                self._said |= row.utterances
                if code := self._workshop.pack.flows[task.flow].code:
                    self._courses.setdefault(code, set()).add(row.course)


class _Draw(NamedTuple):
    """What was drawn for a unit, and what is wrong with it."""

    rows: list[Made]
    fault: float
    reason: str
    other: str


def _most_draws(drawn: list[_Draw]) -> int:
    """How many draws are worth while, after these."""
    if not drawn[-1].reason:
        return len(drawn)
    if drawn[-1].reason == "same course":
        return _DRAWS_FOR_COURSE
    return _DRAWS_FOR_LIKENESS if min(draw.fault for draw in drawn) < NEARLY_THE_SAME else _DRAWS


def _left_out(reason: str, other: str, same: float, row: Made) -> dict[str, Any]:
    """A line of rejected.jsonl; `same` is the likeness, or the share of known utterances."""
    return {"reason": reason, "of": other, "likeness": round(same, 3), "row": orjson.loads(row.row)}
