"""Makes rows on all cores and hands them back in order, so that the number of workers changes nothing but the time."""

from __future__ import annotations

from collections.abc import Iterator

from datagen.schedule import Task
from datagen.workshop import Made, Workshop, made
from validators.parallel import in_order

_CHUNK = 200
_workshop: Workshop
"""Set before the pool forks, so that every worker has the pack already."""


def rows_in_order(workshop: Workshop, tasks: list[tuple[str, Task]], workers: int = 0) -> Iterator[Made]:
    """The rows of `tasks` (id, task); `workers` processes make them, 0 means one per core."""
    global _workshop
    _workshop = workshop
    chunks = (tasks[at : at + _CHUNK] for at in range(0, len(tasks), _CHUNK))
    for rows in in_order(_make, chunks, workers):
        yield from rows


def _make(chunk: list[tuple[str, Task]]) -> list[Made]:
    return [made(_workshop, task, row_id) for row_id, task in chunk]
