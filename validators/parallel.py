"""Does work in several processes and hands it back in order, with only a few tasks under way at any time."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import TypeVar

Task = TypeVar("Task")
Done = TypeVar("Done")
FEW = 2  # with no more tasks than this, starting processes takes longer than the work


def in_order(work: Callable[[Task], Done], tasks: Iterable[Task], workers: int = 0) -> Iterator[Done]:
    """`work` done on each task by `workers` processes (0: one for each core), in the order of the tasks."""
    waiting = iter(tasks)
    first = list(islice(waiting, FEW + 1))
    workers = workers or os.cpu_count() or 1
    if workers < 2 or len(first) <= FEW:
        yield from map(work, chain(first, waiting))
        return
    from concurrent.futures import ProcessPoolExecutor

    method = "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"
    executor = ProcessPoolExecutor(workers, multiprocessing.get_context(method), _begin)
    try:
        under_way: deque = deque()
        for task in chain(first, waiting):
            under_way.append(executor.submit(work, task))
            if len(under_way) > 3 * workers:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    finally:
        executor.shutdown(cancel_futures=True)


def _begin() -> None:
    """In a new worker: signals are the parent's, and what it brought along is not walked by every collection."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    gc.freeze()
    gc.set_threshold(50_000)
