"""Is each call well formed, answered at once, and valid for its tool. Part of `python -m validators check`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from validators.context import Call, Context
from validators.dates import is_date
from validators.finding import Finding
from validators.rows import kind, load, show

PYTHON_REPR = re.compile(r"^\s*[\[{]\s*'|\b(None|True|False)\b")
ELEVEN_DIGITS = re.compile(r"[0-9]{11}")


def check_calls(row: dict[str, Any], context: Context) -> Iterator[Finding]:
    """A call is one, well formed, alone in its turn, with an id of its own."""
    seen: set[str] = set()
    for turn in context.turns:
        if not turn.calls:
            continue
        if len(turn.calls) > 1:
            yield context.finding("call.several", f"{turn.path}.tool_calls", f"{len(turn.calls)} calls in one turn")
        if turn.content is not None:
            yield context.finding("call.text_beside", f"{turn.path}.content", f"beside the call: {show(turn.content)}")
        for call in turn.calls:
            if problem := _shape_problem(call):
                yield context.finding("call.shape", call.path, problem)
            if call.id is None:
                yield context.finding("call.id_missing", f"{call.path}.id", "the call has no id")
            elif call.id in seen:
                yield context.finding("call.id_reused", f"{call.path}.id", f"{call.id} stands twice in this row")
            else:
                seen.add(call.id)


def _shape_problem(call: Call) -> str | None:
    raw = call.raw
    if not isinstance(raw, dict):
        return f"the call is {kind(raw)}"
    if "function" not in raw:
        return "name and arguments stand flat in the call, without `function`" if "name" in raw else "no `function`"
    if not isinstance(raw["function"], dict):
        return f"`function` is {kind(raw['function'])}"
    if not call.name:
        return "the function has no name"
    if "arguments" not in raw["function"]:
        return "the function has no arguments"
    return None if raw.get("type") == "function" else f'`type` is {show(raw.get("type"))}, not "function"'


def check_answers(row: dict[str, Any], context: Context) -> Iterator[Finding]:
    """Each call is answered by the very next message, with its id."""
    turns = context.turns if context.roles_known else []
    for place, turn in enumerate(turns):
        for step, call in enumerate(turn.calls, 1):
            answer = turns[place + step] if place + step < len(turns) else None
            if answer is None or answer.role != "tool":
                what = f"the next message is from {answer.role}" if answer else "nothing follows"
                yield context.finding("call.unanswered", call.path, what)
                continue
            identity = answer.raw.get("tool_call_id")
            if isinstance(identity, str) and identity and call.id not in (identity, None):
                path = f"{answer.path}.tool_call_id"
                yield context.finding("tool.id_mismatch", path, f"answers {identity}, the call is {call.id}")


def check_asked(row: dict[str, Any], context: Context) -> Iterator[Finding]:
    """Each tool message says which call it answers, and a call directly before asks for it."""
    asked = 0
    for turn in context.turns if context.roles_known else ():
        if turn.role != "tool":
            asked = len(turn.calls)
            continue
        identity = turn.raw.get("tool_call_id")
        if not isinstance(identity, str) or not identity:
            yield context.finding("tool.id_missing", f"{turn.path}.tool_call_id", "no word of which call it answers")
        if not asked:
            yield context.finding("tool.unasked", turn.path, f"no call directly before asks for {show(identity)}")
        asked = max(asked - 1, 0)


def check_arguments(row: dict[str, Any], context: Context) -> Iterator[Finding]:
    """Arguments are one JSON object in a string, of a known tool, as its schema wants them."""
    for turn in context.turns:
        for call in turn.calls:
            path = f"{call.path}.function.arguments"
            function = call.raw.get("function") if isinstance(call.raw, dict) else None
            if not isinstance(function, dict) or "arguments" not in function:
                continue
            if not isinstance(function["arguments"], str):
                yield context.finding("call.arguments_type", path, f"arguments are {kind(function['arguments'])}")
            elif call.problem:
                yield context.finding("call.arguments_json", path, call.problem.message)
            elif isinstance(call.decoded, str) and isinstance(load(call.decoded)[0], dict):
                yield context.finding("call.arguments_twice", path, "a string that holds the object as a string")
            elif call.arguments is None:
                yield context.finding("call.arguments_object", path, f"arguments are {kind(call.decoded)}")
            if context.tools is not None and call.name:
                yield from _check_against_tool(call, context)


def _check_against_tool(call: Call, context: Context) -> Iterator[Finding]:
    offered = context.tools or {}
    tool = offered.get(call.name or "")
    if tool is None:
        if context.closed:
            known = ", ".join(offered)
            yield context.finding("call.unknown_tool", f"{call.path}.function.name", f"{call.name}, offered: {known}")
        return
    if call.arguments is None:
        return
    path = f"{call.path}.function.arguments"
    for problem in tool.validator.iter_errors(call.arguments):
        yield context.finding("call.arguments_schema", path, problem.message)
    written = [key for key in call.arguments if key in tool.keys]
    wanted = [key for key in tool.keys if key in call.arguments]
    if written != wanted:
        yield context.finding("call.arguments_order", path, f"written {written}, the schema has {wanted}")


def check_results(row: dict[str, Any], context: Context) -> Iterator[Finding]:
    """What a tool gave back is a JSON text, encoded once."""
    for turn in context.turns:
        if turn.role != "tool" or not isinstance(turn.content, str) or not turn.content.strip():
            continue
        if turn.problem:
            python = turn.problem.kind == "not_json" and PYTHON_REPR.search(turn.content)
            why = "it looks like Python repr" if python else turn.problem.message
            yield context.finding("tool.not_json", f"{turn.path}.content", why)
        elif isinstance(turn.result, str) and isinstance(load(turn.result)[0], (dict, list)):
            yield context.finding("tool.twice", f"{turn.path}.content", "a string that holds the result as a string")


def check_forms(row: dict[str, Any], context: Context) -> Iterator[Finding]:
    """Wherever a call carries `cpf` or `data_nascimento`, they stand in the one form that tools read."""
    for turn in context.turns:
        for call in turn.calls:
            path = f"{call.path}.function.arguments"
            for key, value in (call.arguments or {}).items():
                if key == "cpf" and not (isinstance(value, str) and ELEVEN_DIGITS.fullmatch(value)):
                    yield context.finding("call.cpf_form", path, f"cpf is {show(value)}")
                if key == "data_nascimento" and not (isinstance(value, str) and is_date(value)):
                    yield context.finding("call.date_form", path, f"data_nascimento is {show(value)}")


CHECKS = (check_calls, check_answers, check_asked, check_arguments, check_forms, check_results)
