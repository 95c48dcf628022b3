"""Compares two datasets, as after an edit of the templates: figures, counts, rows and template lines gone or new.

    python -m datagen diff data/before data/unimed_natal

Prints only; exit code 0 whatever the difference is.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from rich.console import Console

from datagen.dataset import Dataset, read_dataset
from datagen.figures import conversation, measure
from datagen.measures import MEASURES, Measure, shown
from datagen.pack import find_pack, load_pack
from datagen.report import new_table, plain_unless_terminal

_LISTED = 20
"""Lines and flows of which no more are printed."""
_COUNTED = ("category", "context", "flow")


def diff(one: Path, other: Path, packs: Path, console: Console) -> None:
    """Print how the dataset in `other` differs from that in `one`. Raises PackError where either is none."""
    before, after = read_dataset(one), read_dataset(other)
    found = diff_of(before, after, packs)
    console = plain_unless_terminal(console)
    _show_figures(found["figures"], console)
    for name in _COUNTED:
        _show_counts(name, found["counts"][name], console)
    for name in ("gone", "new"):
        lines = found["lines"][name]
        console.print(f"\ntemplate lines {name}: {len(lines)}", style="bold")
        for place, text in lines[:_LISTED]:
            console.print(f"  {place}: {text[:100]}", highlight=False, markup=False)
        if len(lines) > _LISTED:
            console.print(f"  … {len(lines) - _LISTED} more", highlight=False)
    rows = found["rows"]
    only = f"{rows['first']} only in {one}, {rows['second']} only in {other}"
    console.print(f"\nrows by their words: {rows['both']} in both, {only}", highlight=False, markup=False)


def diff_of(before: Dataset, after: Dataset, packs: Path) -> dict[str, Any]:
    """The comparison as plain data; each pair is (before, after)."""
    values = [_values(dataset, packs) for dataset in (before, after)]
    words = [Counter(map(conversation, dataset.rows)) for dataset in (before, after)]
    both = (words[0] & words[1]).total()
    return {
        "figures": {line.name: (values[0][line.name], values[1][line.name]) for line in MEASURES},
        "counts": {name: _changed(_counts(before, name), _counts(after, name)) for name in _COUNTED},
        "rows": {"both": both, "first": words[0].total() - both, "second": words[1].total() - both},
        "lines": {"gone": lines_missing(before, after), "new": lines_missing(after, before)},
    }


def _values(dataset: Dataset, packs: Path) -> dict[str, float]:
    return measure(dataset, load_pack(find_pack(dataset.manifest["pack"], packs)))


def _counts(dataset: Dataset, name: str) -> Counter[str]:
    if name == "category":
        return Counter(row["category"] for row in dataset.rows)
    return Counter(made[name] for made in dataset.provenance)


def _changed(before: Counter[str], after: Counter[str]) -> dict[str, tuple[int, int]]:
    return {name: (before[name], after[name]) for name in sorted({*before, *after})}


def lines_missing(one: Dataset, other: Dataset) -> list[tuple[str, str]]:
    """The template lines that `one` uses and `other` does not, each with one of the texts that it gave.

    Of the same templates a line is known by its place; of edited ones, where places move, by the words that it gives:
    it is missing when the other dataset says nothing out of the same file that is much like them.
    """
    lines, others = _said(one), _said(other)
    if one.manifest["pack_sha256"] == other.manifest["pack_sha256"]:
        return [(place, min(texts)) for place, texts in lines.items() if place not in others]
    known: dict[str, set[str]] = {}
    for place, texts in others.items():
        known.setdefault(_file(place), set()).update(texts)
    heard = {file: [frozenset(text.split()) for text in texts] for file, texts in known.items()}
    fresh = [(place, min(texts)) for place, texts in lines.items() if not texts & known.get(_file(place), set())]
    return [(place, text) for place, text in fresh if not _like_one_of(text, heard.get(_file(place), []))]


def _file(place: str) -> str:
    return place.rpartition(":")[0]


def _like_one_of(text: str, others: list[frozenset[str]]) -> bool:
    """Whether another text has at least half of the words of both: the same line with other slots."""
    words = frozenset(text.split())
    return any(2 * len(words & other) >= len(words | other) for other in others)


def _said(dataset: Dataset) -> dict[str, set[str]]:
    """Template line → the masked texts that it gave."""
    said: dict[str, set[str]] = {}
    for at, (row, made) in enumerate(dataset.pairs()):
        turns = {role: iter(texts[at]) for role, texts in dataset.masked.items()}
        for message, place in zip(row["messages"], made["lines"], strict=True):
            if message["role"] in turns and message["content"] is not None:
                said.setdefault(place, set()).add(next(turns[message["role"]]))
    return dict(sorted(said.items()))


# ---------------------------------------------------------------------- as text


def _show_figures(figures: dict[str, tuple[float, float]], console: Console) -> None:
    console.print("figures", style="bold")
    table = new_table(console)
    for name in ("figure", "A", "B", "gate", ""):
        table.add_column(name, justify="left" if name == "figure" else "right")
    for line in MEASURES:
        before, after = figures[line.name]
        gate = "–" if line.gate is None else shown(line.gate, line.form)
        table.add_row(line.text, shown(before, line.form), shown(after, line.form), gate, _verdict(line, before, after))
    console.print(table)


def _verdict(line: Measure, before: float, after: float) -> str:
    if before == after:
        return ""
    if line.within(after, line.gate) != line.within(before, line.gate):
        return "passes now" if line.within(after, line.gate) else "FAILS NOW"
    return "better" if (after < before) == line.low else "worse"


def _show_counts(name: str, counts: dict[str, tuple[int, int]], console: Console) -> None:
    """All categories and contexts; of flows those that differ most."""
    console.print(f"\nrows by {name}", style="bold")
    table = new_table(console)
    for column in (name, "A", "B", "difference"):
        table.add_column(column, justify="left" if column == name else "right")
    by_difference = sorted(counts.items(), key=lambda item: -abs(item[1][1] - item[1][0]))
    listed = [(key, pair) for key, pair in by_difference if name != "flow" or pair[0] != pair[1]]
    for key, (before, after) in listed[:_LISTED]:
        table.add_row(key, str(before), str(after), f"{after - before:+d}")
    if len(listed) > _LISTED:
        table.add_row(f"… {len(listed) - _LISTED} more", "", "", "")
    console.print(table)
