"""Qwen2.5's chat format, both ways: a row as the model sees it, and the model's words as a message.

Needs no torch and no transformers, so that the light environment sees exactly what the trainer's does:

    python -c "from axolotl_configs.qwen25 import render; print(render([{'role': 'user', 'content': 'oi'}]))"
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from pathlib import Path
from typing import Any

from jinja2.sandbox import ImmutableSandboxedEnvironment

TEMPLATE_FILE = Path(__file__).with_name("qwen2.5_chat_template.j2")
CALL = re.compile(r"<tool_call>\s*(.*?)\s*(?:</tool_call>|\Z)", re.DOTALL)
"""A call in the model's words; the closing tag may be missing when the answer was cut."""


def template_text() -> str:
    """The template without our licence note: byte for byte what Qwen2.5-Instruct carries."""
    return TEMPLATE_FILE.read_text(encoding="utf-8").split("-#}\n", 1)[1]


@functools.cache
def _template() -> Any:
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    # Jinja's own tojson sorts keys and escapes accents: other tokens than those that transformers makes.
    environment.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
    return environment.from_string(template_text())


def decode_calls(messages: list[dict]) -> list[dict]:
    """The row's messages with each call's arguments as an object: a JSON string would be encoded twice."""
    return [
        {**message, "tool_calls": [_decoded(call) for call in message["tool_calls"]]}
        if message.get("tool_calls")
        else message
        for message in messages
    ]


def _decoded(call: dict) -> dict:
    function = call["function"]
    arguments = function["arguments"]
    return {
        **call,
        "function": {**function, "arguments": json.loads(arguments) if isinstance(arguments, str) else arguments},
    }


def decode_tools(tools: str | list | None) -> list[dict] | None:
    """The row's `tools` (a JSON string) as a list; None when the row offers no tool."""
    return (json.loads(tools) if isinstance(tools, str) else tools) or None


def render(messages: list[dict], tools: str | list | None = None, *, add_generation_prompt: bool = False) -> str:
    """A row's messages as one text with Qwen2.5's marks, equal to transformers' `apply_chat_template`."""
    return _template().render(
        messages=decode_calls(messages), tools=decode_tools(tools), add_generation_prompt=add_generation_prompt
    )


def read_reply(text: str) -> dict:
    """The model's words as an assistant message: `content`, or `tool_calls` with their arguments as a JSON string.

    Words beside a call are kept in `content`, so that the judge can see a turn that speaks and calls at once.
    A call that is no JSON object with a name stays text.
    """
    calls = [_call(found.group(1)) for found in CALL.finditer(text)]
    if not calls or None in calls:
        return {"role": "assistant", "content": text.strip()}
    return {"role": "assistant", "content": CALL.sub("", text).strip() or None, "tool_calls": calls}


def _call(text: str) -> dict | None:
    try:
        call = json.loads(text)
    except json.JSONDecodeError:
        return None
    if not (isinstance(call, dict) and isinstance(call.get("name"), str) and "arguments" in call):
        return None
    # Also where the model wrote a string: a call encoded twice must be seen by the judge, as a server would show it.
    arguments = json.dumps(call["arguments"], ensure_ascii=False)
    digest = hashlib.sha256(f"{call['name']}{arguments}".encode()).hexdigest()
    return {"id": f"call_{digest[:9]}", "type": "function", "function": {"name": call["name"], "arguments": arguments}}
