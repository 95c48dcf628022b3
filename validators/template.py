"""Does a row come through Qwen2.5's chat template unharmed. Part of `python -m validators check`.

The template is the one that Qwen2.5-Instruct carries, rendered as transformers renders it: its `tojson` keeps accents
and the order of keys, Jinja's own does not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from validators.context import Context
from validators.finding import Finding

TEMPLATE_FILE = Path(__file__).with_name("qwen2.5_chat_template.j2")
DEFAULT_SYSTEM = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."
TURN = re.compile(r"<\|im_start\|>(\w+)\n(.*?)<\|im_end\|>\n?", re.DOTALL)
CALL = re.compile(r"<tool_call>\n(.*?)\n</tool_call>", re.DOTALL)
MARK = re.compile(r"<\|(?:im_start|im_end|endoftext)\|>")
CALL_MARK = re.compile(r"</?tool_call>|<\|(?:im_start|im_end|endoftext)\|>")


def template_text() -> str:
    """The template without our licence note: byte for byte what Qwen2.5-Instruct carries."""
    return TEMPLATE_FILE.read_text(encoding="utf-8").split("-#}\n", 1)[1]


@lru_cache(maxsize=1)
def _template() -> Any:
    from jinja2 import Environment

    class OfDicts(Environment):
        """Looks `message.role` up in the dict at once: Jinja asks for an attribute first, and there never is one."""

        def getattr(self, obj: Any, attribute: str) -> Any:
            found = obj.get(attribute, obj) if type(obj) is dict else obj
            return super().getattr(obj, attribute) if found is obj else found

    # transformers uses a sandbox, for templates of strangers; this one is ours, and renders the same without.
    environment = OfDicts(trim_blocks=True, lstrip_blocks=True, autoescape=False)
    environment.filters["tojson"] = _dumped
    return environment.from_string(template_text())


def render(messages: list[dict[str, Any]], tools: str | None = None) -> str:
    """A row's messages as the model sees them; arguments are decoded first, as Axolotl does."""
    return _template().render(messages=[_decoded(message) for message in messages], tools=_tools(tools))


class _Tool(dict):
    """A declared function, with its JSON: many rows declare the same."""

    text = ""


@lru_cache(maxsize=256)
def _tools(text: str | None) -> Any:
    tools = orjson.loads(text) if text else None
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        return tools
    known = [_Tool(tool) for tool in tools]
    for tool in known:
        tool.text = json.dumps(tool, ensure_ascii=False)
    return known


def _dumped(value: Any) -> str:
    return value.text if type(value) is _Tool else json.dumps(value, ensure_ascii=False)


def _decoded(message: dict[str, Any]) -> dict[str, Any]:
    if not message.get("tool_calls"):
        return message
    calls = []
    for call in message["tool_calls"]:
        function = call["function"]
        calls.append({**call, "function": {**function, "arguments": orjson.loads(function["arguments"])}})
    return {**message, "tool_calls": calls}


def read_back(text: str) -> list[tuple[str, Any]]:
    """The turns of a rendered text: (role, words), a call being (name, arguments) pairs, a result ("tool", words)."""
    turns: list[tuple[str, Any]] = []
    for role, body in TURN.findall(text):
        if role == "assistant" and body.startswith("<tool_call>"):
            found = [orjson.loads(match) for match in CALL.findall(body)]
            turns.append((role, [(call["name"], call["arguments"]) for call in found]))
        elif body.startswith("<tool_response>\n"):
            parts = body.removeprefix("<tool_response>\n").removesuffix("\n</tool_response>")
            turns.extend(("tool", part) for part in parts.split("\n</tool_response>\n<tool_response>\n"))
        else:
            turns.append((role, body))
    return turns


def check_template(row: dict[str, Any], context: Context) -> Iterator[Finding]:
    """The turns that go into the template come out of it again; only whole rows are sent through."""
    for turn in context.turns:
        marks = CALL_MARK if turn.role == "assistant" else MARK  # people paste calls; a model must not say one
        if isinstance(turn.content, str) and "<" in turn.content and (match := marks.search(turn.content)):
            message = f"{match[0]} stands in a text; the model reads it as a mark"
            yield context.finding("template.mark", f"{turn.path}.content", message, match.span())
            return
    if context.found or not context.turns:
        return  # broken rows have their own findings, and would only be refused once more
    expected = list(_expected(context))
    try:
        found = read_back(render(row["messages"], row.get("tools")))
    except (TypeError, ValueError, KeyError) as reason:
        yield context.finding("template.refused", "$.messages", f"the template refuses it: {reason}")
        return
    if found and found[0][0] == "system" and context.turns[0].role == "system":
        found[0] = ("system", found[0][1].partition("\n\n# Tools\n\n")[0])
    elif found and found[0][0] == "system":
        found = found[1:]
    if found != expected:
        place = next((i for i, pair in enumerate(zip(found, expected, strict=False)) if pair[0] != pair[1]), len(found))
        path = context.turns[min(place, len(context.turns) - 1)].path
        yield context.finding("template.changed", path, "the template gives back another turn than went in")


def _expected(context: Context) -> Iterator[tuple[str, Any]]:
    for turn in context.turns:
        if turn.calls:
            yield "assistant", [(call.name, call.arguments) for call in turn.calls]
        else:
            yield turn.role, turn.content


CHECKS = (check_template,)
