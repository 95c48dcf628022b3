"""Walks every flow along every path: who speaks when, what is known by then, how it ends. Part of `datagen lint`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from datagen.errors import Problem
from datagen.flows import Flow
from datagen.grammar import (
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
from datagen.lint_names import EVERYWHERE, Names, closest
from datagen.phrasebook import Wording, WordingList
from datagen.planner import branch_for, facts_for

_SPOKEN = {"client": "", "relative": "relative."}
"""Of whom a consult is → how templates name that person's data."""


@dataclass(frozen=True)
class _State:
    """What is true at one point of a path through a flow."""

    last: str = "start"
    answer: str = ""
    found: bool = False
    fact: str = ""
    given: frozenset[str] = frozenset()
    """Whose CPF and birth date the customer has told by now, in whatever form."""


class Walker:
    """Walks flows; `found` are the problems, `used_fragments` the fragments that some flow follows."""

    def __init__(self, names: Names) -> None:
        """`names` knows the pack, and what its templates may name."""
        self.names, self.pack, self.book, self.sayable = names, names.pack, names.book, names.sayable
        self.found: list[Problem] = []
        self.used_fragments: set[str] = set()
        self._checked: set[tuple[int, frozenset[str]]] = set()
        """Lists of wordings already held against these allowed names."""
        self._walked: dict[tuple, tuple[frozenset[_State], frozenset[str]]] = {}
        self._fact_values: frozenset[str] = frozenset()
        self._told_by: dict[int, frozenset[str]] = {}

    def flow(self, flow: Flow) -> None:
        """Walk one flow and remember what is wrong with it."""
        self._flow = flow
        kinships = [kin.word for kin in self.pack.people.kinship]
        for word in flow.file.relative or []:
            if word not in kinships:
                self._say(word.place, f"relative: '{word}' is not in people.yaml", closest(word, kinships))
        before = len(self.found)
        ends = self._walk(flow.file.steps, {_State()}, ())
        if len(self.found) == before and {state.last for state in ends} - {"assistant"}:
            message = "some path ends on something else than a text of the attendant"
            self._say(flow.place, message, "end every branch with an `assistant:` step")

    def _say(self, place: str, message: str, fix: str = "") -> None:
        self.found.append(Problem(str(place), message, fix))

    def _walk(self, steps: Steps, states: set[_State], inside: tuple[str, ...]) -> set[_State]:
        """The states after `steps`; a list of steps that was walked from the same states before is not walked again."""
        key = (id(steps), frozenset(states), bool(self._flow.file.relative), self._fact_values)
        if key not in self._walked:
            before = len(self.found)
            for step in steps:
                if not states:
                    break
                states = self._step(step, states, inside)
            if len(self.found) > before:
                return states  # what is wrong is told for every flow
            self._walked[key] = (frozenset(states), self._fact_values)
        after, self._fact_values = self._walked[key]
        return set(after)

    def _step(self, step, states: set[_State], inside: tuple[str, ...]) -> set[_State]:
        if isinstance(step, UserStep):
            return self._user(step, states)
        if isinstance(step, AssistantStep):
            return self._assistant(step, states)
        if isinstance(step, ConsultStep):
            return self._consult(step, states)
        if isinstance(step, OnStep):
            return self._on(step, states, inside)
        if isinstance(step, MaybeStep):
            return states | self._walk(step.steps, states, inside)
        if isinstance(step, EitherStep):
            return set().union(*(self._walk(branch.steps, states, inside) for branch in step.either))
        return self._follow(step, states, inside)

    def _user(self, step: UserStep, states: set[_State]) -> set[_State]:
        facts = []
        if step.fact:
            facts = facts_for(list(self.sayable.values()), step.fact)
            if not facts:
                options = [*self.pack.facts, *{fact.topic for fact in self.pack.facts.values()}, "known", "unknown"]
                self._say(
                    step.fact.place, f"fact: '{step.fact}' is no fact that may be said", closest(step.fact, options)
                )
        extra = {"question"} if step.fact else set()
        self._wordings(step, states, extra)
        values = frozenset(name for fact in facts for name in fact.values)
        self._fact_values = values
        fact = step.fact or ""
        given = self._given(step)
        return {_State("user", state.answer, state.found, fact, state.given | given) for state in states}

    def _given(self, step: UserStep) -> frozenset[str]:
        """What every wording of a step tells: client.cpf, relative.birth_date …"""
        wordings = self.book.of_step(step)
        if wordings is None:
            return frozenset()
        if id(wordings) not in self._told_by:
            self._told_by[id(wordings)] = frozenset.intersection(*map(self._told, wordings.all))
        return self._told_by[id(wordings)]

    def _told(self, wording: Wording) -> frozenset[str]:
        slots = [phrase for name in wording.names for phrase in self.book.slots.get(name, ())]
        names = wording.names.union(*(phrase.names for phrase in slots))
        paths = wording.attributes.union(*(phrase.attributes for phrase in slots))
        own = {f"client.{name}" for name in ("cpf", "birth_date") if name in names or ("client", name) in paths}
        return frozenset(own | {f"relative.{name}" for owner, name in paths if owner == "relative"})

    def _assistant(self, step: AssistantStep, states: set[_State]) -> set[_State]:
        if any(state.last in ("assistant", "start") for state in states):
            message = f"assistant: {step.assistant}: the attendant speaks first, or twice in a row, on some path"
            self._say(step.assistant.place, message, "put a `user:` step between the two, or merge them")
            return set()
        extra = {"answer"} if all(state.fact for state in states) else set()
        self._wordings(step, states, extra)
        return {replace(state, last="assistant") for state in states}

    def _consult(self, step: ConsultStep, states: set[_State]) -> set[_State]:
        place = step.answers[0].place
        if any(state.last != "user" for state in states):
            self._say(place, "consult: on some path the customer has not just spoken", "put a `user:` step before it")
            return set()
        if step.consult == "relative" and not self._flow.file.relative:
            self._say(place, "consult: relative, but the flow has no `relative:`", "add relative: [mãe, pai, …]")
        for what in ("cpf", "birth_date"):
            if any(f"{step.consult}.{what}" not in state.given for state in states):
                name = "CPF" if what == "cpf" else "birth date"
                fix = f"let every wording of a `user:` step before it hold {{{{ {_SPOKEN[step.consult]}{what} }}}}"
                self._say(place, f"consult: {step.consult}, but on some path nobody has told the {name}", fix)
                return set()
        known = self.pack.tools.answers
        for name in step.answers:
            if name not in known:
                self._say(name.place, f"answers: '{name}' is not in tools.yaml", closest(name, known))
        return {
            _State("tool", str(name), state.found or known[name].found, state.fact, state.given)
            for state in states
            for name in step.answers
            if name in known
        }

    def _on(self, step: OnStep, states: set[_State], inside: tuple[str, ...]) -> set[_State]:
        place = next(iter(places_of([step])), self._flow.place)
        known = self.pack.tools.answers
        for name in (name.strip() for names in step.on for name in names.split(",")):
            if name != "other" and name not in known:
                self._say(place, f"on: '{name}' is not in tools.yaml", closest(name, [*known, "other"]))
        missing = sorted({state.answer or "nothing yet" for state in states if branch_for(step, state.answer) is None})
        if missing:
            message = f"on: no branch for {', '.join(missing)}"
            self._say(place, message, "add these answers, or `other:`, or a `consult:` before it")
            return set()
        after: set[_State] = set()
        for state in states:
            after |= self._walk(branch_for(step, state.answer), {state}, inside)
        return after

    def _follow(self, step: FollowStep, states: set[_State], inside: tuple[str, ...]) -> set[_State]:
        name = step.follow
        if name not in self.pack.fragments:
            self._say(name.place, f"follow: there is no fragment '{name}'", closest(name, self.pack.fragments))
            return set()
        if name in inside:
            self._say(name.place, f"follow: fragment '{name}' leads back to itself", "break the circle")
            return set()
        self.used_fragments.add(str(name))
        return self._walk(self.pack.fragments[name], states, (*inside, str(name)))

    def _wordings(self, step, states: set[_State], extra: set[str]) -> None:
        wordings: WordingList | None = self.book.of_step(step)
        if wordings is None:
            return  # `_acts` says so
        names = set(EVERYWHERE) | extra
        if self._flow.file.relative:
            names.add("relative")
        if all(state.found for state in states):
            names.add("result")
        if "answer" in extra:
            names |= self._fact_values
        allowed = frozenset(names)
        if (id(wordings), allowed) in self._checked:
            return
        self._checked.add((id(wordings), allowed))
        for wording in wordings.all:
            for phrase in wording.phrases:
                self.found.extend(self.names.problems(phrase, allowed, f" in {self._flow.place}"))


def places_of(steps: Steps) -> Iterator[str]:
    """`file:line` of whatever steps say of their place."""
    for step in steps:
        for value in vars(step).values():
            if hasattr(value, "place"):
                yield value.place
        if isinstance(step, ConsultStep):
            yield step.answers[0].place
        for part in parts_of(step):
            yield from places_of(part)
