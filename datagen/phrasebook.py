"""Wordings ready for use: compiled, with the variables they need, and divided into seen and held-out.

Which wordings train never sees is decided by the text alone (a hash), so that a phrase held out in one flow is held
out in every other, and stays held out when lines are added around it.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from jinja2 import Environment, StrictUndefined, Template, TemplateError, TemplateSyntaxError, meta, nodes

from datagen.errors import PackError, Problem
from datagen.grammar import AssistantStep, Steps, UserStep
from datagen.pack import Pack
from datagen.values import OPEN
from datagen.yamlfile import Text

_SMALL_LIST = 6
"""Lists shorter than this give nothing up: each of their wordings is needed in train."""
_LITTLE_WORDS = 3
"""Texts shorter than this ("oi", "sim") belong to everybody and are never held out."""


def money(amount: float) -> str:
    """612.4 → R$ 612,40."""
    return "R$ " + f"{amount:,.2f}".translate(str.maketrans(",.", ".,"))


def date_br(date) -> str:
    """A date as 10/12/2026."""
    return date.strftime("%d/%m/") + str(date.year)


def day_month(date) -> str:
    """A date as 10/12."""
    return date.strftime("%d/%m")


def compact_date(date) -> str:
    """A date as 20261210, the tool's own form."""
    return f"{date.year:04d}{date.month:02d}{date.day:02d}"


def lower_first(value: object) -> str:
    """The text with a small first letter."""
    return _first(str(value), str.lower)


def upper_first(value: object) -> str:
    """The text with a capital first letter."""
    return _first(str(value), str.upper)


def _first(text: str, change) -> str:
    at = len(text) - len(text.lstrip(f"{OPEN} "))
    return text[:at] + change(text[at : at + 1]) + text[at + 1 :]


def title_name(value: object) -> str:
    """MARIA DAS DORES → Maria das Dores."""
    words = str(value).lower().split()
    return " ".join(word if word in {"da", "das", "de", "do", "dos", "e"} else word.capitalize() for word in words)


OWN_FILTERS = {f.__name__: f for f in (money, date_br, day_month, compact_date, lower_first, upper_first, title_name)}

Piece = Callable[[dict[str, Any]], Any]
"""A part of a template: variables → value."""


def environment() -> Environment:
    """Jinja as templates use it: an unknown name is an error, never an empty text."""
    env = Environment(undefined=StrictUndefined, autoescape=False)
    env.globals.clear()  # templates need no range() or lipsum(), and each rendering would copy them
    env.filters.update(OWN_FILTERS)
    return env


class Phrase:
    """One text of a template, parsed at once; compiled by Jinja when first rendered, unless it only fills in values."""

    __slots__ = ("_env", "_pieces", "_template", "attributes", "names", "text")

    def __init__(self, env: Environment, text: Text) -> None:
        """Parse `text`. Raises PackError with its place."""
        self.text = text
        self._env = env
        self._template: Template | None = None
        self._pieces: list[Piece] | None = None
        if "{" not in text:
            self.names: frozenset[str] = frozenset()
            self.attributes: frozenset[tuple[str, str]] = frozenset()
            return
        try:
            tree = env.parse(text)
        except TemplateSyntaxError as error:
            fix = "write {{ name }}; filters are listed in templates/README.md"
            raise PackError(Problem(text.place, f"template: {error.message} in {str(text)!r}", fix)) from None
        for node in tree.find_all(nodes.Filter):
            if node.name not in env.filters:
                close = difflib.get_close_matches(node.name, env.filters, 1)
                fix = f"did you mean '{close[0]}'?" if close else "filters are listed in templates/README.md"
                raise PackError(Problem(text.place, f"template: there is no filter '{node.name}'", fix))
        self._pieces = _pieces(env, tree)
        self.names = frozenset(meta.find_undeclared_variables(tree))
        self.attributes = frozenset(_attributes(tree))

    def render(self, variables: dict) -> str:
        """The text with `variables` filled in. Raises PackError where a value does not fit its filter."""
        if "{" not in self.text:
            return self.text
        try:
            if self._pieces is not None:
                return "".join([str(piece(variables)) for piece in self._pieces])
            if self._template is None:
                self._template = self._env.from_string(self.text)
            return self._template.render(variables)
        except (TemplateError, TypeError, ValueError, AttributeError, KeyError) as error:
            message = f"template: {str(self.text)!r} cannot be filled in: {error}"
            raise PackError(Problem(self.place, message, "check the filters and what they are given")) from None

    @property
    def place(self) -> str:
        """`file:line`."""
        return self.text.place


def _pieces(env: Environment, tree: nodes.Template) -> list[Piece] | None:
    """The parts of a template that only fills in values, or None: it needs Jinja's compiler.

    Compiling costs a millisecond a text and there are thousands of texts; nearly all of them are of this kind.
    """
    pieces = []
    for output in tree.body:
        for node in output.nodes if isinstance(output, nodes.Output) else [output]:
            piece = _piece(env, node)
            if piece is None:
                return None
            pieces.append(piece)
    return pieces


def _piece(env: Environment, node: nodes.Node) -> Piece | None:
    if isinstance(node, nodes.TemplateData):
        return lambda variables: node.data
    if isinstance(node, nodes.Name):
        return lambda variables: variables[node.name]
    if isinstance(node, nodes.Getattr) and (owner := _piece(env, node.node)):
        return lambda variables: env.getattr(owner(variables), node.attr)
    if isinstance(node, nodes.Filter) and node.name in OWN_FILTERS and node.node and not node.args:
        change, value = OWN_FILTERS[node.name], _piece(env, node.node)
        return value and (lambda variables: change(value(variables)))
    return None


def _attributes(tree: nodes.Template) -> Iterator[tuple[str, str]]:
    """Pairs of the last two names of each dotted path: `relative.cpf.typo` gives (relative, cpf), (cpf, typo)."""
    for node in tree.find_all(nodes.Getattr):
        if isinstance(node.node, nodes.Name):
            yield node.node.name, node.attr
        elif isinstance(node.node, nodes.Getattr):
            yield node.node.attr, node.attr


@dataclass(frozen=True)
class Wording:
    """One way to say an act: one message, or several sent one after the other."""

    phrases: tuple[Phrase, ...]

    @cached_property
    def names(self) -> frozenset[str]:
        """Every variable used."""
        return frozenset().union(*(phrase.names for phrase in self.phrases))

    @cached_property
    def attributes(self) -> frozenset[tuple[str, str]]:
        """Every attribute used."""
        return frozenset().union(*(phrase.attributes for phrase in self.phrases))

    @cached_property
    def key(self) -> str:
        """What makes two wordings the same."""
        return _key(tuple(phrase.text for phrase in self.phrases))

    @property
    def place(self) -> str:
        """`file:line` of its first message."""
        return self.phrases[0].place


@dataclass
class WordingList:
    """The wordings of one act, divided."""

    seen: tuple[Wording, ...]
    held_out: tuple[Wording, ...] = ()

    @property
    def all(self) -> tuple[Wording, ...]:
        """Both parts."""
        return self.seen + self.held_out


@dataclass
class Phrasebook:
    """Every wording of a pack."""

    pack: Pack
    env: Environment = field(default_factory=environment)

    def __post_init__(self) -> None:
        problems: list[Problem] = []
        self._phrases: dict[tuple[str, str], Phrase] = {}
        self._lists: dict[int, WordingList] = {}
        self.slots: dict[str, tuple[Phrase, ...]] = {}
        user_lists: list[list] = []
        for (role, _), wordings in self.pack.acts.items():
            user_lists += [wordings] * (role == "user")
        for flow in self.pack.flows:
            user_lists += [step.say for step in _says(flow.file.steps, UserStep) if step.say]
        for fragment in self.pack.fragments.values():
            user_lists += [step.say for step in _says(fragment, UserStep) if step.say]
        user_lists += [fact.questions for fact in self.pack.facts.values()]
        self._held_out = _held_out(user_lists, self.pack.config.splits.held_out_percent)
        for name, slot in self.pack.slots.items():
            try:
                self.slots[name] = tuple(self.phrase(text) for text in slot.values)
            except PackError as error:
                problems += error.problems
        if problems:
            raise PackError(*problems)
        self.systems = tuple(self.phrase(text) for text in self.pack.systems)

    def phrase(self, text: Text) -> Phrase:
        """`text` as a phrase, parsed once per place."""
        key = (text.place, str(text))
        if key not in self._phrases:
            self._phrases[key] = Phrase(self.env, text)
        return self._phrases[key]

    def of_step(self, step: UserStep | AssistantStep) -> WordingList | None:
        """The wordings of a step: its own, else its act's; None where there are none."""
        if step.say:
            return self.of(step.say)
        role, act = ("user", step.user) if isinstance(step, UserStep) else ("assistant", step.assistant)
        wordings = self.pack.acts.get((role, act))
        return self.of(wordings) if wordings else None

    def of(self, wordings: list[tuple[Text, ...]]) -> WordingList:
        """A list of wordings as an author wrote it, divided into seen and held-out."""
        if id(wordings) not in self._lists:
            made = [Wording(tuple(self.phrase(text) for text in texts)) for texts in wordings]
            held = tuple(wording for wording in made if wording.key in self._held_out)
            seen = tuple(wording for wording in made if wording.key not in self._held_out)
            self._lists[id(wordings)] = WordingList(seen, held) if seen else WordingList(held)
        return self._lists[id(wordings)]


def _says(steps: Steps, kind: type) -> Iterator:
    """Every step of `kind` at any depth, fragments not followed."""
    for step in steps:
        if isinstance(step, kind):
            yield step
        for part in parts_of(step):
            yield from _says(part, kind)


def parts_of(step) -> list[Steps]:
    """The lists of steps inside a step."""
    if hasattr(step, "either"):
        return [branch.steps for branch in step.either]
    if hasattr(step, "on"):
        return list(step.on.values())
    return [step.steps] if hasattr(step, "steps") else []


def _held_out(lists: list[list[tuple[Text, ...]]], percent: int) -> frozenset[str]:
    keys = [[_key(texts) for texts in wordings] for wordings in lists]
    needed = {key for group in keys if len(group) < _SMALL_LIST for key in group}
    held = set()
    for group in keys:
        for key in group:
            few_words = len(key.split()) < _LITTLE_WORDS
            if key not in needed and not few_words and _percentile(key) < percent:
                held.add(key)
    return frozenset(held)


def _key(texts: tuple[Text, ...]) -> str:
    return re.sub(r"\W+", " ", "\n".join(texts).lower()).strip()


def _percentile(key: str) -> int:
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big") % 100
