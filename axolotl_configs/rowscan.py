"""One pass over a file of rows: about how many tokens each has, and which shapes Axolotl would damage in silence.

The shapes were each tried on Axolotl 0.19; tests/cases/silent_failures.json has one of every kind. Whether a row is a
good conversation is the judge's business (`make check`); here is only what the trainer would make of it.

    python -c "from axolotl_configs.rowscan import scan; print(scan('data/unimed_natal/train.jsonl').rows)"
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import orjson

ROLES = ("system", "user", "assistant", "tool")
LONG_RUN = 25
"""Characters without a blank between them, as in links and keys, which cost more tokens than words do."""
PROBLEMS_KEPT = 5
"""Of one kind in one file; the rest is only counted."""

# Fitted on 10,744 rendered rows with Qwen2.5's own vocabulary: the sum is right within 1%, a row within -11 and +19%.
WORDS, CODE, TOOLS = 1 / 3.9, 1 / 3.15, 1 / 2.55
"""Tokens a character: of words, of calls and results, of the list of tools."""
DIGITS, MESSAGE, DEFAULT_SYSTEM = 1.5, 6.7, 22
"""Tokens of a digit with its punctuation, of a message's marks, and of Qwen2.5's own system message."""
MARGIN = 1.25
"""Times the estimate: what a row may have at most, unusual letters counted apart."""


class Damage(NamedTuple):
    """A row that Axolotl would train as something else."""

    line: int
    code: str
    message: str
    fix: str


@dataclass
class Scan:
    """What a pass over a file found; the lists have one entry a row."""

    tokens: list[float] = field(default_factory=list)
    """Estimates."""
    at_most: list[float] = field(default_factory=list)
    trained: list[float] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    damages: list[Damage] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    """Of each kind of damage, the ones that are not kept included."""

    @property
    def rows(self) -> int:
        """How many rows the file has."""
        return len(self.tokens)


def scan(path: str | Path, *, first: int | None = None, messages_key: str = "messages", per_turn: bool = False) -> Scan:
    """Read a JSONL file, or its first rows; `per_turn` tells that the config minds `train: false` on a message."""
    found = Scan()
    with Path(path).open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            if first is not None and found.rows >= first:
                break
            if line.strip():
                found.lines.append(number)
                _take(found, number, line, messages_key, per_turn)
    return found


def _take(found: Scan, number: int, line: bytes, key: str, per_turn: bool) -> None:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        row, damages = None, [("not_json", f"not JSON ({error})", "one object a line")]
    else:
        damages = list(damage_of(row, key, per_turn))
    for code, message, fix in damages:
        found.counts[code] = found.counts.get(code, 0) + 1
        if found.counts[code] <= PROBLEMS_KEPT:
            found.damages.append(Damage(number, code, message, fix))
    tokens, most, trained = _estimate(row, key) if isinstance(row, dict) else (len(line) / 3, len(line), 0.0)
    found.tokens.append(tokens)
    found.at_most.append(most)
    found.trained.append(trained)


def damage_of(row: Any, key: str = "messages", per_turn: bool = False) -> Iterator[tuple[str, str, str]]:
    """Give code, message and remedy for all that Axolotl would silently spoil in a row, or crash on."""
    messages = row.get(key) if isinstance(row, dict) else None
    if not isinstance(messages, list):
        yield "no_messages", f"no list of `{key}`", "write the row as the README shows"
        return
    if not messages:
        yield "empty", f"`{key}` is empty: Axolotl crashes", "remove the row"
        return
    if not all(isinstance(message, dict) for message in messages):
        yield "no_messages", "a message is no object", "write messages as {role, content}"
        return
    if not any(message.get("role") == "assistant" for message in messages):
        yield "nothing_trained", "no word of the attendant: nothing is trained, and packing drops the row", "remove it"
    for message in messages:
        yield from _message_damage(message, per_turn)
    yield from _tools_damage(row)


def _message_damage(message: dict, per_turn: bool) -> Iterator[tuple[str, str, str]]:
    role, content, calls = message.get("role"), message.get("content"), message.get("tool_calls")
    if role not in ROLES:
        yield "role", f"role `{role}` is not in the template: the message vanishes", f"one of {', '.join(ROLES)}"
    if role == "tool" and not isinstance(content, str):
        becomes = "an empty answer" if isinstance(content, list) else "Python's way of writing it"
        kind = type(content).__name__
        yield "tool_content", f"the tool's content is a {kind} and becomes {becomes}", "write it as a JSON string"
    elif content is not None and not isinstance(content, str):
        yield "content", f"the content of `{role}` is a {type(content).__name__}", "write it as a string"
    if role == "assistant" and content is None and not calls:
        yield "says_nothing", "an assistant message without content and calls: Axolotl crashes", "remove it"
    if message.get("train") is False and not per_turn:
        yield "train_false", "`train: false` is ignored", "add `message_field_training: train` to the dataset's block"
    for call in calls if isinstance(calls, list) else []:
        yield from _call_damage(call)


def _call_damage(call: Any) -> Iterator[tuple[str, str, str]]:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict):
        yield "flat_call", "a call without `function`: its arguments are encoded twice", 'nest it: {"function": {…}}'
        return
    arguments = function.get("arguments")
    if isinstance(arguments, dict):
        if None in arguments.values():
            yield "null_argument", "an argument that is null is removed", "write `arguments` as a JSON string"
        return
    try:
        decoded = orjson.loads(arguments) if isinstance(arguments, str) else None
    except orjson.JSONDecodeError:
        yield "arguments", "`arguments` is no JSON: Axolotl crashes", 'write them as "{\\"cpf\\": …}"'
        return
    if not isinstance(decoded, dict):
        yield "arguments", "`arguments` holds no object, and is trained so", 'write them as "{\\"cpf\\": …}"'


def _tools_damage(row: dict) -> Iterator[tuple[str, str, str]]:
    tools = row.get("tools")
    wrong = "" if isinstance(tools, (list, type(None))) else "is no list"
    if isinstance(tools, str):
        wrong = _tools_text(tools)
    if wrong:
        yield "tools", f"`tools` {wrong}", "write the list of functions as a JSON string"
    other = next((key for key in ("functions", "tool_list", "available_tools") if row.get(key)), None)
    if other and not row.get("tools"):
        yield "tools_column", f"the tools stand in `{other}`, which the model is never shown", "call the column `tools`"


@functools.lru_cache(maxsize=256)
def _tools_text(tools: str) -> str:
    """What is wrong with a JSON string of tools; many rows share the same few."""
    try:
        return "" if not tools or isinstance(json.loads(tools), (list, type(None))) else "is no list"
    except ValueError:
        return "is no JSON"


def _estimate(row: dict, key: str) -> tuple[float, float, float]:
    """Guess the tokens of a row, the most that it may have, and those that are trained."""
    messages = row.get(key)
    messages = [message for message in messages if isinstance(message, dict)] if isinstance(messages, list) else []
    tokens = extra = trained = 0.0
    for message in messages:
        words, code = _text(message.get("content")), ""
        if message.get("role") == "tool":
            words, code = "", words
        for call in message.get("tool_calls") or []:
            function = call.get("function") if isinstance(call, dict) else None
            if isinstance(function, dict):
                code += f"{function.get('name')}{_text(function.get('arguments'))}"
        digits = _digits(words + code)
        here = MESSAGE + len(words) * WORDS + len(code) * CODE + digits * (DIGITS - WORDS)
        extra += len(words.encode("utf-8", "replace")) - len(words)  # letters beyond ASCII may be a token each
        if max(map(len, runs := words.split()), default=0) >= LONG_RUN:
            extra += sum(len(run) for run in runs if len(run) >= LONG_RUN) / 2
        tokens += here
        if message.get("role") == "assistant":
            trained += here - MESSAGE / 2
    tools = _text(row.get("tools"))
    tokens += len(tools) * TOOLS
    if messages and messages[0].get("role") != "system":
        tokens += DEFAULT_SYSTEM
    return max(1.0, tokens), tokens * MARGIN + extra, trained


def _digits(text: str) -> int:
    return sum(map(text.count, "0123456789"))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)
