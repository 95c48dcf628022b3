"""Deals the rows out: how many per category, split and flow, and in which order. Arithmetic and one seeded shuffle."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from random import Random

from datagen.capacity import Capacity, check_capacity
from datagen.errors import PackError, Problem
from datagen.flows import Flow
from datagen.pack import Pack
from datagen.phrasebook import Phrasebook

_SMALL_SPLITS = {"eval": 20, "test": 12, "test_unseen": 24}
"""Split → at most one row in so many is for it, however few rows are wanted."""

_MOST_IN_GROUPS = 0.5
"""At most this share of a category's rows stands in contrast groups."""

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
    """The customer says what train never says."""
    group: str | None = None
    """Of a contrast: the group, whose rows are settled together."""


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
    """Rows per split; the small ones get a fixed number, or a share of the rows where these are few."""
    splits = pack.config.splits
    sizes = {name: min(getattr(splits, name), rows // share) for name, share in _SMALL_SPLITS.items()}
    return {"train": rows - sum(sizes.values()), **sizes}


def schedule(pack: Pack, book: Phrasebook, facts: list, rows: int, seed: int) -> list[Task]:
    """Every row to make, in the order in which they stand in the files. Raises PackError where flows cannot fill it.

    The rows of a contrast group stand one after the other; test_unseen comes last, when all that train says is known.
    """
    categories = [name for name, weight in pack.config.categories.items() if weight]
    weights = [pack.config.categories[name] for name in categories]
    wanted = dict(zip(categories, shares(rows, weights), strict=True))
    dealer = _Dealer(pack, book, facts, check_capacity(pack, book, facts, wanted))
    units: list[list[Task]] = []
    for split, size in split_sizes(pack, rows).items():
        counts = dict(zip(categories, shares(size, weights), strict=True))
        groups = dealer.contrast_groups(split, size, counts)
        units += groups
        taken = Counter(pack.flows[task.flow].category for group in groups for task in group)
        for category, count in counts.items():
            units += [[task] for task in dealer.rows(split, category, count, taken[category])]
    Random(f"{seed}:order").shuffle(units)
    units.sort(key=lambda unit: unit[0].split == "test_unseen")
    return [task for unit in units for task in unit]


class _Dealer:
    """Gives each flow its rows, split by split."""

    def __init__(self, pack: Pack, book: Phrasebook, facts: list, capacity: dict[str, int]) -> None:
        self.pack, self.capacity = pack, capacity
        counter = Capacity(book, facts)
        kept_whole = set(map(str, pack.config.splits.unseen_flows))
        self.open = [flow for flow in pack.flows if flow.id not in kept_whole]
        self.kept_whole = [flow for flow in pack.flows if flow.id in kept_whole]
        self.can_be_held_out = [flow for flow in self.open if counter.can_be_held_out(flow)]
        self.can_be_unseen = [flow for flow in self.open if counter.can_be_unseen(flow)]
        self.places = {flow.id: at for at, flow in enumerate(pack.flows)}
        self.numbers = [0] * len(pack.flows)
        self.groups: Counter[str] = Counter()

    def rows(self, split: str, category: str, count: int, taken: int) -> list[Task]:
        """The tasks of `category`; `taken` of its `count` rows stand in contrast groups already."""

        def of_category(flows: list[Flow]) -> list[Flow]:
            return [flow for flow in flows if flow.category == category and not flow.contrast]

        if split == "test_unseen":
            kept, unseen = of_category(self.kept_whole), of_category(self.can_be_unseen)
            half = (count + 1) // 2 if kept and unseen else count * bool(kept)
            tasks = self._tasks(kept, half, split, True) if half else []
            return tasks + self._tasks(unseen or of_category(self.open), count - half, split, bool(unseen))
        held_out = of_category(self.can_be_held_out) if split != "train" else []
        half = min((count + 1) // 2, count - taken) if held_out else 0
        tasks = self._tasks(held_out, half, split, True) if half else []
        return tasks + self._tasks(of_category(self.open), count - taken - half, split, False)

    def _tasks(self, flows: list[Flow], rows: int, split: str, unseen: bool) -> list[Task]:
        tasks = []
        for flow, part in zip(flows, _deal(flows, rows, self.capacity), strict=True):
            at = self.places[flow.id]
            tasks += [Task(at, self.numbers[at] + step, split, unseen) for step in range(part)]
            self.numbers[at] += part
        return tasks

    def _group(self, name: str, ways: list[Flow], split: str) -> list[Task]:
        number = self.groups[name]
        return [Task(self.places[flow.id], number, split, False, f"{name}:{number}") for flow in ways]

    def contrast_groups(self, split: str, size: int, counts: dict[str, int]) -> list[list[Task]]:
        """Groups of rows that differ by one edit, evenly over the contrasts, as far as the categories have room."""
        contrasts = self.pack.contrasts()
        left = {category: int(count * _MOST_IN_GROUPS) for category, count in counts.items()}
        budget = size * self.pack.config.contrasts // 100 if split != "test_unseen" else 0
        groups: list[list[Task]] = []
        names = list(contrasts)
        while names:
            for name in list(names):
                ways = contrasts[name]
                needs = Counter(flow.category for flow in ways)
                room = min(self.capacity[flow.id] for flow in ways) * _HEADROOM
                if (
                    budget < len(ways)
                    or self.groups[name] >= room
                    or any(left.get(category, 0) < n for category, n in needs.items())
                ):
                    names.remove(name)
                    continue
                groups.append(self._group(name, ways, split))
                self.groups[name] += 1
                budget -= len(ways)
                for category, n in needs.items():
                    left[category] -= n
        return groups


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
