"""Proves a pack sound before a single row is rendered: names, acts, branches, endings, capacity.

    python -m datagen lint --pack unimed_natal

Its files are checked one by one (lint_files.py), then every flow is walked along every path (lint_walk.py). Problems
name file, line, cause and remedy; notes tell what the owner should confirm.
"""

from __future__ import annotations

from collections.abc import Iterator

from datagen.capacity import Capacity
from datagen.errors import PackError, Problem
from datagen.grammar import UserStep
from datagen.lint_files import CHECKS, check_codes, speaking_steps
from datagen.lint_names import Names
from datagen.lint_walk import Walker, places_of
from datagen.pack import Pack
from datagen.phrasebook import Phrasebook, says
from datagen.planner import may_be_said

FEWEST_PHRASINGS, FEWEST_PLANS = 3, 4
"""Wordings of its own and sequences of acts below which a code is called thin."""


def lint(
    pack: Pack, allow_unconfirmed: bool = False, book: Phrasebook | None = None
) -> tuple[list[Problem], Iterator[str]]:
    """Every problem of `pack`, and notes for its owner, worked out when they are read; `book` saves making it again."""
    try:
        book = book or Phrasebook(pack)
    except PackError as error:
        return list(error.problems), iter(())
    names = Names(pack, book, {fact.id: fact for fact in pack.facts.values() if may_be_said(fact, allow_unconfirmed)})
    problems = [problem for check in CHECKS for problem in check(names)]
    walker = Walker(names)
    for flow in pack.flows:
        walker.flow(flow)
    problems += walker.found or check_codes(names)
    return list(dict.fromkeys(problems)), _notes(names, walker)


def _notes(names: Names, walker: Walker) -> Iterator[str]:
    """What an owner should look at; nothing here stops the build."""
    for fact in names.pack.facts.values():
        if fact.known and not fact.confirmed:
            said = "said" if fact.id in names.sayable else "not said until confirmed"
            yield f"{fact.id.place}: fact '{fact.id}' (source: {fact.source}) is not confirmed; it is {said}"
    if not walker.found:
        yield from _unused(names.pack, walker)
        yield from _thin_codes(names)


def _unused(pack: Pack, walker: Walker) -> Iterator[str]:
    used = {(role, str(act)) for role, act, step in speaking_steps(pack) if not step.say}
    for key, wordings in pack.acts.items():
        if key not in used:
            yield f"{wordings[0][0].place}: act {'.'.join(key)}: no flow uses it"
    for name, steps in pack.fragments.items():
        if name not in walker.used_fragments:
            yield f"{next(places_of(steps), pack.folder)}: fragment '{name}': no flow follows it"


def _thin_codes(names: Names) -> Iterator[str]:
    """Codes that are said in few ways, or can go on in few ways: the model would learn them by heart."""
    counter = Capacity(names.book, list(names.sayable.values()))
    for flow in names.pack.flows:
        if flow.code:
            most = max((len(step.say) for step in says(flow.file.steps, UserStep) if step.say), default=0)
            plans = counter.plans(flow)
            if most < FEWEST_PHRASINGS or plans < FEWEST_PLANS:
                asked = f"{FEWEST_PHRASINGS} and {FEWEST_PLANS} are better"
                yield f"{flow.place}: code '{flow.code}' has {most} wordings of its own and {plans} plans; {asked}"
