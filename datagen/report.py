"""Measures a dataset and says where it stands: figures beside gates, goals and yardsticks, then what it is made of.

    python -m datagen report --out data/unimed_natal

Prints readable text, writes report.json and the dataset card (README.md) beside the data.
Exit code 100 when a gate fails; goals only show. Gates that hang on sample size hold from 12,000 rows on.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from datagen.card import card
from datagen.counts import counts_of
from datagen.dataset import Dataset, read_dataset
from datagen.errors import PackError, Problem
from datagen.figures import measure
from datagen.fingerprint import pack_hash
from datagen.heatmap import ROLES, heatmap
from datagen.measures import MEASURES, YARDSTICKS, Measure, shown
from datagen.pack import Pack, find_pack, load_pack
from datagen.writer import GUIDE_ROWS

_WIDE = 160
"""Columns where nobody looks on: what is written to a file must not break lines."""
_FIRST, _LAST = 12, 4
"""Of a long table the lines that are printed; report.json has them all."""
_COLOUR = {"goal": "green", "passes": "", "FAILS": "bold red", "(fails)": "yellow"}


def report(out: Path, packs: Path, console: Console) -> list[str]:
    """Measure the dataset in `out`, print, write report.json and README.md; returns the names of failed gates.

    `packs` is the folder that holds the pack. Raises PackError where there is no dataset or no such pack.
    """
    dataset = read_dataset(out)
    pack = load_pack(find_pack(dataset.manifest["pack"], packs))
    found = report_of(dataset, pack)
    for name, text in (("report.json", _json(found)), ("README.md", card(dataset, pack, found).encode())):
        try:
            (out / name).write_bytes(text)
        except OSError as error:
            raise PackError(Problem(str(out / name), f"cannot write: {error.strerror}", "free it")) from None
    show(found, console)
    return found["failed"]


def report_of(dataset: Dataset, pack: Pack) -> dict[str, Any]:
    """The whole report as plain data."""
    rows = len(dataset.rows)
    values = measure(dataset, pack)
    figures = [_figure(line, values[line.name], rows) for line in MEASURES]
    return {
        "dataset": {name: dataset.manifest.get(name) for name in ("pack", "rows", "seed", "fingerprint")},
        "notes": list(_notes(dataset, pack)),
        "failed": [figure["name"] for figure in figures if figure["verdict"] == "FAILS"],
        "figures": figures,
        "counts": counts_of(dataset, pack),
        "heatmap": heatmap(dataset, pack),
    }


def _figure(line: Measure, value: float, rows: int) -> dict[str, Any]:
    verdict = "goal" if line.goal is not None and line.within(value, line.goal) else "passes"
    if not line.within(value, line.gate):
        verdict = "FAILS" if line.exact or rows >= GUIDE_ROWS else "(fails)"
    return {
        "name": line.name,
        "text": line.text,
        "form": line.form,
        "value": value,
        "gate": line.gate,
        "goal": line.goal,
        "low_is_good": line.low,
        "verdict": verdict,
        "yardsticks": line.yardsticks,
    }


def _notes(dataset: Dataset, pack: Pack) -> Iterator[str]:
    if dataset.manifest.get("pack_sha256") != pack_hash(pack.folder):
        yield f"{pack.folder} has changed since this was rendered: lines may have moved; `make dataset` renews it"
    for name in dataset.edited:
        yield f"{name} is not what was rendered: it was edited afterwards"
    if len(dataset.rows) < GUIDE_ROWS:
        yield f"{len(dataset.rows)} rows: verdicts in brackets hold from ROWS={GUIDE_ROWS} on"


def _json(found: dict[str, Any]) -> bytes:
    return orjson.dumps(found, option=orjson.OPT_INDENT_2) + b"\n"


# ---------------------------------------------------------------------- as text


def show(found: dict[str, Any], console: Console) -> None:
    """Print a report: in colour on a terminal, as plain aligned text elsewhere."""
    console = plain_unless_terminal(console)
    for name, table in found["counts"].items():
        _show_counts(name, table, console)
    for role in ROLES:
        _show_lines(found["heatmap"][role], role, console)
    _show_figures(found["figures"], console)
    for note in found["notes"]:
        console.print(f"note: {note}", highlight=False, markup=False)
    for figure in found["figures"]:
        if figure["verdict"] == "FAILS":
            value, gate = (shown(figure[key], figure["form"]) for key in ("value", "gate"))
            console.print(f"gate failed: {figure['text']}: {value}, gate {gate}", highlight=False, markup=False)


def plain_unless_terminal(console: Console) -> Console:
    """`console`, or one without colour and narrow lines where nobody looks on."""
    return console if console.is_terminal else Console(file=console.file, width=_WIDE, color_system=None)


def new_table(console: Console) -> Table:
    """An empty table: with a line under its head on a terminal, bare elsewhere."""
    return Table(box=box.SIMPLE_HEAD if console.is_terminal else None, pad_edge=False)


def _show_figures(figures: list[dict[str, Any]], console: Console) -> None:
    console.print("\nfigures (words before noise, numbers and names masked)", style="bold")
    table = new_table(console)
    table.add_column("figure")
    for name in ("here", "gate", "goal", "verdict", *YARDSTICKS):
        table.add_column(name, justify="right", no_wrap=True)
    for figure in figures:
        form, sign = figure["form"], "≤ " if figure["low_is_good"] else "≥ "
        limits = ["–" if figure[key] is None else sign + shown(figure[key], form) for key in ("gate", "goal")]
        beside = [shown(figure["yardsticks"].get(name), form) for name in YARDSTICKS]
        verdict = figure["verdict"]
        cells = [figure["text"], shown(figure["value"], form), *limits, verdict, *beside]
        table.add_row(*map(escape, cells), style=_COLOUR[verdict])
    console.print(table)


def _show_counts(name: str, rows: dict[str, Any], console: Console) -> None:
    console.print(f"\n{name}", style="bold", highlight=False)
    table = new_table(console)
    columns = list(dict.fromkeys(column for cells in rows.values() if isinstance(cells, dict) for column in cells))
    table.add_column("")
    for column in columns or [""]:
        table.add_column(column, justify="right")
    lines = [
        (row, *(_number(cells.get(column, 0)) for column in columns)) if columns else (row, _number(cells))
        for row, cells in rows.items()
    ]
    if len(lines) > _FIRST + _LAST + 1:
        lines[_FIRST:-_LAST] = [(f"… {len(lines) - _FIRST - _LAST} more in report.json", "")]
    for line in lines or [("none", "")]:
        table.add_row(*map(escape, line))
    console.print(table)


def _number(value: float) -> str:
    return f"{value:.3f}" if isinstance(value, float) else f"{value:,}"


def _show_lines(lines: dict[str, Any], role: str, console: Console) -> None:
    title = f"\ntemplate lines: what the {role} says most ({lines['used']} of {lines['lines']} lines used)"
    console.print(title, style="bold", highlight=False)
    table = new_table(console)
    for column in ("share", "line", "text"):
        table.add_column(column, overflow="fold")
    for line in lines["most_used"]:
        table.add_row(shown(line["share"], "percent"), escape(line["line"]), escape(line["text"][:80]))
    console.print(table)
    unused = lines["unused"]
    console.print(f"{len(lines['overused'])} lines above 1%; {len(unused)} never used", highlight=False)
    for line in unused[:_FIRST]:
        console.print(f"  never used: {line['line']}: {line['text'][:90]}", highlight=False, markup=False)
    if len(unused) > _FIRST:
        console.print(f"  … {len(unused) - _FIRST} more in report.json", highlight=False)
