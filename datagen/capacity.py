"""Counts how many distinct conversations a flow can make, before any is made: a lower bound.

Slots and wordings multiply, branches add up. Where a person's CPF or birth date is spoken there is no practical limit.
Noise counts for nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from datagen import documents
from datagen.errors import PackError, Problem
from datagen.flows import Flow
from datagen.grammar import (
    CATEGORIES,
    AssistantStep,
    ConsultStep,
    EitherStep,
    FollowStep,
    MaybeStep,
    OnStep,
    Steps,
    UserStep,
    parts_of,
)
from datagen.pack import Pack
from datagen.phrasebook import Phrasebook, Wording, WordingList
from datagen.planner import facts_for, may_be_said

UNLIMITED = 10**9
FEW_CONVERSATIONS, MOST_NAMED = 100_000, 5
"""Distinct conversations below which `make lint` names a flow, and how many flows it names of a category."""
_ENOUGH_UNSEEN = 0.05
"""Share of a flow's plans that must be fit for test_unseen: below it, drawing again takes too long."""
_PERSONAL = {
    "cpf", "birth_date", "client", "relative", "full_name", "first_name", *(make.__name__ for make in documents.ALL),
}  # fmt: skip


class Capacity:
    """Counts for one pack; `facts` are those that may be said."""

    def __init__(self, book: Phrasebook, facts: list) -> None:
        """Keep what has been counted: fragments and slots are shared."""
        self._book, self._facts = book, facts
        self._slots: dict[str, int] = {}
        self._said: dict[int, int] = {}
        self._counted: dict[int, int] = {}
        self._plans: dict[int, int] = {}
        self._shares: dict[int, float] = {}
        """id of a list of steps (in `_said`, of wordings) → its count; the pack keeps the lists alive."""

    def flow(self, flow: Flow) -> int:
        """Distinct conversations of `flow` in train."""
        return self._steps(flow.file.steps)

    def plans(self, flow: Flow) -> int:
        """Distinct sequences of acts that `flow` can take."""
        return self._paths(flow.file.steps)

    def _paths(self, steps: Steps) -> int:
        if id(steps) not in self._plans:
            self._plans[id(steps)] = min(prod(self._paths_of(step) for step in steps), UNLIMITED)
        return self._plans[id(steps)]

    def _paths_of(self, step) -> int:
        if isinstance(step, FollowStep):
            return self._paths(self._book.pack.fragments[step.follow])
        inner = [self._paths(part) for part in parts_of(step)]
        return sum(inner) + isinstance(step, MaybeStep) if inner else 1

    def can_be_held_out(self, flow: Flow) -> bool:
        """Whether some user turn has a held-out wording (paths without one are drawn again)."""
        return self._held_out(flow.file.steps)

    def can_be_unseen(self, flow: Flow) -> bool:
        """Whether enough of its plans have unseen wordings for every longer thing that the customer says."""
        return self._unseen(flow.file.steps) >= _ENOUGH_UNSEEN

    def _steps(self, steps: Steps) -> int:
        if id(steps) not in self._counted:
            self._counted[id(steps)] = min(prod(self._step(step) for step in steps), UNLIMITED)
        return self._counted[id(steps)]

    def _step(self, step) -> int:
        if isinstance(step, UserStep) and step.fact:
            lists = [self._book.of(fact.questions) for fact in facts_for(self._facts, step.fact)]
            return sum(map(self._wordings, lists)) * self._wordings(self._book.of_step(step))
        if isinstance(step, (UserStep, AssistantStep)):
            return self._wordings(self._book.of_step(step))
        if isinstance(step, ConsultStep):
            return UNLIMITED
        if isinstance(step, OnStep):
            return max(sum(self._steps(part) for part in step.on.values()), 1)
        if isinstance(step, MaybeStep):
            return 1 + self._steps(step.steps)
        if isinstance(step, EitherStep):
            return sum(self._steps(branch.steps) for branch in step.either)
        return self._steps(self._book.pack.fragments[step.follow])

    def _wordings(self, wordings: WordingList) -> int:
        if id(wordings) not in self._said:
            self._said[id(wordings)] = sum(map(self._wording, wordings.seen))
        return self._said[id(wordings)]

    def _wording(self, wording: Wording) -> int:
        return min(prod(self._name(name) for name in wording.names), UNLIMITED)

    def _name(self, name: str) -> int:
        if name in _PERSONAL:
            return UNLIMITED
        if name not in self._book.slots or self._book.pack.slots[name].once:
            return 1
        if name not in self._slots:
            self._slots[name] = 1
            phrases = self._book.slots[name]
            self._slots[name] = sum(prod(self._name(inner) for inner in phrase.names) for phrase in phrases)
        return self._slots[name]

    def _held_out(self, steps: Steps) -> bool:
        return any(self._step_held_out(step) for step in steps)

    def _step_held_out(self, step) -> bool:
        if isinstance(step, UserStep):
            facts = facts_for(self._facts, step.fact) if step.fact else []
            asked = [bool(self._book.of(fact.questions).held_out) for fact in facts]
            return bool(self._book.of_step(step).held_out) or any(asked)
        if isinstance(step, FollowStep):
            return self._held_out(self._book.pack.fragments[step.follow])
        return any(self._held_out(part) for part in parts_of(step))

    def _unseen(self, steps: Steps) -> float:
        """Share of the plans of `steps` in which every longer thing that the customer says has an unseen wording."""
        if id(steps) not in self._shares:
            self._shares[id(steps)] = prod(map(self._step_unseen, steps))
        return self._shares[id(steps)]

    def _step_unseen(self, step) -> float:
        if isinstance(step, UserStep):
            wordings = self._book.of_step(step)
            return float(bool(wordings.unseen) or wordings.short)
        if isinstance(step, FollowStep):
            return self._unseen(self._book.pack.fragments[step.follow])
        if isinstance(step, EitherStep):
            whole = sum(branch.weight for branch in step.either)
            return sum(branch.weight * self._unseen(branch.steps) for branch in step.either) / whole
        if isinstance(step, OnStep):
            return sum(map(self._unseen, step.on.values())) / len(step.on)
        return 1 - (1 - self._unseen(step.steps)) * step.maybe / 100 if isinstance(step, MaybeStep) else 1.0


def capacity_lines(pack: Pack, allow_unconfirmed: bool = False) -> Iterator[str]:
    """How many distinct conversations each category can make, and every flow that can make few."""
    facts = [fact for fact in pack.facts.values() if may_be_said(fact, allow_unconfirmed)]
    counter = Capacity(Phrasebook(pack), facts)
    for category in CATEGORIES:
        able = {flow.id: counter.flow(flow) for flow in pack.flows_of(category)}
        few = sorted((number, name) for name, number in able.items() if number < FEW_CONVERSATIONS)
        rest = f"{len(able) - len(few)} flows without practical limit"
        named = [f"{name} {number:,}" for number, name in few[:MOST_NAMED]]
        more = [f"{len(few) - MOST_NAMED} others up to {few[-1][0]:,}"] if len(few) > MOST_NAMED else []
        yield f"{category}: {', '.join([rest, *named, *more])}"


def check_capacity(pack: Pack, book: Phrasebook, facts: list, wanted: dict[str, int]) -> dict[str, int]:
    """How many distinct conversations each flow can make (flow id → number).

    `wanted` maps categories to rows. Raises PackError for a category whose flows cannot fill it, with each flow's
    capacity.
    """
    counter = Capacity(book, facts)
    capacity = {flow.id: counter.flow(flow) for flow in pack.flows}
    problems = []
    for category, rows in wanted.items():
        flows = pack.flows_of(category)
        able = sum(capacity[flow.id] for flow in flows)
        if able < rows:
            each = ", ".join(f"{flow.id} {capacity[flow.id]}" for flow in flows)
            message = f"{category}: {rows} rows wanted, but its flows can make only {able} distinct ones ({each})"
            problems.append(
                Problem(flows[0].place, message, "write more wordings, or lower ROWS or the category's share")
            )
    if problems:
        raise PackError(*problems)
    return capacity
