"""Proves a pack sound before a single row is rendered: names, acts, branches, endings, capacity.

    python -m datagen lint --pack unimed_natal

Every flow is walked along every path. Problems name file, line, cause and remedy; notes tell what the owner should
confirm.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from jinja2 import Environment

from datagen import documents
from datagen.birth_date import BirthDate
from datagen.capacity import Capacity
from datagen.cpf import Cpf
from datagen.errors import PackError, Problem
from datagen.flows import Flow
from datagen.grammar import (
    CATEGORIES,
    AssistantStep,
    ConsultStep,
    Draw,
    EitherStep,
    FollowStep,
    MaybeStep,
    OnStep,
    Steps,
    UserStep,
    parts_of,
)
from datagen.pack import Pack
from datagen.people import Person
from datagen.phrasebook import Phrase, Phrasebook, Wording, WordingList, says
from datagen.planner import branch_for, facts_for, may_be_said
from datagen.situations import SEEN
from datagen.yamlfile import Text

FEWEST_PHRASINGS, FEWEST_PLANS = 3, 4
"""Wordings of its own and sequences of acts below which a code is called thin."""

_SPOKEN = {"client": "", "relative": "relative."}
"""Of whom a consult is → how templates name that person's data."""

_PERSON = frozenset("cpf birth_date first_name full_name gender obrigado ele dele o".split())
_RELATIVE = _PERSON | {"my", "your", "of_my", "of_your"}
_DOCUMENTS = frozenset(document.__name__ for document in documents.ALL)
_CLIENT_NAMES = frozenset("client cpf birth_date first_name full_name appointment".split()) | _DOCUMENTS
_EVERYWHERE = frozenset({"brand", "facts", "obrigada", "Obrigada", "today", *_CLIENT_NAMES})


def _variants(value: type) -> frozenset[str]:
    return frozenset(name for name in vars(value) if isinstance(getattr(value, name), property))


_ATTRIBUTES = {
    "client": _PERSON,
    "relative": _RELATIVE,
    "cpf": _variants(Cpf),
    "birth_date": _variants(BirthDate),
}


@dataclass(frozen=True)
class _State:
    """What is true at one point of a path through a flow."""

    last: str = "start"
    answer: str = ""
    found: bool = False
    fact: str = ""
    given: frozenset[str] = frozenset()
    """Whose CPF and birth date the customer has told by now, in whatever form."""


def lint(
    pack: Pack, allow_unconfirmed: bool = False, book: Phrasebook | None = None
) -> tuple[list[Problem], Iterator[str]]:
    """Every problem of `pack`, and notes for its owner, worked out when they are read; `book` saves making it again."""
    try:
        book = book or Phrasebook(pack)
    except PackError as error:
        return list(error.problems), iter(())
    linter = _Linter(pack, book, allow_unconfirmed)
    problems = list(dict.fromkeys(linter.problems()))
    return problems, linter.notes()


class _Linter:
    def __init__(self, pack: Pack, book: Phrasebook, allow_unconfirmed: bool) -> None:
        self.pack, self.book = pack, book
        self.sayable = {fact.id: fact for fact in pack.facts.values() if may_be_said(fact, allow_unconfirmed)}
        self.found: list[Problem] = []
        self.checked: set[tuple[int, frozenset[str]]] = set()
        """Lists of wordings already held against these allowed names."""
        self.walked: dict[tuple, tuple[frozenset[_State], frozenset[str]]] = {}
        self._fact_values: frozenset[str] = frozenset()
        self.told: dict[int, frozenset[str]] = {}
        self.used_fragments: set[str] = set()

    def problems(self) -> Iterator[Problem]:
        for check in (
            self._weights,
            self._slots,
            self._facts,
            self._systems,
            self._tools,
            self._texts_twice,
            self._acts,
            self._kinds,
        ):
            yield from check()
        for flow in self.pack.flows:
            self._flow(flow)
        yield from self.found
        if not self.found:
            yield from self._codes()

    def notes(self) -> Iterator[str]:
        """What an owner should look at; nothing here stops the build."""
        for fact in self.pack.facts.values():
            if fact.known and not fact.confirmed:
                said = "said" if fact.id in self.sayable else "not said until confirmed"
                yield f"{fact.id.place}: fact '{fact.id}' (source: {fact.source}) is not confirmed; it is {said}"
        if not self.found:
            yield from self._unused()
            yield from self._thin_codes()

    # ------------------------------------------------------------------------------------------ the files

    def _weights(self) -> Iterator[Problem]:
        config = self.pack.config
        for name in ("categories", "contexts"):
            if not sum(getattr(config, name).values()):
                yield Problem(str(config.name.place), f"{name}: all weights are 0", "give at least one a weight")
        for category in CATEGORIES:
            if config.categories.get(category) and not self.pack.flows_of(category):
                fix = f"write a flow in flows/{category}/, or set its weight to 0"
                yield Problem(str(config.name.place), f"categories.{category}: has a share but no flow", fix)

        flows = [flow.id for flow in self.pack.flows if not flow.contrast]
        for name in config.splits.unseen_flows:
            if name not in flows:
                yield Problem(name.place, f"splits.unseen_flows: there is no flow '{name}'", _close(name, flows))

    def _slots(self) -> Iterator[Problem]:
        for name, phrases in self.book.slots.items():
            if name in _EVERYWHERE | {"result", "relative", "question", "answer"}:
                yield Problem(phrases[0].place, f"slot '{name}' has the name of a built-in variable", "rename it")
            if self._reaches(name, name, set()):
                yield Problem(phrases[0].place, f"slot '{name}' contains itself", "break the circle")
            for phrase in phrases:
                yield from self._names(phrase, _EVERYWHERE | {"relative"}, "")

    def _reaches(self, start: str, goal: str, seen: set[str]) -> bool:
        inner = {name for phrase in self.book.slots.get(start, ()) for name in phrase.names} - seen
        return goal in inner or any(self._reaches(name, goal, seen | inner) for name in inner)

    def _facts(self) -> Iterator[Problem]:
        known = [fact for fact in self.pack.facts.values() if fact.known]
        for fact in self.pack.facts.values():
            clash = set(fact.values) & (set(self.pack.slots) | _EVERYWHERE | {"result", "question", "answer"})
            for name in sorted(clash):
                yield Problem(fact.id.place, f"value '{name}' has the name of a slot or built-in variable", "rename it")
            if fact.near and fact.near not in self.pack.facts:
                yield Problem(
                    fact.near.place, f"near: there is no fact '{fact.near}'", _close(fact.near, self.pack.facts)
                )
            own = frozenset(fact.values)
            for wording in (*self.book.of(fact.questions).all, *self.book.of(fact.answers).all):
                if len(wording.phrases) > 1:
                    yield Problem(wording.place, "a fact's wording must be one text, not a list", "join the parts")
                for phrase in wording.phrases:
                    yield from self._names(phrase, _EVERYWHERE | own, "")
        unknown = len(self.pack.facts) - len(known)
        if unknown and len(known) < 2 * unknown:
            place = f"{self.pack.folder}/facts.yaml"
            yield Problem(place, f"{len(known)} known facts beside {unknown} unknown ones", "write more known facts")

    def _systems(self) -> Iterator[Problem]:
        for phrase in self.book.systems:
            yield from self._names(phrase, frozenset({"brand", "today", "facts"}), "")

    def _tools(self) -> Iterator[Problem]:
        tools, place = self.pack.tools, f"{self.pack.folder}/tools.yaml"
        parameters = tools.function.get("parameters", {})
        if not tools.function.get("name") or list(parameters.get("properties", {})) == []:
            yield Problem(place, "function: needs a name and parameters.properties", "see templates/README.md")
        if len(parameters.get("properties", {})) != 2:
            yield Problem(
                place, "function.parameters: must be two, the CPF and the birth date, in this order", "list both"
            )
        for name, answer in tools.answers.items():
            for field in answer.record:
                if field not in tools.record:
                    fix = _close(field, tools.record)
                    yield Problem(place, f"answers.{name}.record.{field}: is no field of record", fix)
        env, example = self.book.env, {name: _example(how) for name, how in tools.record.items()}
        for name, shape in tools.shapes.items():
            for leaf in _leaves([shape.found, shape.error, shape.empty]):
                yield from _leaf_problem(env, leaf, example, name)

    def _texts_twice(self) -> Iterator[Problem]:
        for key, wordings in self.pack.acts.items():
            seen: dict[str, str] = {}
            for wording in self.book.of(wordings).all:
                text = "\n".join(phrase.text for phrase in wording.phrases)
                if text in seen:
                    fix = "delete one of the two"
                    yield Problem(wording.place, f"act {'.'.join(key)}: the same text stands at {seen[text]}", fix)
                seen[text] = wording.place

    def _acts(self) -> Iterator[Problem]:
        """Every step has words, also on paths that no conversation takes."""
        for role, act, step in self._speaking_steps():
            if self.book.of_step(step) is None:
                acts = [name for kind, name in self.pack.acts if kind == role]
                yield Problem(
                    act.place, f"{role}: act '{act}' has no wordings", f"write `say:`, or {_close(act, acts)}"
                )

    def _speaking_steps(self) -> Iterator[tuple[str, Text, UserStep | AssistantStep]]:
        """Every step of every flow and fragment in which somebody speaks: role, act, step."""
        for steps in (*(flow.file.steps for flow in self.pack.flows), *self.pack.fragments.values()):
            yield from (("user", step.user, step) for step in says(steps, UserStep))
            yield from (("assistant", step.assistant, step) for step in says(steps, AssistantStep))

    def _codes(self) -> Iterator[Problem]:
        """The table of edge cases: every code once, and only rules that can be checked."""
        places: dict[str, str] = {}
        names = {*SEEN, *self.pack.kinds}
        for flow in self.pack.flows_of("edge_cases"):
            if not flow.code:
                yield Problem(flow.place, "an edge case without a code", "give the flow a `code:`, or `codes:`")
                continue
            if flow.code in places:
                yield Problem(flow.place, f"code '{flow.code}' also stands at {places[flow.code]}", "rename one")
            places[flow.code] = flow.place
            for name in (*flow.file.must, *flow.file.must_not):
                if name not in names:
                    yield Problem(name.place, f"must: '{name}' is nothing that can be checked", _close(name, names))

    def _thin_codes(self) -> Iterator[str]:
        """Codes that are said in few ways, or can go on in few ways: the model would learn them by heart."""
        counter = Capacity(self.book, list(self.sayable.values()))
        for flow in self.pack.flows:
            if flow.code:
                most = max((len(step.say) for step in says(flow.file.steps, UserStep) if step.say), default=0)
                plans = counter.plans(flow)
                if most < FEWEST_PHRASINGS or plans < FEWEST_PLANS:
                    asked = f"{FEWEST_PHRASINGS} and {FEWEST_PLANS} are better"
                    yield f"{flow.place}: code '{flow.code}' has {most} wordings of its own and {plans} plans; {asked}"

    def _kinds(self) -> Iterator[Problem]:
        """Where a pack tells kinds, every act of the attendant has one."""
        for role, act, _ in self._speaking_steps() if self.pack.kinds else ():
            if role == "assistant" and self.pack.kind_of(act) is None:
                fix = f"add it to kinds.yaml; kinds: {', '.join(self.pack.kinds)}"
                yield Problem(act.place, f"assistant: act '{act}' has no kind", fix)

    def _unused(self) -> Iterator[str]:
        used = {(role, str(act)) for role, act, step in self._speaking_steps() if not step.say}
        for key, wordings in self.pack.acts.items():
            if key not in used:
                yield f"{wordings[0][0].place}: act {'.'.join(key)}: no flow uses it"
        for name, steps in self.pack.fragments.items():
            if name not in self.used_fragments:
                yield f"{next(_places(steps), self.pack.folder)}: fragment '{name}': no flow follows it"

    # ------------------------------------------------------------------------------------------ the flows

    def _flow(self, flow: Flow) -> None:
        self.flow = flow
        kinships = [kin.word for kin in self.pack.people.kinship]
        for word in flow.file.relative or []:
            if word not in kinships:
                self._say(word.place, f"relative: '{word}' is not in people.yaml", _close(word, kinships))
        before = len(self.found)
        ends = self._walk(flow.file.steps, {_State()}, ())
        if len(self.found) == before and {state.last for state in ends} - {"assistant"}:
            message = "some path ends on something else than a text of the attendant"
            self._say(flow.place, message, "end every branch with an `assistant:` step")

    def _say(self, place: str, message: str, fix: str = "") -> None:
        self.found.append(Problem(str(place), message, fix))

    def _walk(self, steps: Steps, states: set[_State], inside: tuple[str, ...]) -> set[_State]:
        """The states after `steps`; a list of steps that was walked from the same states before is not walked again."""
        key = (id(steps), frozenset(states), bool(self.flow.file.relative), self._fact_values)
        if key not in self.walked:
            before = len(self.found)
            for step in steps:
                if not states:
                    break
                states = self._step(step, states, inside)
            if len(self.found) > before:
                return states  # what is wrong is told for every flow
            self.walked[key] = (frozenset(states), self._fact_values)
        after, self._fact_values = self.walked[key]
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
                    step.fact.place, f"fact: '{step.fact}' is no fact that may be said", _close(step.fact, options)
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
        if id(wordings) not in self.told:
            self.told[id(wordings)] = frozenset.intersection(*map(self._told, wordings.all))
        return self.told[id(wordings)]

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
        if step.consult == "relative" and not self.flow.file.relative:
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
                self._say(name.place, f"answers: '{name}' is not in tools.yaml", _close(name, known))
        return {
            _State("tool", str(name), state.found or known[name].found, state.fact, state.given)
            for state in states
            for name in step.answers
            if name in known
        }

    def _on(self, step: OnStep, states: set[_State], inside: tuple[str, ...]) -> set[_State]:
        place = next(iter(_places([step])), self.flow.place)
        known = self.pack.tools.answers
        for name in (name.strip() for names in step.on for name in names.split(",")):
            if name != "other" and name not in known:
                self._say(place, f"on: '{name}' is not in tools.yaml", _close(name, [*known, "other"]))
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
            self._say(name.place, f"follow: there is no fragment '{name}'", _close(name, self.pack.fragments))
            return set()
        if name in inside:
            self._say(name.place, f"follow: fragment '{name}' leads back to itself", "break the circle")
            return set()
        self.used_fragments.add(str(name))
        return self._walk(self.pack.fragments[name], states, (*inside, str(name)))

    # ------------------------------------------------------------------------------------------ the wordings

    def _wordings(self, step, states: set[_State], extra: set[str]) -> None:
        wordings: WordingList | None = self.book.of_step(step)
        if wordings is None:
            return  # `_acts` says so
        names = set(_EVERYWHERE) | extra
        if self.flow.file.relative:
            names.add("relative")
        if all(state.found for state in states):
            names.add("result")
        if "answer" in extra:
            names |= self._fact_values
        allowed = frozenset(names)
        if (id(wordings), allowed) in self.checked:
            return
        self.checked.add((id(wordings), allowed))
        for wording in wordings.all:
            for phrase in wording.phrases:
                self.found.extend(self._names(phrase, allowed, f" in {self.flow.place}"))

    def _names(self, phrase: Phrase, allowed: frozenset[str], where: str) -> Iterator[Problem]:
        for name in sorted(phrase.names - allowed):
            if name in self.pack.slots:
                inner = frozenset().union(*(other.names for other in self.book.slots[name]))
                if "relative" in inner and "relative" not in allowed:
                    yield Problem(phrase.place, f"slot '{name}' speaks of a relative{where}", "add `relative:`")
                continue
            yield Problem(phrase.place, *_unknown_name(name, where, [*allowed, *self.pack.slots]))
        for owner, attribute in sorted(phrase.attributes):
            yield from self._attribute(phrase, owner, attribute)

    def _attribute(self, phrase: Phrase, owner: str, attribute: str) -> Iterator[Problem]:
        options: Iterable[str] | None = _ATTRIBUTES.get(owner)
        if owner == "facts":
            options = self.sayable
        elif owner == "result":
            options = [*self.pack.tools.record, "first_name"]
        elif owner in self.pack.facts:
            options = self.pack.facts[owner].values
        if options is not None and attribute not in options:
            message = f"{{{{ {owner}.{attribute} }}}}: there is no such thing"
            if owner == "facts" and attribute in self.pack.facts:
                message = f"fact '{attribute}' may not be said: its owner has not confirmed it"
            yield Problem(phrase.place, message, _close(attribute, options))


def _unknown_name(name: str, where: str, options: Iterable[str]) -> tuple[str, str]:
    if name == "result":
        return f"{{{{ result }}}} is used where no consult has found anything{where}", "branch with `on:` first"
    if name == "relative":
        return f"{{{{ relative }}}} is used{where}, which has no second person", "add relative: [mãe, pai, …]"
    if name in ("question", "answer"):
        return f"{{{{ {name} }}}} is used{where} without a fact", "give the `user:` step a `fact:`"
    return f"{{{{ {name} }}}}: unknown variable{where}", f"declare it in slots.yaml, or {_close(name, options)}"


def _close(name: str, options: Iterable[str]) -> str:
    options = [str(option) for option in options]
    close = difflib.get_close_matches(str(name), options, 1)
    return f"did you mean '{close[0]}'?" if close else f"there are: {', '.join(sorted(options)[:20])}"


def _places(steps: Steps) -> Iterator[str]:
    for step in steps:
        for value in vars(step).values():
            if hasattr(value, "place"):
                yield value.place
        if isinstance(step, ConsultStep):
            yield step.answers[0].place
        for part in parts_of(step):
            yield from _places(part)


def _leaves(tree) -> Iterator[str]:
    if isinstance(tree, dict):
        tree = list(tree.values())
    if isinstance(tree, list):
        for item in tree:
            yield from _leaves(item)
    elif isinstance(tree, str) and "{{" in tree:
        yield tree


def _example(how) -> object:
    return how if not isinstance(how, Draw) else next(iter(how.model_fields_set))


def _leaf_problem(env: Environment, leaf, record: dict, shape: str) -> Iterator[Problem]:
    place = f"{leaf.place}"
    try:
        phrase = Phrase(env, leaf)
    except PackError as error:
        yield from error.problems
        return
    for name in sorted(phrase.names - {"record", "answer", "person"}):
        yield Problem(place, f"shapes.{shape}: unknown variable '{name}'", "use record.…, answer.… or person.…")
    options = {"record": record, "answer": ["code", "message", "status_code"], "person": [*vars(Person), "full_name"]}
    for owner, attribute in sorted(phrase.attributes):
        if owner in options and attribute not in options[owner]:
            yield Problem(place, f"shapes.{shape}: {owner}.{attribute} is not there", _close(attribute, options[owner]))
