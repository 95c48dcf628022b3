"""Shows conversations as chat bubbles with the plan beside them, without writing anything.

python -m datagen preview --pack unimed_natal --category tool_calls --n 3
python -m datagen preview --pack unimed_natal --flow chest_pain --n 8
"""

from __future__ import annotations

import difflib
import json
from typing import Any

from rich import box
from rich.align import Align
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from datagen.errors import PackError, Problem
from datagen.grammar import CATEGORIES
from datagen.renderer import Row
from datagen.schedule import Task, schedule
from datagen.workshop import Settings, Workshop

_LOOK = {"system": "dim", "user": "green", "assistant": "cyan", "tool": "magenta"}
_NAME = {"system": "sistema", "user": "cliente", "assistant": "atendente", "tool": "ferramenta"}
_PLAN, _INDENT = 26, 8
"""Characters: width of the plan, and how much narrower than the conversation a bubble is at least."""


def preview(settings: Settings, category: str | None, flow: str | None, count: int, console: Console) -> None:
    """Print `count` train rows of `category` (None: of every one) or of one `flow`, each with its plan."""
    workshop = Workshop(settings)
    tasks = _tasks_of_flow(workshop, flow, count) if flow else _tasks_of_category(workshop, category)[:count]
    for number, task in enumerate(tasks):
        row, provenance = workshop.make(task, f"{settings.pack.name}-{number:06d}")
        title = [row.category, provenance["code"] or provenance["flow"], provenance["context"], provenance["register"]]
        console.rule(" · ".join(title))
        console.print(conversation(row, provenance["acts"], min(console.width, 110) - _PLAN - 2))


def _tasks_of_category(workshop: Workshop, category: str | None) -> list[Task]:
    """Rows as a dataset has them."""
    if category is not None and category not in CATEGORIES:
        raise PackError(Problem("--category", f"'{category}' is no category", f"one of: {', '.join(CATEGORIES)}"))
    rows, seed = max(workshop.settings.rows, 600), workshop.settings.seed
    tasks = schedule(workshop.pack, workshop.book, workshop.planner.facts, rows, seed)
    flows = workshop.pack.flows
    return [task for task in tasks if task.split == "train" and category in (None, flows[task.flow].category)]


def _tasks_of_flow(workshop: Workshop, wanted: str, count: int) -> list[Task]:
    """The first rows of a flow, which may be named by its id, its file or its code."""
    names = {flow.id: at for at, flow in enumerate(workshop.pack.flows)}
    fits = [at for name, at in names.items() if wanted in (name, *name.replace(".", "/").split("/"))]
    if not fits:
        last = {name.replace(".", "/").rpartition("/")[2]: None for name in names}
        near = difflib.get_close_matches(wanted, last, 1)
        fix = f"did you mean '{near[0]}'?" if near else "`make lint` lists the flows"
        raise PackError(Problem("--flow", f"'{wanted}' is no flow, file or code of this pack", fix))
    return [Task(fits[number % len(fits)], number // len(fits), "train", False) for number in range(count)]


def conversation(row: Row, acts: list[str], width: int) -> Table:
    """A row as bubbles, customer on the left and attendant on the right, and beside each the act it belongs to."""
    table = Table.grid(padding=(0, 2))
    table.add_column(width=width)
    table.add_column(width=_PLAN, style="dim", overflow="fold")
    if row.tools:
        names = ", ".join(tool["function"]["name"] for tool in json.loads(row.tools))
        table.add_row(Text(f"ferramentas: {names}", style="dim"), "")
    before = None
    for message, event in zip(row.messages, row.events, strict=True):
        act = acts[event].removeprefix("user.").removeprefix("assistant.") if event not in (-1, before) else ""
        table.add_row(_bubble(message, width - _INDENT), f"\n{act}" if act else "")
        before = event
    return table


def _bubble(message: dict[str, Any], widest: int) -> Align:
    role = message["role"]
    text = message["content"]
    for call in message.get("tool_calls", ()):
        text = f"{call['function']['name']}({call['function']['arguments']})"
    longest = max(map(len, [*text.split("\n"), _NAME[role]]))
    look = {"style": _LOOK[role], "box": box.ROUNDED, "width": min(longest + 4, widest)}
    panel = Panel(Text(text), title=_NAME[role], title_align="left", **look)
    return Align(panel, "right" if role in ("assistant", "tool") else "left")
