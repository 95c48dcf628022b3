"""Which of the rows that were drawn go into the dataset: no duplicates, few near-duplicates.

One stage, in a fixed order, in one process, so that the number of workers never changes a byte.

A row that repeats another is drawn again until it is new; one that is much like another is drawn again a few times, and
the least alike is kept. A contrast group is drawn again as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from datagen.errors import PackError, Problem
from datagen.schedule import Task
from datagen.workshop import Made, Workshop, made
from validators.diversity import Neighbours

TOO_ALIKE = 0.5
"""Jaccard similarity of word 3-grams from which a row is drawn again."""
_REDRAWS_FOR_LIKENESS = 5
_REDRAWS_FOR_REPETITION = 60


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

    def settle(self, unit: Unit) -> Iterator[dict[str, Any]]:
        """Put into `unit` the rows that are taken; yields what was drawn and left out, with the reason."""
        best: tuple[float, list[Made]] | None = None
        attempt = 0
        for attempt in range(_REDRAWS_FOR_REPETITION):
            if attempt:
                unit.rows = [made(self._workshop, task, row_id, attempt) for row_id, task in unit.tasks]
            repeated = next((row for row in unit.rows if row.words in self._words), None)
            if repeated:
                yield _left_out("duplicate", self._words[repeated.words], 1.0, repeated)
                continue
            if len(unit.rows) > 1:
                break
            same, other = self._neighbours.most_alike(unit.rows[0].likeness)
            if same < TOO_ALIKE:
                break
            yield _left_out("near-duplicate", other, same, unit.rows[0])
            best = min(best or (2.0, unit.rows), (same, unit.rows), key=lambda pair: pair[0])
            if attempt >= _REDRAWS_FOR_LIKENESS:
                break
        else:
            if best is None:
                place = self._workshop.pack.flows[unit.tasks[0][1].flow].place
                message = f"gave only repetitions in {_REDRAWS_FOR_REPETITION} draws"
                raise PackError(Problem(place, message, "write more wordings, or lower ROWS"))
        if best and self._neighbours.most_alike(unit.rows[0].likeness)[0] >= TOO_ALIKE:
            unit.rows = best[1]
        for row_id, _, row in unit.members():
            self._words[row.words] = row_id
            self._neighbours.add(row_id, row.likeness)


def _left_out(reason: str, other: str, same: float, row: Made) -> dict[str, Any]:
    return {"reason": reason, "of": other, "likeness": round(same, 3), "row": orjson.loads(row.row)}
