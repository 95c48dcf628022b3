"""Makes rows on all cores and hands them back in order, so that the number of workers changes nothing but the time."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from datagen.schedule import Task
from datagen.workshop import Made, Workshop, made

_CHUNK = 200
_workshop: Workshop
"""Set before the pool forks, so that every worker has the pack already."""


def rows_in_order(workshop: Workshop, tasks: list[tuple[str, Task]], workers: int = 0) -> Iterator[Made]:
    """The rows of `tasks` (id, task); `workers` processes make them, 0 means one per core."""
    global _workshop
    _workshop = workshop
    chunks = [tasks[at : at + _CHUNK] for at in range(0, len(tasks), _CHUNK)]
    workers = min(workers or os.cpu_count() or 1, len(chunks))
    if workers < 2:
        for chunk in chunks:
            yield from _make(chunk)
        return
    gc.freeze()  # the pack lives on: collections in the workers need not look at it again
    executor = ProcessPoolExecutor(workers, get_context("fork"), _leave_signals_to_the_parent)
    try:
        waiting = []
        for chunk in chunks:
            waiting.append(executor.submit(_make, chunk))
            if len(waiting) > 4 * workers:  # only a few chunks are under way: memory does not grow with rows
                yield from waiting.pop(0).result()
        for future in waiting:
            yield from future.result()
    finally:
        executor.shutdown(cancel_futures=True)


def _make(chunk: list[tuple[str, Task]]) -> list[Made]:
    return [made(_workshop, task, row_id) for row_id, task in chunk]


def _leave_signals_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
