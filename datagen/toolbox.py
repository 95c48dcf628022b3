"""The simulated tool: draws a fictional contract for a person and answers a call in one of the declared shapes."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable
from random import Random
from typing import Any

from jinja2 import Environment

from datagen.grammar import Answer, Draw, ToolsFile
from datagen.pack import Pack
from datagen.people import Person
from datagen.phrasebook import compact_date, title_name

_PATH = re.compile(r"^\{\{\s*(\w+)\.(\w+)\s*\}\}$")
_CUT_SHARE = 0.3
"""Share of registers that cut names off at `name_limit` characters."""
_WHOLE_EXPRESSION = re.compile(r"^\{\{\s*(.+?)\s*\}\}$")


class Toolbox:
    """Answers the tool of one pack."""

    def __init__(self, pack: Pack, env: Environment) -> None:
        """`env` is the environment of the pack's templates, so that filters mean the same everywhere."""
        self.tools = pack.tools
        self.name: str = self.tools.function["name"]
        self.arguments: list[str] = list(self.tools.function["parameters"]["properties"])
        self._env = env
        self._expressions: dict[str, Any] = {}
        self._drawings: dict[int, list[tuple[str, Callable[[Random, Person, dt.date], Any]]]] = {}
        """By the id of the fields, which the pack keeps alive."""

    def definition(self) -> str:
        """The `tools` column: the function in OpenAI form, as a JSON string."""
        return json.dumps([{"type": "function", "function": self.tools.function}], ensure_ascii=False)

    def shapes_for(self, split: str) -> list[str]:
        """The shapes that a split may show: the one that is held out, only in test_unseen."""
        kept = sorted(name for name, shape in self.tools.shapes.items() if shape.held_out)
        known = sorted(name for name, shape in self.tools.shapes.items() if not shape.held_out)
        return kept if split == "test_unseen" and kept else known

    def draw_record(self, rng: Random, person: Person, today: dt.date) -> dict[str, Any]:
        """A fictional contract: field → value; dates are `datetime.date`, amounts are reais."""
        record = {name: draw(rng, person, today) for name, draw in self._draws(self.tools.record)}
        return {**record, **_cut_short(rng, self.tools, record)}

    def settle(self, rng: Random, record: dict[str, Any], answer: Answer, person: Person, today: dt.date) -> None:
        """Give `record` what `answer` says of it (a status, a debt), so that every later answer agrees."""
        record.update({name: draw(rng, person, today) for name, draw in self._draws(answer.record)})

    def _draws(self, fields: dict[str, Any]) -> list[tuple[str, Callable[[Random, Person, dt.date], Any]]]:
        if id(fields) not in self._drawings:
            self._drawings[id(fields)] = [(name, _drawing(how)) for name, how in fields.items()]
        return self._drawings[id(fields)]

    def call(self, cpf: str, birth_date: dt.date) -> str:
        """The arguments of a call: a JSON string, keys in the order of the tool's schema."""
        values = dict(zip(self.arguments, (cpf, compact_date(birth_date)), strict=True))
        return json.dumps(values, ensure_ascii=False)

    def answer(self, rng: Random, shape: str, name: str, record: dict[str, Any], person: Person) -> str:
        """The tool's answer as a JSON string; `rng` lays it out: order of keys, fields left out, names cut short."""
        answer = self.tools.answers[name]
        form = self.tools.shapes[shape]
        tree = form.empty if answer.empty else form.found if answer.found else form.error
        variables = {"record": record, "answer": answer, "person": person}
        return json.dumps(_laid_out(rng, self._fill(tree, variables), self.tools.extras), ensure_ascii=False)

    def _fill(self, tree: Any, variables: dict[str, Any]) -> Any:
        if isinstance(tree, dict):
            return {key: self._fill(value, variables) for key, value in tree.items()}
        if isinstance(tree, list):
            return [self._fill(value, variables) for value in tree]
        if not isinstance(tree, str) or "{{" not in tree:
            return str(tree) if isinstance(tree, str) else tree
        value = self._evaluate(tree, variables)
        if isinstance(value, dt.date):
            return compact_date(value)
        return str(value) if isinstance(value, str) else value

    def _evaluate(self, leaf: str, variables: dict[str, Any]) -> Any:
        """A leaf that is one expression keeps the type of its value; anything else is text."""
        if leaf not in self._expressions:
            self._expressions[leaf] = self._compile(leaf)
        return self._expressions[leaf](variables)

    def _compile(self, leaf: str) -> Callable[[dict[str, Any]], Any]:
        if path := _PATH.match(leaf):  # nearly every leaf: no need to set up a template for a look-up
            owner, name = path.groups()
            if owner == "record":
                return lambda variables: variables["record"][name]
            return lambda variables: getattr(variables[owner], name)
        whole = _WHOLE_EXPRESSION.match(leaf)
        if whole and "{{" not in whole[1]:
            return self._env.compile_expression(whole[1], undefined_to_none=False)
        return self._env.from_string(leaf).render


def _cut_short(rng: Random, tools: ToolsFile, record: dict[str, Any]) -> dict[str, Any]:
    """In some registers long names are cut off; the first name always survives."""
    if not tools.name_limit or rng.random() >= _CUT_SHARE:
        return {}
    names = [name for name, how in tools.record.items() if isinstance(how, Draw) and how.person]
    return {name: record[name][: tools.name_limit].strip() for name in names if isinstance(record[name], str)}


def _laid_out(rng: Random, tree: Any, extras: dict[str, list[Any]]) -> Any:
    """`tree` as real systems vary it: keys in another order, null fields missing, a field nobody asked for."""
    shuffled, nulls_gone, extra = rng.random() < 0.5, rng.random() < 0.3, rng.random() < 0.3

    def lay(part: Any) -> Any:
        if isinstance(part, list):
            return [lay(item) for item in part]
        if not isinstance(part, dict):
            return part
        items = [(key, lay(value)) for key, value in part.items() if not (nulls_gone and value is None)]
        if shuffled:
            rng.shuffle(items)
        return dict(items)

    laid = lay(tree)
    if extra and extras and isinstance(laid, dict):
        name = rng.choice(sorted(extras))
        laid = {**laid, name: rng.choice(extras[name])}
    return laid


def visible(record: dict[str, Any], person: Person) -> dict[str, Any]:
    """What templates read as `result`: the record and the first name as the attendant says it."""
    return {**record, "first_name": title_name(person.first_name)}


def _drawing(how: Any) -> Callable[[Random, Person, dt.date], Any]:
    """How one field is drawn, decided once."""
    if not isinstance(how, Draw):
        return lambda rng, person, today: how
    if how.pick is not None:
        return lambda rng, person, today: rng.choice(how.pick)
    if how.money is not None:
        return lambda rng, person, today: round(rng.uniform(*how.money), 2)
    if how.whole is not None:
        return lambda rng, person, today: rng.randint(*how.whole)
    if how.days is not None:
        return lambda rng, person, today: _day_near(rng, how.days, person, today)
    if how.digits is not None:
        count = how.digits.count("#")
        form = how.digits.replace("%", "%%").replace("#", "%s")
        return lambda rng, person, today: form % tuple(f"{rng.randrange(10**count):0{count}d}")
    if how.person == "birth_date":
        return lambda rng, person, today: person.birth_date.date
    return lambda rng, person, today: getattr(person, how.person)


def _day_near(rng: Random, days: tuple[int, int], person: Person, today: dt.date) -> dt.date:
    """A day counted from `today`; no plan begins before its owner is born."""
    return max(today + dt.timedelta(days=rng.randint(*days)), person.birth_date.date)
