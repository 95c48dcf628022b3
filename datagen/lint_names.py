"""What a template may name where it stands: variables, attributes, slots, facts. Part of `python -m datagen lint`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

from datagen import documents
from datagen.birth_date import BirthDate
from datagen.cpf import Cpf
from datagen.errors import Problem
from datagen.grammar import Fact
from datagen.pack import Pack
from datagen.phrasebook import Phrase, Phrasebook

_PERSON = frozenset("cpf birth_date first_name full_name gender obrigado ele dele o".split())
_RELATIVE = _PERSON | {"my", "your", "of_my", "of_your"}
_DOCUMENTS = frozenset(document.__name__ for document in documents.ALL)
_CLIENT_NAMES = frozenset("client cpf birth_date first_name full_name appointment".split()) | _DOCUMENTS
EVERYWHERE = frozenset({"brand", "facts", "obrigada", "Obrigada", "today", *_CLIENT_NAMES})
"""Variables that every template may name."""


def _variants(value: type) -> frozenset[str]:
    return frozenset(name for name in vars(value) if isinstance(getattr(value, name), property))


_ATTRIBUTES = {
    "client": _PERSON,
    "relative": _RELATIVE,
    "cpf": _variants(Cpf),
    "birth_date": _variants(BirthDate),
}


class Names:
    """Holds what templates name against what there is."""

    def __init__(self, pack: Pack, book: Phrasebook, sayable: dict[str, Fact]) -> None:
        """`sayable`: the facts that may be said, by id."""
        self.pack, self.book, self.sayable = pack, book, sayable

    def problems(self, phrase: Phrase, allowed: frozenset[str], where: str = "") -> Iterator[Problem]:
        """Each name of `phrase` that is not `allowed` or lacks an attribute; `where` ends the message."""
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
            yield Problem(phrase.place, message, closest(attribute, options))


def _unknown_name(name: str, where: str, options: Iterable[str]) -> tuple[str, str]:
    if name == "result":
        return f"{{{{ result }}}} is used where no consult has found anything{where}", "branch with `on:` first"
    if name == "relative":
        return f"{{{{ relative }}}} is used{where}, which has no second person", "add relative: [mãe, pai, …]"
    if name in ("question", "answer"):
        return f"{{{{ {name} }}}} is used{where} without a fact", "give the `user:` step a `fact:`"
    return f"{{{{ {name} }}}}: unknown variable{where}", f"declare it in slots.yaml, or {closest(name, options)}"


def closest(name: str, options: Iterable[str]) -> str:
    """What somebody may have meant who wrote `name`, or what there is."""
    options = [str(option) for option in options]
    close = difflib.get_close_matches(str(name), options, 1)
    return f"did you mean '{close[0]}'?" if close else f"there are: {', '.join(sorted(options)[:20])}"
