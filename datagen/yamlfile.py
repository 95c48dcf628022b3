"""Reads YAML so that every text still knows its file and line.

`load(path)` gives plain Python data in which each string is a `Text` and a lookup from a pydantic location to a line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from datagen.errors import PackError, Problem


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """YAML without its traps: yes, no and on are words, 12:30 and 2024-01-01 are texts (as in YAML 1.2)."""

    yaml_implicit_resolvers: dict = {}  # noqa: RUF012 - the name and shape are PyYAML's


for _tag, _pattern, _first in (
    ("bool", r"^(?:true|false)$", "tf"),
    ("null", r"^(?:null|~|)$", ["n", "~", ""]),
    ("int", r"^[-+]?(?:0|[1-9][0-9]*)$", "-+0123456789"),
    ("float", r"^[-+]?[0-9]+\.[0-9]+$", "-+0123456789"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))


class Text(str):
    """A string that remembers where an author wrote it."""

    __slots__ = ("place",)
    place: str

    def __new__(cls, value: str, place: str) -> Text:
        """Wrap `value`, written at `place` (`file:line`)."""
        text = super().__new__(cls, value)
        text.place = place
        return text

    def __reduce__(self) -> tuple[Any, ...]:
        return Text, (str(self), self.place)


@dataclass(frozen=True)
class Document:
    """A YAML file as data, with the line of every key and item."""

    path: Path
    data: Any
    lines: dict[tuple[str | int, ...], int]

    def place(self, location: Sequence[str | int] = ()) -> str:
        """`file:line` of the deepest known ancestor of `location`; parts that YAML does not know are skipped."""
        known: tuple[str | int, ...] = ()
        for part in location:
            if (*known, part) in self.lines:
                known = (*known, part)
        return f"{self.path}:{self.lines.get(known, 1)}"


def load(path: Path) -> Document:
    """Parse one YAML file. Raises PackError naming file, line and the usual cause."""
    try:
        source = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise PackError(Problem(str(path), "file not found", "create it, or see templates/README.md")) from None
    except (OSError, UnicodeDecodeError) as error:
        raise PackError(Problem(str(path), f"cannot be read: {error}", "save it as UTF-8 text")) from None
    loader = _Loader(source)
    try:
        node = loader.get_single_node()
        lines: dict[tuple[str | int, ...], int] = {(): 1}
        data = _construct(loader, node, path, (), lines) if node else None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise PackError(Problem(f"{path}:{line}", f"not valid YAML: {error.problem}", _remedy(source, line))) from None
    except yaml.YAMLError as error:
        raise PackError(Problem(str(path), f"not valid YAML: {error}", "remove control characters")) from None
    finally:
        loader.dispose()
    return Document(path, data, lines)


def _construct(loader: Any, node: yaml.Node, path: Path, at: tuple[str | int, ...], lines: dict) -> Any:
    place = f"{path}:{node.start_mark.line + 1}"
    if isinstance(node, yaml.MappingNode):
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = loader.construct_object(key_node)
            where = f"{path}:{key_node.start_mark.line + 1}"
            if not isinstance(key, str):
                hint = "a text that starts with {{ must stand in double quotes; so must numbers as keys"
                raise PackError(Problem(where, f"this key is read as {type(key).__name__}, not as a word", hint))
            if key in mapping:
                raise PackError(Problem(where, f"key '{key}' stands here twice", "keep one of the two"))
            lines[(*at, key)] = key_node.start_mark.line + 1
            mapping[key] = _construct(loader, value_node, path, (*at, key), lines)
        return mapping
    if isinstance(node, yaml.SequenceNode):
        items = []
        for index, item in enumerate(node.value):
            lines[(*at, index)] = item.start_mark.line + 1
            items.append(_construct(loader, item, path, (*at, index), lines))
        return items
    value = loader.construct_object(node)
    return Text(value, place) if isinstance(value, str) else value


def _remedy(source: str, line: int) -> str:
    rows = source.splitlines()
    near = " ".join(rows[max(0, line - 2) : line])
    if "{{" in near or ": " in near:
        return "put the whole text in double quotes: texts with {{, ': ' or # must be quoted"
    return "check indentation and quotes on this line and the one before"
