"""Deals the rows out: how many per category, split and flow, and in which order. Arithmetic and one seeded shuffle."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from datagen.capacity import Counter
from datagen.errors import PackError, Problem
from datagen.lint import check_capacity
from datagen.pack import Flow, Pack
from datagen.phrasebook import Phrasebook

_EVAL_SHARE, _TEST_SHARE = 20, 12
"""At most one row in twenty is for eval and one in twelve for test, however few rows are wanted."""

_HEADROOM = 0.5
"""A flow takes at most this share of its distinct conversations: beyond it, draws mostly repeat."""


@dataclass(frozen=True)
class Task:
    """One row to make."""

    flow: int
    """Index into `pack.flows`."""
    number: int
    """Counts the rows of this flow: the row's own chance is seeded with it."""
    split: str
    unseen: bool


def shares(total: int, weights: list[float]) -> list[int]:
    """`total` divided by `weights`, whole numbers that add up exactly (largest remainder)."""
    whole = sum(weights)
    exact = [total * weight / whole if whole else 0 for weight in weights]
    parts = [int(value) for value in exact]
    order = sorted(range(len(parts)), key=lambda at: (parts[at] - exact[at], at))
    for at in order[: total - sum(parts)]:
        parts[at] += 1
    return parts


def split_sizes(pack: Pack, rows: int) -> dict[str, int]:
    """Rows per split: train, eval, test."""
    splits = pack.config.splits
    evaluation = min(splits.eval, rows // _EVAL_SHARE)
    test = min(splits.test, rows // _TEST_SHARE)
    return {"train": rows - evaluation - test, "eval": evaluation, "test": test}


def schedule(pack: Pack, book: Phrasebook, facts: list, rows: int, seed: int) -> list[Task]:
    """Every row to make, in the order in which they stand in the files. Raises PackError where flows cannot fill it."""
    categories = [name for name, weight in pack.config.categories.items() if weight]
    weights = [pack.config.categories[name] for name in categories]
    wanted = dict(zip(categories, shares(rows, weights), strict=True))
    capacity = check_capacity(pack, book, facts, wanted)
    counter = Counter(book, facts)
    places = {flow.id: at for at, flow in enumerate(pack.flows)}
    numbers = [0] * len(pack.flows)
    tasks: list[Task] = []
    for split, size in split_sizes(pack, rows).items():
        for category, count in zip(categories, shares(size, weights), strict=True):
            flows = pack.flows_of(category)
            half = 0 if split == "train" else (count + 1) // 2
            unseen = [flow for flow in flows if counter.can_be_unseen(flow)] if half else []
            half = half if unseen else 0
            for group, number, is_unseen in ((unseen, half, True), (flows, count - half, False)):
                for flow, part in zip(group, _deal(group, number, capacity), strict=True):
                    at = places[flow.id]
                    tasks += [Task(at, numbers[at] + step, split, is_unseen) for step in range(part)]
                    numbers[at] += part
    Random(f"{seed}:order").shuffle(tasks)
    return tasks


def _deal(flows: list[Flow], rows: int, capacity: dict[str, int]) -> list[int]:
    """`rows` over `flows` by weight; a flow that can make few conversations gives its surplus to the others."""
    parts = [0] * len(flows)
    room = [max(1, int(capacity[flow.id] * _HEADROOM)) for flow in flows]
    left = rows
    while left:
        open_flows = [at for at in range(len(flows)) if parts[at] < room[at]]
        if not open_flows:
            message = f"{rows} rows wanted of {', '.join(flow.id for flow in flows)}, which would mostly repeat"
            raise PackError(Problem(flows[0].place, message, "write more wordings, or lower ROWS"))
        more = shares(left, [flows[at].file.weight for at in open_flows])
        for at, part in zip(open_flows, more, strict=True):
            parts[at] += min(part, room[at] - parts[at])
        left = rows - sum(parts)
    return parts
