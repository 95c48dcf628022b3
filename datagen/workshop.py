"""One row, from plan to bytes: what a worker needs to make any row of a dataset on its own."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import orjson

from datagen.fingerprint import dataset_fingerprint
from datagen.pack import Pack, load_pack
from datagen.phrasebook import Phrasebook
from datagen.planner import Planner
from datagen.renderer import Renderer, Row
from datagen.schedule import Task
from datagen.toolbox import Toolbox

MOST_ATTEMPTS = 300
"""Draws after which a row that must be new, or must use a held-out wording, is given up."""


@dataclass(frozen=True)
class Settings:
    """What was asked for."""

    pack: Path
    rows: int
    seed: int
    out: Path
    allow_unconfirmed: bool = False
    workers: int = 0
    """0: one per core."""

    def fingerprint(self) -> str:
        """Equal fingerprints mean equal bytes."""
        return dataset_fingerprint(self.pack, rows=self.rows, seed=self.seed, allow_unconfirmed=self.allow_unconfirmed)


class Workshop:
    """Everything that makes rows of one pack, built once per process."""

    def __init__(self, settings: Settings) -> None:
        """Load the pack. Raises PackError."""
        self.settings = settings
        self.pack: Pack = load_pack(settings.pack)
        self.book = Phrasebook(self.pack)
        toolbox = Toolbox(self.pack, self.book.env)
        self.planner = Planner(self.pack, self.book, toolbox, settings.allow_unconfirmed)
        self.renderer = Renderer(self.pack, self.book, toolbox)

    def make(self, task: Task, row_id: str, attempt: int = 0) -> tuple[Row, dict[str, Any]]:
        """The row of `task` and its provenance; a later `attempt` is another conversation of the same flow."""
        flow = self.pack.flows[task.flow]
        for again in range(attempt, attempt + MOST_ATTEMPTS):
            seed = f"{self.settings.seed}:{flow.id}:{task.number}" + (f":{again}" if again else "")
            plan = self.planner.plan(Random(f"{seed}:plan"), flow, task.split, task.unseen)
            row = self.renderer.render(plan, row_id, Random(f"{seed}:words"), Random(f"{seed}:noise"))
            if row.held_out or not task.unseen:
                break
        provenance = {
            "id": row.id,
            "split": task.split,
            "phrasing": "unseen" if row.held_out else "seen",
            "flow": flow.id,
            "code": flow.file.code and str(flow.file.code),
            "context": plan.context,
            "seed": seed,
            "fictional": True,
            **plan.summary(),
            "lines": row.lines,
            "before_noise": row.before_noise,
            "noise": row.habits,
        }
        return row, provenance


@dataclass(frozen=True)
class Made:
    """A row on its way to its file."""

    row: bytes
    provenance: bytes
    words: bytes
    """Hash of what is said and done: rows with equal hashes are duplicates."""


def made(row: Row, provenance: dict[str, Any]) -> Made:
    """The bytes of a row and of its provenance."""
    said = [[m["role"], m["content"], _called(m)] for m in row.messages if m["role"] != "system"]
    words = hashlib.sha256(orjson.dumps(said)).digest()[:16]
    return Made(orjson.dumps(row.data()), orjson.dumps(provenance), words)


def _called(message: dict[str, Any]) -> list[Any]:
    return [call["function"] for call in message.get("tool_calls", ())]
