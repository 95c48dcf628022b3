"""Checks of a pack's files, each by itself: weights, slots, facts, tools, acts, codes. Part of `datagen lint`."""

from __future__ import annotations

from collections.abc import Iterator

from jinja2 import Environment

from datagen.errors import PackError, Problem
from datagen.grammar import CATEGORIES, AssistantStep, Draw, UserStep
from datagen.lint_names import EVERYWHERE, Names, closest
from datagen.pack import Pack
from datagen.people import Person
from datagen.phrasebook import Phrase, Phrasebook, says
from datagen.situations import SEEN
from datagen.yamlfile import Text


def check_weights(names: Names) -> Iterator[Problem]:
    """Something has a share, and what has a share has flows."""
    config = names.pack.config
    for name in ("categories", "contexts"):
        if not sum(getattr(config, name).values()):
            yield Problem(str(config.name.place), f"{name}: all weights are 0", "give at least one a weight")
    for category in CATEGORIES:
        if config.categories.get(category) and not names.pack.flows_of(category):
            fix = f"write a flow in flows/{category}/, or set its weight to 0"
            yield Problem(str(config.name.place), f"categories.{category}: has a share but no flow", fix)

    flows = [flow.id for flow in names.pack.flows if not flow.contrast]
    for name in config.splits.unseen_flows:
        if name not in flows:
            yield Problem(name.place, f"splits.unseen_flows: there is no flow '{name}'", closest(name, flows))


def check_slots(names: Names) -> Iterator[Problem]:
    """Slots have names of their own and lead nowhere back to themselves."""
    for name, phrases in names.book.slots.items():
        if name in EVERYWHERE | {"result", "relative", "question", "answer"}:
            yield Problem(phrases[0].place, f"slot '{name}' has the name of a built-in variable", "rename it")
        if _reaches(names.book, name, name, set()):
            yield Problem(phrases[0].place, f"slot '{name}' contains itself", "break the circle")
        for phrase in phrases:
            yield from names.problems(phrase, EVERYWHERE | {"relative"})


def _reaches(book: Phrasebook, start: str, goal: str, seen: set[str]) -> bool:
    inner = {name for phrase in book.slots.get(start, ()) for name in phrase.names} - seen
    return goal in inner or any(_reaches(book, name, goal, seen | inner) for name in inner)


def check_facts(names: Names) -> Iterator[Problem]:
    """Facts name what is there, and the known ones outnumber the unknown."""
    known = [fact for fact in names.pack.facts.values() if fact.known]
    for fact in names.pack.facts.values():
        clash = set(fact.values) & (set(names.pack.slots) | EVERYWHERE | {"result", "question", "answer"})
        for name in sorted(clash):
            yield Problem(fact.id.place, f"value '{name}' has the name of a slot or built-in variable", "rename it")
        if fact.near and fact.near not in names.pack.facts:
            yield Problem(
                fact.near.place, f"near: there is no fact '{fact.near}'", closest(fact.near, names.pack.facts)
            )
        own = frozenset(fact.values)
        for wording in (*names.book.of(fact.questions).all, *names.book.of(fact.answers).all):
            if len(wording.phrases) > 1:
                yield Problem(wording.place, "a fact's wording must be one text, not a list", "join the parts")
            for phrase in wording.phrases:
                yield from names.problems(phrase, EVERYWHERE | own)
    unknown = len(names.pack.facts) - len(known)
    if unknown and len(known) < 2 * unknown:
        place = f"{names.pack.folder}/facts.yaml"
        yield Problem(place, f"{len(known)} known facts beside {unknown} unknown ones", "write more known facts")


def check_systems(names: Names) -> Iterator[Problem]:
    """System messages name only what every conversation has."""
    for phrase in names.book.systems:
        yield from names.problems(phrase, frozenset({"brand", "today", "facts"}))


def check_tools(names: Names) -> Iterator[Problem]:
    """The tool takes two arguments; its answers and shapes name fields of the record."""
    tools, place = names.pack.tools, f"{names.pack.folder}/tools.yaml"
    parameters = tools.function.get("parameters", {})
    if not tools.function.get("name") or list(parameters.get("properties", {})) == []:
        yield Problem(place, "function: needs a name and parameters.properties", "see templates/README.md")
    if len(parameters.get("properties", {})) != 2:
        yield Problem(place, "function.parameters: must be two, the CPF and the birth date, in this order", "list both")
    for name, answer in tools.answers.items():
        for field in answer.record:
            if field not in tools.record:
                fix = closest(field, tools.record)
                yield Problem(place, f"answers.{name}.record.{field}: is no field of record", fix)
    env, example = names.book.env, {name: _example(how) for name, how in tools.record.items()}
    for name, shape in tools.shapes.items():
        for leaf in _leaves([shape.found, shape.error, shape.empty]):
            yield from _leaf_problem(env, leaf, example, name)


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
            yield Problem(
                place, f"shapes.{shape}: {owner}.{attribute} is not there", closest(attribute, options[owner])
            )


def check_texts(names: Names) -> Iterator[Problem]:
    """No act has the same wording twice."""
    for key, wordings in names.pack.acts.items():
        seen: dict[str, str] = {}
        for wording in names.book.of(wordings).all:
            text = "\n".join(phrase.text for phrase in wording.phrases)
            if text in seen:
                fix = "delete one of the two"
                yield Problem(wording.place, f"act {'.'.join(key)}: the same text stands at {seen[text]}", fix)
            seen[text] = wording.place


def check_acts(names: Names) -> Iterator[Problem]:
    """Every step has words, also on paths that no conversation takes."""
    for role, act, step in speaking_steps(names.pack):
        if names.book.of_step(step) is None:
            acts = [name for kind, name in names.pack.acts if kind == role]
            yield Problem(act.place, f"{role}: act '{act}' has no wordings", f"write `say:`, or {closest(act, acts)}")


def check_kinds(names: Names) -> Iterator[Problem]:
    """Where a pack tells kinds, every act of the attendant has one."""
    for role, act, _ in speaking_steps(names.pack) if names.pack.kinds else ():
        if role == "assistant" and names.pack.kind_of(act) is None:
            fix = f"add it to kinds.yaml; kinds: {', '.join(names.pack.kinds)}"
            yield Problem(act.place, f"assistant: act '{act}' has no kind", fix)


def check_codes(names: Names) -> Iterator[Problem]:
    """The table of edge cases: every code once, and only rules that can be checked."""
    places: dict[str, str] = {}
    seen = {*SEEN, *names.pack.kinds}
    for flow in names.pack.flows_of("edge_cases"):
        if not flow.code:
            yield Problem(flow.place, "an edge case without a code", "give the flow a `code:`, or `codes:`")
            continue
        if flow.code in places:
            yield Problem(flow.place, f"code '{flow.code}' also stands at {places[flow.code]}", "rename one")
        places[flow.code] = flow.place
        for name in (*flow.file.must, *flow.file.must_not):
            if name not in seen:
                yield Problem(name.place, f"must: '{name}' is nothing that can be checked", closest(name, seen))


def speaking_steps(pack: Pack) -> Iterator[tuple[str, Text, UserStep | AssistantStep]]:
    """Every step of every flow and fragment in which somebody speaks: role, act, step."""
    for steps in (*(flow.file.steps for flow in pack.flows), *pack.fragments.values()):
        yield from (("user", step.user, step) for step in says(steps, UserStep))
        yield from (("assistant", step.assistant, step) for step in says(steps, AssistantStep))


CHECKS = (
    check_weights,
    check_slots,
    check_facts,
    check_systems,
    check_tools,
    check_texts,
    check_acts,
    check_kinds,
)
