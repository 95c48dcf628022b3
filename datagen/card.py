"""The dataset card: README.md beside the data, for people and for `datasets.load_dataset`. `make report` writes it.

The front matter names the splits, so that the side-car files are never taken for rows. What readers found, marking rows
blind, comes from templates/<pack>/review.yaml, if there is one:

    - reader: A. Souza
      rows: 100
      defects: {unnatural: 1, wrong: 0, out_of_role: 0, wrong_act: 1, wrong_language: 0}
      note: causes mended
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from datagen.dataset import Dataset
from datagen.errors import PackError, Problem
from datagen.grammar import AuthorText, Strict
from datagen.measures import YARDSTICKS, shown
from datagen.pack import Pack
from datagen.writer import SPLITS
from datagen.yamlfile import load

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_MEANT_FOR = {
    "train": "to learn from",
    "eval": "to watch while training; half of it in wordings that train never sees",
    "test": "to examine; half of it in wordings that train never sees",
    "test_unseen": "to examine: wordings and a form of the tool's answers that no other split knows",
}


class Review(Strict):
    """What one reader found, marking rows drawn at random without knowing where they come from."""

    reader: AuthorText
    rows: Annotated[int, Field(ge=1)]
    defects: dict[AuthorText, Annotated[int, Field(ge=0)]]
    """Kind of defect → rows that have it."""
    note: AuthorText | None = None


def card(dataset: Dataset, pack: Pack, report: dict[str, Any]) -> str:
    """The text of README.md. Raises PackError where review.yaml is wrong."""
    title = str(pack.config.title)
    parts = [
        _front_matter(dataset, title),
        _what_it_is(dataset, title),
        _splits(dataset),
        _figures(report),
        _how_made(dataset, report),
        "## Read by people\n\n" + "\n".join(_read_by_people(pack)),
        _limits(pack),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _rows(dataset: Dataset) -> dict[str, int]:
    files = dataset.manifest["files"]
    return {split: files[f"{split}.jsonl"]["rows"] for split in SPLITS if files[f"{split}.jsonl"]["rows"]}


def _front_matter(dataset: Dataset, title: str) -> str:
    size = next((name for limit, name in _SIZES if len(dataset.rows) < limit), "n>1M")
    files = "".join(f"  - split: {split}\n    path: {split}.jsonl\n" for split in _rows(dataset))
    return f"""---
language:
- pt
pretty_name: "{title}: attendance"
size_categories:
- {size}
task_categories:
- text-generation
tags:
- synthetic
- conversational
- function-calling
- customer-service
configs:
- config_name: default
  data_files:
{files}---"""


def _what_it_is(dataset: Dataset, title: str) -> str:
    calls = sum(any("tool_calls" in message for message in row["messages"]) for row in dataset.rows)
    kinds = ", ".join(sorted({row["category"] for row in dataset.rows}))
    return f"""# {title}: what the attendance says

{len(dataset.rows):,} conversations in Brazilian Portuguese between customers of a health plan and its virtual
attendant, {calls:,} of them with tool calls, rendered from templates for fine-tuning a chat model. Categories:
{kinds}.

```python
from datasets import load_dataset

rows = load_dataset("{dataset.out.as_posix()}")  # exactly the splits below
```

A row is `id`, `category`, `messages` (system, user, assistant, tool) and, where the context offers tools, `tools` as a
JSON string. The arguments of a call and the tool's answers are JSON strings, too."""


_OF_THE_SPLITS = """
No CPF and no person with the same birth date stands in two splits. A contrast group (rows that differ by one edit and
demand another act) stays within one. `provenance.jsonl` tells per row how it came about: flow, plan, template lines,
register, the user's words before noise. `rejected.jsonl` holds the duplicates that were left out."""


def _splits(dataset: Dataset) -> str:
    lines = [f"| {split} | {rows:,} | {_MEANT_FOR[split]} |" for split, rows in _rows(dataset).items()]
    return "\n".join(["## Splits", "", "| split | rows | meant for |", "|---|---:|---|", *lines, _OF_THE_SPLITS])


_OF_THE_FIGURES = """Taken on the words before noise, with numbers and names masked: noise and random numbers flatter
every figure. Utterances of three words or fewer do not count as duplicates; rows of one contrast group are not held
against one another. `report.json` has the rest, raw figures included."""


def _figures(report: dict[str, Any]) -> str:
    head = ["figure", "here", "gate", "goal", *YARDSTICKS]
    lines = [_line(head), _line(["---", *["---:"] * (len(head) - 1)])]
    for figure in report["figures"]:
        form, sign = figure["form"], "≤ " if figure["low_is_good"] else "≥ "
        limits = ["–" if figure[key] is None else sign + shown(figure[key], form) for key in ("gate", "goal")]
        here = shown(figure["value"], form) + (" (misses the gate)" if "ails" in figure["verdict"].lower() else "")
        lines.append(
            _line([figure["text"], here, *limits, *(shown(figure["yardsticks"].get(y), form) for y in YARDSTICKS)])
        )
    known = [f"- {name}: {text}" for name, text in YARDSTICKS.items()]
    return "\n".join(["## Figures", "", _OF_THE_FIGURES, "", *lines, "", *known])


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _how_made(dataset: Dataset, report: dict[str, Any]) -> str:
    manifest = dataset.manifest
    groups = report["counts"]["contrast groups"]["all"]["groups"]
    codes = report["counts"]["edge codes"]["codes with a row in train"]
    left_out = ", ".join(f"{count} {reason}s" for reason, count in manifest["rejected"].items()) or "none"
    return f"""## How it was made

A planner throws the dice (what happens, what is missing or wrong, how the tool answers), a renderer finds the words, a
judge with rules checks every row; a row with a finding stops the build. {codes} edge cases, {groups} contrast groups.
Drawn and left out: {left_out}. Same pack, rows and seed give the same bytes:

```
make dataset PACK={manifest["pack"]} ROWS={manifest["rows"]} SEED={manifest["seed"]}
```

Fingerprint `{manifest["fingerprint"][:16]}`; each file's sha256 stands in `manifest.json`."""


def _read_by_people(pack: Pack) -> Iterator[str]:
    reviews = _reviews(pack)
    if not reviews:
        yield f"Nobody has marked rows of this dataset yet. Findings go into `{pack.folder.as_posix()}/review.yaml`."
        return
    yield "| reader | rows | defects per hundred | of which | |"
    yield "|---|---:|---:|---|---|"
    for review in reviews:
        defects = 100 * sum(review.defects.values()) / review.rows
        kinds = ", ".join(f"{name} {count}" for name, count in review.defects.items() if count) or "–"
        yield _line([review.reader, str(review.rows), f"{defects:.1f}", kinds, review.note or ""])


def _reviews(pack: Pack) -> list[Review]:
    path = pack.folder / "review.yaml"
    if not path.exists():
        return []
    document = load(path)
    try:
        return TypeAdapter(list[Review]).validate_python(document.data)
    except ValidationError as error:
        first = error.errors()[0]
        message = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        fix = "a list of: reader, rows, defects {kind: rows}, note"
        raise PackError(Problem(document.place(first["loc"]), message, fix)) from None


def _limits(pack: Pack) -> str:
    open_facts = sum(fact.known and not fact.confirmed for fact in pack.facts.values())
    return f"""## Limits

- Everybody in it is invented. The CPFs are random with right check digits, so one may happen to be somebody's: never
  join this data with data about real people.
- The wordings are written, not collected. They cover what their authors thought of; real transcripts will differ.
- Noise is applied to letters only; numbers are as a careful person types them, except where the row is about a mistake.
- The tool is simulated; names of fields and codes are those of `tools.yaml`.
- {open_facts} of {len(pack.facts)} facts still wait for the owner's confirmation (`make lint` lists them)."""
