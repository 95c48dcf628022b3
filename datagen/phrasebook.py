"""Wordings ready for use: compiled, with the variables they need, and divided into seen and held-out.

Which wordings train never sees is decided by the text alone (a hash), so that a phrase held out in one flow is held
out in every other, and stays held out when lines are added around it.
"""

from __future__ import annotations

import difflib
import hashlib
import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

from jinja2 import Environment, StrictUndefined, Template, TemplateError, TemplateSyntaxError, meta, nodes

from datagen.errors import PackError, Problem
from datagen.grammar import AssistantStep, Splits, Steps, UserStep, parts_of
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

Lists = list[list[tuple[Text, ...]]]
"""Lists of wordings; each wording is one text, or several sent one after the other."""

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
        if (simple := _simple_pieces(text)) is not None:
            self._pieces, self.names, self.attributes = simple
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
        self.names: frozenset[str] = frozenset(meta.find_undeclared_variables(tree))
        self.attributes: frozenset[tuple[str, str]] = frozenset(_attributes(tree))

    def render(self, variables: dict) -> str:
        """The text with `variables` filled in. Raises PackError where a value does not fit its filter."""
        if "{" not in self.text:
            return self.text
        try:
            if self._pieces is not None:
                return "".join([str(piece(variables)) for piece in self._pieces])
            if self._template is None:
                self._template = self._env.from_string(self.text)
            return self._template.render({name: variables[name] for name in self.names if _has(variables, name)})
        except (TemplateError, TypeError, ValueError, AttributeError, KeyError) as error:
            message = f"template: {str(self.text)!r} cannot be filled in: {error}"
            raise PackError(Problem(self.place, message, "check the filters and what they are given")) from None

    @property
    def place(self) -> str:
        """`file:line`."""
        return self.text.place


def _has(variables: dict[str, Any], name: str) -> bool:
    """Whether `name` can be filled in; a conversation makes some values only when they are asked for."""
    try:
        variables[name]
    except KeyError:
        return False
    return True


_SIMPLE = re.compile(r"\{\{\s*([a-z_A-Z]\w*(?:\.[a-z_]\w*)*)((?:\s*\|\s*\w+)*)\s*\}\}")
Simple = tuple[list[Piece], frozenset[str], frozenset[tuple[str, str]]]
_NO_NAMES: frozenset[str] = frozenset()
_NO_ATTRIBUTES: frozenset[tuple[str, str]] = frozenset()


def _simple_pieces(text: str) -> Simple | None:
    """Parts, names and attributes of a template that only fills in values; None: it needs Jinja.

    Parsing and compiling cost a millisecond a text and there are thousands of texts; nearly all are of this kind.
    """
    if "{" not in text and "}" not in text:
        return [_literal(text)], _NO_NAMES, _NO_ATTRIBUTES
    pieces: list[Piece] = []
    names: set[str] = set()
    attributes: set[tuple[str, str]] = set()
    start = 0
    for match in _SIMPLE.finditer(text):
        path, filters = match[1].split("."), [name.strip() for name in match[2].split("|")[1:]]
        if not OWN_FILTERS.keys() >= set(filters):
            return None
        pieces += [_literal(text[start : match.start()]), _value(path, [OWN_FILTERS[name] for name in filters])]
        names.add(path[0])
        attributes.update(itertools.pairwise(path))
        start = match.end()
    rest = _SIMPLE.sub("", text)
    if "{" in rest or "}" in rest:
        return None
    return [*pieces, _literal(text[start:])], frozenset(names), frozenset(attributes)


def _literal(text: str) -> Piece:
    return lambda variables: text


def _value(path: list[str], filters: list[Callable[[Any], Any]]) -> Piece:
    name, *attributes = path
    if not attributes and not filters:
        return lambda variables: variables[name]

    def value(variables: dict[str, Any]) -> Any:
        found = variables[name]
        for attribute in attributes:
            found = found[attribute] if isinstance(found, dict) else getattr(found, attribute)
        for change in filters:
            found = change(found)
        return found

    return value


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
        if len(self.phrases) == 1:
            return self.phrases[0].names
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
    """The wordings of one act, divided by who may know them."""

    seen: tuple[Wording, ...]
    """Train says them, and so may every split."""
    held_out: tuple[Wording, ...] = ()
    """Kept from train: half of eval and of test is made of them."""
    unseen: tuple[Wording, ...] = ()
    """Kept from train, eval and test: test_unseen is made of them."""

    @property
    def all(self) -> tuple[Wording, ...]:
        """All parts."""
        return self.seen + self.held_out + self.unseen

    @cached_property
    def short(self) -> bool:
        """Whether each wording is of so few words that it belongs to everybody."""
        return all(len(wording.key.split()) <= _LITTLE_WORDS for wording in self.all)


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
        self._kept = _kept_from_train(list(self._user_lists()), list(self._contrast_lists()), self.pack.config.splits)
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

    def _user_lists(self) -> Iterator[list[tuple[Text, ...]]]:
        """Every list of what customers say that is divided: not those of contrasts and of flows kept for the exam."""
        kept_whole = set(self.pack.config.splits.unseen_flows)
        for (role, _), wordings in self.pack.acts.items():
            if role == "user":
                yield wordings
        steps = [flow.file.steps for flow in self.pack.flows if not flow.contrast and flow.id not in kept_whole]
        for part in (*steps, *self.pack.fragments.values()):
            yield from (step.say for step in says(part, UserStep) if step.say)
        yield from (fact.questions for fact in self.pack.facts.values())

    def _contrast_lists(self) -> Iterator[list[tuple[Text, ...]]]:
        """What the edited turns of contrasts say: all ways of a group say the same, so none of it is kept."""
        for flow in self.pack.flows:
            if flow.contrast:
                yield from (step.say for step in says(flow.file.steps, UserStep) if step.say)

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
            parts: dict[str, list[Wording]] = {"seen": [], "held_out": [], "unseen": []}
            for texts in wordings:
                wording = Wording(tuple(self.phrase(text) for text in texts))
                parts[self._kept.get(_key(texts), "seen")].append(wording)
            self._lists[id(wordings)] = WordingList(*map(tuple, parts.values()))
        return self._lists[id(wordings)]


def says(steps: Steps, kind: type) -> Iterator:
    """Every step of `kind` at any depth, fragments not followed."""
    for step in steps:
        if isinstance(step, kind):
            yield step
        for part in parts_of(step):
            yield from says(part, kind)


def _kept_from_train(lists: Lists, never_kept: Lists, splits: Splits) -> dict[str, str]:
    """The keys of the wordings that train never says: "held_out" or "unseen".

    Of each list that is long enough, those whose text has the lowest hash: a phrase kept in one flow is kept in every
    other, and lines added around it hardly ever change that. A phrase that a short list needs is never kept.
    """
    keys = [[_key(texts) for texts in wordings] for wordings in lists]
    needed = {key for group in keys if len(group) < _SMALL_LIST for key in group}
    needed |= {_key(texts) for wordings in never_kept for texts in wordings}
    kept: dict[str, str] = {}
    for group in keys:
        free = sorted({key for key in group if key not in needed and len(key.split()) >= _LITTLE_WORDS}, key=_hash)
        for name, percent in (("unseen", splits.unseen_percent), ("held_out", splits.held_out_percent)):
            count = max(1, len(group) * percent // 100) if percent and len(group) >= _SMALL_LIST else 0
            for key in [key for key in free if key not in kept][: count - sum(kept.get(key) == name for key in free)]:
                kept[key] = name
    return kept


@cache
def _key(texts: tuple[Text, ...]) -> str:
    return re.sub(r"\W+", " ", "\n".join(texts).lower()).strip()


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
