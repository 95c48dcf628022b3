"""Reading YAML so that every later message can name the line: the data, and where each key stands.

Broken YAML, a key written twice (YAML would silently take the last) and a file that is no mapping are errors here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from axolotl_configs.errors import ConfigError

Place = tuple[str | int, ...]
"""The way to a value: keys and list positions, such as `("datasets", 0, "path")`."""


@dataclass(frozen=True)
class Document:
    """A YAML file: its data and the line (from 1) of every key and list item."""

    path: Path
    data: dict[str, Any]
    lines: dict[Place, int]

    def line(self, *place: str | int) -> int:
        """Give the line of a place, or that of the nearest thing around it that the file really holds."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


class YamlError(ConfigError):
    """The file is no usable YAML; `line` says where, for those who print it themselves."""

    def __init__(self, path: Path, line: int, message: str, fix: str):
        super().__init__(f"{path}:{line}: {message}.\n    fix: {fix}")
        self.line, self.message, self.fix = line, message, fix


def read_yaml(path: Path) -> Document:
    """Read a YAML mapping with its line numbers; `ConfigError` if it is not there, `YamlError` if it is broken."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise YamlError(path, line, "not UTF-8 text", "save the file as UTF-8") from error
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}).\n    fix: name a YAML file that exists"
        ) from error
    loader = None
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            raise YamlError(path, 1, "not a mapping of keys to values", "write lines of the form `key: value`")
        lines: dict[Place, int] = {}
        _walk(node, (), lines, path, set())
        return Document(path, loader.construct_document(node), lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlError(path, mark.line + 1 if mark else 1, f"broken YAML: {error.problem}", _remedy(error)) from error
    except yaml.YAMLError as error:  # a character that YAML forbids: no mark, but a position
        line = text[: getattr(error, "position", 0)].count("\n") + 1
        raise YamlError(
            path, line, f"broken YAML: {getattr(error, 'reason', error)}", "remove that character"
        ) from error
    except RecursionError as error:
        raise YamlError(path, 1, "nested far too deeply", "a config needs three levels at most") from error
    except ValueError as error:  # a date that does not exist, such as 2024-13-45
        raise YamlError(path, 1, f"a value cannot be read ({error})", "put quotes around it") from error
    finally:
        if loader is not None:
            loader.dispose()


def _walk(node: yaml.Node, place: Place, lines: dict[Place, int], path: Path, seen: set[int]) -> None:
    """Note the line of every key and item below a node, each anchor once."""
    lines.setdefault(place, node.start_mark.line + 1)
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _walk(item, (*place, index), lines, path, seen)
    elif isinstance(node, yaml.MappingNode):
        known: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            name = str(key.value)
            if name in known:
                fix = f"keep one of the two: YAML would forget line {known[name]} in silence"
                raise YamlError(path, line, f"`{name}` stands here for the second time", fix)
            known[name] = line
            lines[(*place, name)] = line
            _walk(value, (*place, name), lines, path, seen)


def _remedy(error: yaml.MarkedYAMLError) -> str:
    if "\\t" in (error.problem or ""):
        return "indent with spaces: YAML knows no tabs"
    return "look at this line and the one before: a colon, a quote or the indentation"
