"""Throws the dice: walks a flow and writes down what happens in one conversation, without any words."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from functools import cached_property
from random import Random

from datagen.flows import Flow
from datagen.grammar import (
    OLDEST,
    AssistantStep,
    ConsultStep,
    EitherStep,
    Fact,
    FollowStep,
    MaybeStep,
    OnStep,
    Steps,
    UserStep,
    parts_of,
)
from datagen.pack import Pack
from datagen.people import Person, draw_person
from datagen.phrasebook import Phrasebook, WordingList
from datagen.toolbox import Toolbox

_FIRST_DAY, _LAST_DAY = dt.date(2023, 1, 1).toordinal(), dt.date(2027, 12, 31).toordinal()
"""Each row has its own fictional today within these years; nothing reads the clock."""


@dataclass(frozen=True)
class Turn:
    """Somebody says something: which act, and the wordings to choose from."""

    role: str
    act: str
    wordings: WordingList
    fact: Fact | None = None


@dataclass(frozen=True)
class Consultation:
    """The attendant calls the tool; `answer` names how the tool answers."""

    who: str
    answer: str
    cpf: str
    birth_date: str


@dataclass
class Plan:
    """What happens in one conversation."""

    flow: str
    category: str
    split: str
    unseen: bool
    """User wordings come from those that train never sees."""
    context: str
    today: dt.date
    shape: str
    """How the tool's JSON looks in this row."""
    people: dict[str, Person]
    records: dict[str, dict]
    """Who → the fictional contract that the tool reads from; empty where the flow never consults."""
    moods: bool = True
    """Whether remarks and emojis may colour what the customer says (noise.MOODS)."""
    events: list[Turn | Consultation] = field(default_factory=list)

    def summary(self) -> dict:
        """The plan for the side-car: plain data, JSON-ready."""
        acts = [
            f"{event.role}.{event.act}" + (f":{event.fact.id}" if event.fact else "")
            if isinstance(event, Turn)
            else f"consult.{event.who}:{event.answer}"
            for event in self.events
        ]
        people = {
            who: {"name": p.full_name, "cpf": p.cpf.digits, "birth_date": p.birth_date.date.isoformat()}
            for who, p in self.people.items()
        }
        return {"acts": acts, "people": people, "today": self.today.isoformat(), "shape": self.shape}


class Planner:
    """Plans conversations of one pack."""

    def __init__(self, pack: Pack, book: Phrasebook, toolbox: Toolbox, allow_unconfirmed: bool = False) -> None:
        """`allow_unconfirmed` lets the attendant say facts that the owner has not confirmed yet."""
        self.pack, self.book, self.toolbox = pack, book, toolbox
        self.facts = [fact for fact in pack.facts.values() if may_be_said(fact, allow_unconfirmed)]
        self._demands: dict[str, frozenset[str]] = {}
        self._used: dict[int, frozenset[str]] = {}
        self._consulting: dict[int, bool] = {}
        """By the id of a list of steps, which the pack keeps alive."""
        self._kept_whole = set(map(str, pack.config.splits.unseen_flows))

    def plan(self, rng: Random, people_rng: Random, flow: Flow, split: str, unseen: bool) -> Plan:
        """One conversation of `flow` for `split`; `people_rng` draws who is in it and how they write their numbers."""
        weights = self.pack.config.contexts
        today = dt.date.fromordinal(people_rng.randint(_FIRST_DAY, _LAST_DAY))
        people = self._people(people_rng, flow, today, split)
        plan = Plan(
            flow=flow.id,
            category=flow.category,
            split=split,
            unseen=unseen,
            context=rng.choices(list(weights), list(weights.values()))[0],
            today=today,
            shape=rng.choice(self.toolbox.shapes_for(split)),
            people=people,
            moods=flow.category != "edge_cases" and not flow.contrast,
            records=self._records(people_rng, flow, people, today),
        )
        _Walk(self, rng, plan).follow(flow.file.steps)
        return plan

    def is_unseen(self, plan: Plan) -> bool:
        """Whether every longer thing that the customer says in `plan` can be worded as no other split words it."""
        if plan.flow in self._kept_whole:
            return True
        turns = (event for event in plan.events if isinstance(event, Turn) and event.role == "user")
        return all(turn.wordings.unseen or turn.wordings.short for turn in turns)

    def _variants(self, steps: Steps) -> frozenset[str]:
        """Every attribute of CPF and birth date that the wordings of these steps use."""
        known = self._used.get(id(steps))
        if known is None:
            found: set[str] = set()
            for step in steps:
                if isinstance(step, (UserStep, AssistantStep)):
                    wordings = self.book.of_step(step)
                    found |= {name for wording in wordings.all for _, name in wording.attributes} if wordings else set()
                inner = [self.pack.fragments[step.follow]] if isinstance(step, FollowStep) else parts_of(step)
                found = found.union(*map(self._variants, inner))
            known = self._used[id(steps)] = frozenset(found)
        return known

    def _consults(self, steps: Steps) -> bool:
        known = self._consulting.get(id(steps))
        if known is None:
            inner = [step for step in steps if not isinstance(step, FollowStep)]
            parts = [part for step in inner for part in parts_of(step)]
            parts += [self.pack.fragments[step.follow] for step in steps if isinstance(step, FollowStep)]
            known = any(isinstance(step, ConsultStep) for step in steps) or any(map(self._consults, parts))
            self._consulting[id(steps)] = known
        return known

    def _records(self, rng: Random, flow: Flow, people: dict[str, Person], today: dt.date) -> dict[str, dict]:
        if not self._consults(flow.file.steps):
            return {}
        return {who: self.toolbox.draw_record(rng, person, today) for who, person in people.items()}

    def _people(self, rng: Random, flow: Flow, today: dt.date, split: str) -> dict[str, Person]:
        demands = self._demands.get(flow.chance)
        if demands is None:
            ways = self.pack.contrasts()[flow.contrast] if flow.contrast else [flow]
            demands = frozenset().union(*(self._variants(way.file.steps) for way in ways))
            self._demands[flow.chance] = demands
        customer = {"gender": flow.file.gender, "age": flow.file.age or (0, OLDEST)}
        if not flow.file.relative:
            return {"client": draw_person(rng, self.pack.people, today, split, demands, **customer)}
        word = rng.choice(flow.file.relative)
        kinship = next(kin for kin in self.pack.people.kinship if kin.word == word)
        client = draw_person(rng, self.pack.people, today, split, demands, kinship, **customer)
        return {
            "client": client,
            "relative": draw_person(rng, self.pack.people, today, split, demands, kinship, family=client),
        }


def may_be_said(fact: Fact, allow_unconfirmed: bool) -> bool:
    """Unknown facts may be asked; known ones are said when confirmed, or when the user's own guide states them."""
    return not fact.known or fact.confirmed or fact.source == "guide" or allow_unconfirmed


@dataclass
class _Walk:
    """One pass through a flow."""

    planner: Planner
    rng: Random
    plan: Plan
    answer: str = ""
    fact: Fact | None = None

    @cached_property
    def asked(self) -> set[str]:
        """Facts already asked in this conversation."""
        return set()

    def follow(self, steps: Steps) -> None:
        """Take `steps` one after the other, branching by chance or by the tool's answer."""
        for step in steps:
            if isinstance(step, UserStep):
                self.fact = self._draw_fact(step.fact) if step.fact else None
                self.plan.events.append(Turn("user", step.user, self.planner.book.of_step(step), self.fact))
            elif isinstance(step, AssistantStep):
                self.plan.events.append(Turn("assistant", step.assistant, self.planner.book.of_step(step), self.fact))
            elif isinstance(step, ConsultStep):
                self.answer = self.rng.choice(step.answers)
                self.plan.events.append(Consultation(step.consult, self.answer, step.cpf, step.birth_date))
            elif isinstance(step, OnStep):
                self.follow(branch_for(step, self.answer) or [])
            elif isinstance(step, MaybeStep):
                if self.rng.randrange(100) < step.maybe:
                    self.follow(step.steps)
            elif isinstance(step, EitherStep):
                weights = [branch.weight for branch in step.either]
                self.follow(self.rng.choices(step.either, weights)[0].steps)
            elif isinstance(step, FollowStep):
                self.follow(self.planner.pack.fragments[step.follow])

    def _draw_fact(self, wanted: str) -> Fact:
        fits = [fact for fact in facts_for(self.planner.facts, wanted) if fact.id not in self.asked]
        fact = self.rng.choice(fits or facts_for(self.planner.facts, wanted))
        self.asked.add(fact.id)
        return fact


def branch_for(step: OnStep, answer: str) -> Steps | None:
    """The steps that an `on` holds for `answer`; None where it holds none."""
    for names, steps in step.on.items():
        if answer in (name.strip() for name in names.split(",")):
            return steps
    return step.on.get("other")


def facts_for(facts: list[Fact], wanted: str) -> list[Fact]:
    """The facts that `known`, `unknown`, an id or a topic stands for."""
    if wanted in ("known", "unknown"):
        return [fact for fact in facts if fact.known == (wanted == "known")]
    return [fact for fact in facts if wanted in (fact.id, fact.topic)]
