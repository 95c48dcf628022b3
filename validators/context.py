"""What a check sees of a row beside the raw object: its turns, its calls, its tools, its place in the file.

Built once for each row by check.py; no command of its own. Nothing here trusts the row's shape.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import jsonschema_rs

from validators import finding
from validators.evidence import NOTHING, Evidence, of_knowledge
from validators.knowledge import Knowledge
from validators.rows import Problem, kind, load

ROLES = frozenset({"system", "user", "assistant", "tool"})


@dataclass(slots=True)
class Call:
    """One tool call as written; `arguments` is the decoded object, or None when there is none."""

    path: str
    raw: Any
    id: str | None
    name: str | None
    arguments: dict[str, Any] | None
    decoded: Any
    problem: Problem | None


@dataclass(slots=True)
class Turn:
    """One message: its place in the row, its role, its content, and the calls that an assistant makes in it.

    `result` is what a tool's content says, decoded; `problem` why it does not.
    """

    index: int
    raw: dict[str, Any]
    role: Any
    content: Any
    calls: list[Call]
    result: Any = None
    problem: Problem | None = None

    @property
    def path(self) -> str:
        """The JSON path of the message."""
        return f"$.messages[{self.index}]"


class Tool(NamedTuple):
    """A function that was offered: its argument names in order, and the judge of its arguments."""

    name: str
    keys: tuple[str, ...]
    validator: Any


@dataclass(slots=True)
class Context:
    """A row's place and its parts. `tools` is None where nothing says which tools there are.

    `closed` is False where they were taken from another row, so that this one may know other functions.
    """

    file: str
    line: int
    row_id: str | None
    turns: list[Turn]
    tools: dict[str, Tool] | None = None
    tools_problem: str | None = None
    closed: bool = True
    roles_known: bool = True  # False: the order of turns means nothing
    knowledge: Knowledge | None = None
    found: list[finding.Finding] = field(default_factory=list)
    fictional: Any = None  # what the row's provenance says of its people; for privacy alone
    followed: Any = None  # what behaviour.py works out once for all its checks

    def finding(self, code: str, path: str, message: str, span: tuple[int, int] | None = None) -> finding.Finding:
        """A finding at a JSON path of this row; `span` is the stretch of the text there."""
        return finding.make(code, self.file, self.line, self.row_id, path, message, span)

    def speaking(self) -> Iterator[Turn]:
        """The assistant's turns that are words."""
        return (turn for turn in self.turns if turn.role == "assistant" and isinstance(turn.content, str))

    def known_text(self) -> str:
        """The facts that may be said, as one text."""
        return " ".join(self.knowledge.values) if self.knowledge else ""

    def known(self) -> Evidence:
        """What may be said without a source in the row."""
        return of_knowledge(self.knowledge) if self.knowledge else NOTHING


def build(row: dict[str, Any], file: str, line: int) -> Context:
    """Take a row apart; whatever is not well formed is left out here and named by a check."""
    row_id = row.get("id")
    messages = row.get("messages")
    parts = enumerate(messages) if isinstance(messages, list) else ()
    turns = [_turn(index, raw) for index, raw in parts if isinstance(raw, dict)]
    context = Context(file, line, row_id if isinstance(row_id, str) else None, turns)
    context.roles_known = all(isinstance(turn.role, str) and turn.role in ROLES for turn in turns)
    if "tools" in row:
        context.tools, context.tools_problem = (
            read_tools(row["tools"])
            if isinstance(row["tools"], str)
            else (None, f"`tools` is {kind(row['tools'])}, not a JSON string")
        )
    return context


def _turn(index: int, raw: dict[str, Any]) -> Turn:
    role, content = raw.get("role"), raw.get("content")
    turn = Turn(index, raw, role, content, [])
    if role == "assistant" and isinstance(calls := raw.get("tool_calls"), list):
        turn.calls = [_call(index, i, call) for i, call in enumerate(calls)]
    elif role == "tool" and isinstance(content, str):
        turn.result, turn.problem = load(content)
    return turn


def _call(message: int, index: int, raw: Any) -> Call:
    path = f"$.messages[{message}].tool_calls[{index}]"
    call = Call(path, raw, None, None, None, None, None)
    if not isinstance(raw, dict):
        return call
    call.id = raw["id"] if isinstance(raw.get("id"), str) and raw["id"] else None
    function = raw.get("function")
    if isinstance(function, dict):
        call.name = function["name"] if isinstance(function.get("name"), str) else None
        if isinstance(function.get("arguments"), str):
            call.decoded, call.problem = load(function["arguments"])
            call.arguments = call.decoded if isinstance(call.decoded, dict) else None
    return call


@lru_cache(maxsize=256)
def read_tools(text: str) -> tuple[dict[str, Tool] | None, str | None]:
    """The functions that a JSON text declares, by name; or None and what is wrong with it."""
    declared, problem = load(text)
    if problem:
        return None, f"`tools` is not clean JSON: {problem.message}"
    if not isinstance(declared, list) or not declared:
        return None, "`tools` is not a list with at least one function"
    tools: dict[str, Tool] = {}
    for place, item in enumerate(declared):
        tool = _tool(item)
        if isinstance(tool, str):
            return None, f"tools[{place}] {tool}"
        if tool.name in tools:
            return None, f"tools[{place}] declares {tool.name} a second time"
        tools[tool.name] = tool
    return tools, None


def _tool(item: Any) -> Tool | str:
    """One declared function, or what keeps it from being one."""
    if not isinstance(item, dict) or item.get("type") != "function" or not isinstance(item.get("function"), dict):
        return 'is not {"type": "function", "function": {...}}'
    function = item["function"]
    name, parameters = function.get("name"), function.get("parameters")
    if not isinstance(name, str) or not name:
        return "has no name"
    if not isinstance(parameters, dict):
        return f"({name}) has no parameters schema"
    properties = parameters.get("properties", {})
    try:
        validator = jsonschema_rs.Draft202012Validator(parameters, retriever=_refuse)
    except ValueError as reason:
        return f"({name}) has parameters that are no JSON Schema: {str(reason).splitlines()[0]}"
    return Tool(name, tuple(properties) if isinstance(properties, dict) else (), validator)


def _refuse(address: str) -> Any:
    """A judge never goes to the network for what a row tells it to read."""
    raise ValueError(f"a reference to {address} is not followed")
