"""Rows of other conventions, recognised and turned into ours, and ours into theirs; nothing is lost unnamed.

    python -m validators convert theirs.jsonl --to ours --out rows.jsonl
    python -m validators convert rows.jsonl --to openai --out openai.jsonl

`openai`: OpenAI's fine-tuning files ({"messages", "tools"}, arguments as strings, tools as a list). `hf`: rows for TRL
and Hugging Face templates (arguments as objects). `sharegpt` ({"conversations": [{"from", "value"}]}) is only read.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import orjson

FORMS = ("ours", "openai", "hf")
NAMES = {
    "openai": "OpenAI fine-tuning rows",
    "hf": "TRL/Hugging Face rows with arguments as objects",
    "sharegpt": "ShareGPT rows",
}
ROLES = {
    "developer": "system",
    "function": "tool",
    "human": "user",
    "gpt": "assistant",
    "bot": "assistant",
    "observation": "tool",
}
MESSAGE_KEYS = {"role", "content", "tool_calls", "tool_call_id"}
OUR_ROW = {"id", "category", "messages", "tools"}
Lost = Counter[str]
"""What a conversion leaves out or makes up, and how often."""


def recognise(row: dict[str, Any]) -> str:
    """The convention of a row: ours, openai, hf or sharegpt."""
    if isinstance(row.get("conversations"), list):
        return "sharegpt"
    messages = [message for message in _list(row.get("messages")) if isinstance(message, dict)]
    functions = [
        call.get("function", call)
        for message in messages
        for call in _list(message.get("tool_calls"))
        if isinstance(call, dict)
    ]
    if any(isinstance(function, dict) and isinstance(function.get("arguments"), dict) for function in functions):
        return "hf"
    theirs = isinstance(row.get("tools"), list) or "functions" in row or "parallel_tool_calls" in row
    theirs = theirs or any("function_call" in message or "weight" in message for message in messages)
    theirs = theirs or any(isinstance(message.get("content"), list) for message in messages)
    return "openai" if theirs else "ours"


def to_ours(row: dict[str, Any], number: int) -> tuple[dict[str, Any], Lost]:
    """A row of any convention in our form; `number` names a row that has no id."""
    lost: Lost = Counter()
    ours: dict[str, Any] = {}
    if isinstance(row.get("id"), str):
        ours["id"] = row["id"]
    else:
        ours["id"] = f"row-{number:06d}"
        lost["id: made up from the line"] += 1
    if not isinstance(row.get("category"), str):
        lost["category: made up, uncategorised"] += 1
    ours["category"] = row["category"] if isinstance(row.get("category"), str) else "uncategorised"
    parts = row.get("messages")
    if recognise(row) == "sharegpt":
        parts = [
            {"role": part.get("from"), "content": part.get("value")}
            for part in row["conversations"]
            if isinstance(part, dict)
        ]
    ours["messages"] = [_message(message, place, lost) for place, message in enumerate(_list(parts))]
    tools = row.get("tools", row.get("functions"))
    if isinstance(tools, list) and tools:
        wrapped = [
            tool if "function" in tool else {"type": "function", "function": tool}
            for tool in tools
            if isinstance(tool, dict)
        ]
        ours["tools"] = json.dumps(wrapped, ensure_ascii=False)
    elif isinstance(tools, str):
        ours["tools"] = tools
    for key, value in row.items():
        if key in OUR_ROW or key in ("functions", "conversations"):
            continue
        if isinstance(value, str):
            ours[key] = value
        else:
            lost[f"{key}: left out"] += 1
    return ours, lost


def _message(message: Any, place: int, lost: Lost) -> Any:
    if not isinstance(message, dict):
        return message
    role = ROLES.get(message.get("role", ""), message.get("role")) if isinstance(message.get("role"), str) else None
    content = message.get("content")
    if isinstance(content, list):
        texts = [part.get("text", "") for part in content if isinstance(part, dict) and part.get("type") == "text"]
        lost["content parts that are no text: left out"] += len(content) - len(texts)
        content = "".join(texts)
    calls = message.get("tool_calls")
    if not calls and isinstance(message.get("function_call"), dict):
        calls = [{"id": f"call_{place}", "type": "function", "function": message["function_call"]}]
        lost["function_call: became tool_calls, with an id made up"] += 1
    ours: dict[str, Any] = {"role": role, "content": content}
    if calls:
        ours["content"] = content or None
        ours["tool_calls"] = [_call(call) for call in _list(calls)]
    if role == "tool":
        identity = message.get("tool_call_id")
        if identity is None and message.get("role") == "function":
            identity = f"call_{place - 1}"
            lost["tool_call_id: made up for a function message"] += 1
        if isinstance(content, (dict, list)):
            ours["content"] = json.dumps(content, ensure_ascii=False)
        if identity is not None:
            ours["tool_call_id"] = identity
    for key in message.keys() - MESSAGE_KEYS - {"function_call"}:
        if message[key] is not None:
            lost[f"messages[].{key}: left out"] += 1
    return ours


def _call(call: Any) -> Any:
    if not isinstance(call, dict):
        return call
    function = (
        call.get("function")
        if isinstance(call.get("function"), dict)
        else {k: v for k, v in call.items() if k in ("name", "arguments")}
    )
    arguments = function.get("arguments")
    if isinstance(arguments, dict):
        arguments = json.dumps(arguments, ensure_ascii=False)
    made = {"id": call["id"]} if "id" in call else {}
    return {
        **made,
        "type": "function",
        "function": {**{k: v for k, v in function.items() if k == "name"}, "arguments": arguments},
    }


def to_openai(row: dict[str, Any], number: int = 0) -> tuple[dict[str, Any], Lost]:
    """One of our rows as OpenAI's fine-tuning takes it: nothing beside `messages` and `tools`."""
    lost: Lost = Counter({f"{key}: left out": 1 for key in row if key not in ("messages", "tools")})
    theirs: dict[str, Any] = {"messages": row["messages"]}
    if "tools" in row:
        theirs["tools"] = orjson.loads(row["tools"])
    return theirs, lost


def to_hf(row: dict[str, Any], number: int = 0) -> tuple[dict[str, Any], Lost]:
    """One of our rows as TRL and Hugging Face's templates take it: arguments as objects, `tools` as a list."""
    lost: Lost = Counter()
    messages = []
    for message in row["messages"]:
        if message.get("tool_calls"):
            calls = [_opened(call, lost) for call in message["tool_calls"]]
            message = {**message, "content": message["content"] or "", "tool_calls": calls}
        messages.append(message)
    theirs = {**row, "messages": messages}
    if "tools" in row:
        theirs["tools"] = orjson.loads(row["tools"])
    return theirs, lost


def _opened(call: dict[str, Any], lost: Lost) -> dict[str, Any]:
    text = call["function"]["arguments"]
    value = orjson.loads(text)
    if json.dumps(value, ensure_ascii=False) != text:
        lost["arguments: their spacing and the spelling of numbers"] += 1
    return {**call, "function": {**call["function"], "arguments": value}}


def converter(form: str) -> Callable[[dict[str, Any], int], tuple[dict[str, Any], Lost]]:
    """The function that brings a row of any convention into a form."""
    if form == "ours":
        return to_ours
    last = to_openai if form == "openai" else to_hf

    def through_ours(row: dict[str, Any], number: int) -> tuple[dict[str, Any], Lost]:
        ours, lost = (row, Counter()) if recognise(row) == "ours" else to_ours(row, number)
        theirs, more = last(ours, number)
        return theirs, lost + more

    return through_ours


def convert_file(path: str, form: str, out: str | None) -> tuple[int, Lost, list[str]]:
    """Convert a file; gives the rows written, what was lost, and the lines that could not be converted."""
    import sys
    from pathlib import Path

    from validators.rows import read_blocks, read_lines

    work, lost, rows = converter(form), Counter(), 0
    failed: list[str] = []
    target = Path(out).open("wb") if out else sys.stdout.buffer  # noqa: SIM115 - closed below, stdout is not
    try:
        for block in read_blocks(path):
            for line in read_lines(block):
                if line.row is None:
                    failed.append(f"{path}:{line.number}: {line.problems[0][1] if line.problems else 'no row'}")
                    continue
                try:
                    row, less = work(line.row, line.number)
                    target.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
                except (KeyError, TypeError, ValueError, AttributeError) as reason:
                    failed.append(f"{path}:{line.number}: cannot be converted: {reason!r}")
                    continue
                lost.update(less)
                rows += 1
    finally:
        if out:
            target.close()
    return rows, +lost, failed


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
