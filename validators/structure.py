"""Is the row well formed: schema, roles, order, texts. Part of `python -m validators check`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson

from validators.context import ROLES, Context
from validators.finding import Finding
from validators.rows import kind, show

SCHEMA_FILE = Path(__file__).parent / "schemas" / "conversation.schema.json"
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
INVISIBLE = re.compile(
    "[\u00a0\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u2000-\u200c\u200e\u200f\u2028-\u202f"
    "\u205f-\u206f\u3000\u3164\ufeff\uffa0\ufff9-\ufffc\U000e0000-\U000e007f]"
    "|(?<![\ufe0f\u2190-\U0001ffff])\u200d|\u200d(?![\u2190-\U0001ffff])"  # a joiner is right only inside an emoji
)


def check_identity(row: dict[str, Any], context: Context) -> Iterator[Finding]:
    """A row has an id and a category, by which people speak of it."""
    if "id" not in row:
        yield context.finding("row.id", "$.id", "the row has no id")
    if "category" not in row:
        yield context.finding("row.category", "$.category", "the row has no category")


def check_tools(row: dict[str, Any], context: Context) -> Iterator[Finding]:
    """`tools` declares functions, each with a schema of its own."""
    if context.tools_problem:
        yield context.finding("row.tools", "$.tools", context.tools_problem)


def check_roles(row: dict[str, Any], context: Context) -> Iterator[Finding]:
    """Only the four roles, and each with its own keys."""
    for turn in context.turns:
        role, raw = turn.role, turn.raw
        if not isinstance(role, str) or role not in ROLES:
            yield context.finding("message.role_unknown", f"{turn.path}.role", f"the role is {show(role)}")
            continue
        if "tool_calls" in raw and role != "assistant":
            yield context.finding("message.stray_key", f"{turn.path}.tool_calls", f"tool_calls in a {role} message")
        if "tool_call_id" in raw and role != "tool":
            yield context.finding("message.stray_key", f"{turn.path}.tool_call_id", f"tool_call_id in a {role} message")


def check_order(row: dict[str, Any], context: Context) -> Iterator[Finding]:
    """System first or nowhere, then the user; answers one at a time; the assistant has the last word."""
    turns = context.turns
    if not turns or not context.roles_known:
        return
    for turn in turns[1:]:
        if turn.role == "system":
            yield context.finding("order.system", turn.path, "a system message in the middle of the conversation")
    spoken = [turn for turn in turns if turn.role != "system"]
    if not spoken or spoken[0].role != "user":
        first = spoken[0] if spoken else turns[-1]
        yield context.finding("order.first_turn", first.path, f"the first turn is from {first.role}")
    for before, turn in pairwise(spoken):
        if before.role == "assistant" and turn.role == "assistant" and not before.calls:
            yield context.finding("order.two_answers", turn.path, "the assistant speaks twice in a row")
        if before.role == "tool" and turn.role != "tool" and (turn.role != "assistant" or turn.calls):
            what = "another call" if turn.calls else f"a {turn.role} message"
            yield context.finding("order.result_unspoken", turn.path, f"after the tool's result comes {what}")
    last = turns[-1]
    if last.role != "assistant":
        yield context.finding("order.last_turn", last.path, f"the last message is from {last.role}")


def check_texts(row: dict[str, Any], context: Context) -> Iterator[Finding]:
    """Every turn but a call speaks, in clean text."""
    for turn in context.turns:
        text = turn.content
        if isinstance(text, str):
            yield from _check_text(text, f"{turn.path}.content", context)
        elif turn.role == "tool":
            yield context.finding("tool.not_string", f"{turn.path}.content", f"the result is {kind(text)}")
        elif text is None:
            if not turn.calls and "content" in turn.raw:
                yield context.finding("text.null", f"{turn.path}.content", f"the {turn.role} says null")
        else:
            yield context.finding("text.not_string", f"{turn.path}.content", f"content is {kind(text)}")


def _check_text(text: str, path: str, context: Context) -> Iterator[Finding]:
    stripped = text.strip()
    if not stripped:
        yield context.finding("text.empty", path, "no words at all" if not text else "nothing but blanks")
        return
    if len(stripped) != len(text):
        yield context.finding("text.edges", path, f"the text begins or ends with a blank: {show(text)}")
    if not unicodedata.is_normalized("NFC", text):
        yield context.finding("text.nfc", path, "a letter and its accent are two characters")
    if not text.isprintable():
        if hit := CONTROL.search(text):
            yield context.finding("text.control", path, f"U+{ord(hit[0]):04X} at character {hit.start() + 1}")
        if hit := INVISIBLE.search(text):
            yield context.finding("text.invisible", path, f"U+{ord(hit[0]):04X} at character {hit.start() + 1}")


CHECKS = (check_identity, check_tools, check_roles, check_order, check_texts)


def check_schema(row: dict[str, Any], context: Context) -> Iterator[Finding]:
    """Whatever the schema refuses and no other check has named; runs after the others."""
    validator = _validator()
    if validator.is_valid(row):
        return
    named = [finding.path for finding in context.found]
    told: set[str] = set()
    for problem in validator.iter_errors(row):
        for path in _places(problem):
            if path in told or any(_same_place(path, other) for other in named):
                continue
            told.add(path)
            yield context.finding(
                "row.schema", path, problem.message if len(problem.message) <= 160 else f"{problem.message[:157]}..."
            )


@lru_cache(maxsize=1)
def _validator() -> Any:
    return jsonschema_rs.Draft202012Validator(orjson.loads(SCHEMA_FILE.read_bytes()))


def _places(problem: Any) -> list[str]:
    """Where a schema error is: the missing or surplus key itself, not the object around it."""
    path = "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in problem.instance_path)
    kind = problem.kind
    if hasattr(kind, "property") and isinstance(kind.property, str):
        return [f"{path}.{kind.property}"]
    if hasattr(kind, "unexpected"):
        return [f"{path}.{key}" for key in kind.unexpected]
    return [path]


def _same_place(path: str, other: str) -> bool:
    return path == other or path.startswith((f"{other}.", f"{other}[")) or other.startswith((f"{path}.", f"{path}["))


LAST_CHECKS = (check_schema,)
