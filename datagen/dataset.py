"""A rendered dataset read back: its rows, how each came about, its manifest. What report, diff and card look at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson

from datagen.errors import PackError, Problem
from datagen.fingerprint import file_hash
from datagen.workshop import masked_texts
from datagen.writer import SPLITS, read_manifest

Row = dict[str, Any]


@dataclass(frozen=True)
class Dataset:
    """All rows of all splits, in the order of the files; `provenance` stands in the same order."""

    out: Path
    manifest: dict[str, Any]
    rows: list[Row]
    provenance: list[Row]

    @cached_property
    def masked(self) -> dict[str, list[list[str]]]:
        """Role → per row what that role says, before noise, with numbers and names masked."""
        pairs = list(zip(self.rows, self.provenance, strict=True))
        return {role: [list(masked_texts(row, made, (role,))) for row, made in pairs] for role in ("user", "assistant")}

    @cached_property
    def conversations(self) -> list[str]:
        """Per row the masked words of both speakers as one text."""
        pairs = zip(self.masked["user"], self.masked["assistant"], self.rows, strict=True)
        return [" ".join(_in_turn(iter(user), iter(assistant), row)) for user, assistant, row in pairs]

    def raw(self, role: str) -> list[str]:
        """What `role` says in all rows, as it stands there."""
        return [m["content"] for row in self.rows for m in row["messages"] if m["role"] == role and m["content"]]

    def pairs(self, split: str | None = None) -> Iterator[tuple[Row, Row]]:
        """Rows with their provenance, of one split or of all."""
        for row, made in zip(self.rows, self.provenance, strict=True):
            if split in (None, made["split"]):
                yield row, made

    @cached_property
    def edited(self) -> list[str]:
        """Files that are no longer what the manifest says."""
        files = self.manifest["files"].items()
        return [name for name, file in files if file_hash(self.out / name) != file["sha256"]]


def _in_turn(user: Iterator[str], assistant: Iterator[str], row: Row) -> Iterator[str]:
    for message in row["messages"]:
        if message["content"] is not None and message["role"] in ("user", "assistant"):
            yield next(user if message["role"] == "user" else assistant)


def read_dataset(out: Path) -> Dataset:
    """The dataset in folder `out`. Raises PackError where there is none, or where rows and side-car do not fit."""
    manifest = read_manifest(out)
    if not manifest or not isinstance(manifest.get("files"), dict):
        fix = "make it with `make dataset`, or name another folder (OUT=, of a diff A= and B=)"
        raise PackError(Problem(str(out), "there is no dataset here", fix))
    made = {line["id"]: line for line in _lines(out / "provenance.jsonl")}
    rows = [row for split in SPLITS for row in _lines(out / f"{split}.jsonl")]
    strangers = [row["id"] for row in rows if row["id"] not in made]
    if strangers or not rows:
        what = f"row {strangers[0]} is not in provenance.jsonl" if strangers else "there are no rows"
        raise PackError(Problem(str(out), what, "render the dataset again: `make dataset`"))
    return Dataset(out, manifest, rows, [made[row["id"]] for row in rows])


def _lines(path: Path) -> Iterator[Row]:
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                row = orjson.loads(line)
                if not isinstance(row, dict) or "id" not in row:
                    raise PackError(Problem(f"{path}:{number}", "is no row", "render the dataset again"))
                yield row
    except orjson.JSONDecodeError as error:
        raise PackError(Problem(f"{path}:{number}", f"no valid JSON: {error}", "render the dataset again")) from None
    except OSError as error:
        raise PackError(Problem(str(path), f"cannot be read: {error.strerror}", "render the dataset again")) from None
