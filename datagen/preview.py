"""Shows conversations as a person would see them, without writing anything.

python -m datagen preview --pack unimed_natal --category tool_calls --n 3
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape

from datagen.errors import PackError, Problem
from datagen.grammar import CATEGORIES
from datagen.schedule import schedule
from datagen.workshop import Settings, Workshop

_LOOK = {"system": "dim", "user": "green", "assistant": "cyan", "tool": "magenta"}
_NAME = {"system": "sistema", "user": "cliente", "assistant": "atendente", "tool": "ferramenta"}


def preview(settings: Settings, category: str | None, count: int, console: Console) -> None:
    """Print `count` train rows of `category` (None: of every one) with the plan and the template lines."""
    if category is not None and category not in CATEGORIES:
        raise PackError(Problem("--category", f"'{category}' is no category", f"one of: {', '.join(CATEGORIES)}"))
    workshop = Workshop(settings)
    tasks = schedule(workshop.pack, workshop.book, workshop.planner.facts, max(settings.rows, 600), settings.seed)
    fits = [
        task for task in tasks if task.split == "train" and category in (None, workshop.pack.flows[task.flow].category)
    ]
    for number, task in enumerate(fits[:count]):
        row, provenance = workshop.make(task, f"{settings.pack.name}-{number:06d}")
        console.rule(f"{row.category} · {provenance['flow']} · {provenance['context']}")
        console.print(f"[dim]{escape(' → '.join(provenance['acts']))}[/dim]")
        for line in conversation_lines(row.messages, row.tools):
            console.print(line, highlight=False)


def conversation_lines(messages: list[dict], tools: str | None = None) -> Iterator[str]:
    """One line of rich markup per message."""
    if tools:
        yield f"[dim]ferramentas: {', '.join(tool['function']['name'] for tool in json.loads(tools))}[/dim]"
    for message in messages:
        role = message["role"]
        for call in message.get("tool_calls", ()):
            text = f"{call['function']['name']}({call['function']['arguments']})"
            yield f"[{_LOOK[role]}]{_NAME[role]:>10}[/] ⇒ {escape(text)}"
        if message["content"] is not None:
            first, *more = message["content"].split("\n")
            yield f"[{_LOOK[role]}]{_NAME[role]:>10}[/] │ {escape(first)}"
            yield from (f"{'':>10} │ {escape(line)}" for line in more)
