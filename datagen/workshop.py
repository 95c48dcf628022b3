"""One row, from plan to bytes: what a worker needs to make any row of a dataset on its own."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import orjson

from datagen.errors import PackError, Problem
from datagen.fingerprint import dataset_fingerprint
from datagen.pack import Pack, load_pack
from datagen.phrasebook import Phrasebook
from datagen.planner import Planner
from datagen.renderer import Renderer, Row
from datagen.schedule import Task
from datagen.situations import broken_rules
from datagen.toolbox import Toolbox
from validators.diversity import Likeness, likeness, masked, name_words

SPEAKERS = ("user", "assistant")
SHORT_UTTERANCE = 3
"""Words up to which an utterance ("sim", "bom dia") belongs to everybody."""

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
        for again in range(attempt * MOST_ATTEMPTS, (attempt + 1) * MOST_ATTEMPTS):
            seed = f"{self.settings.seed}:{flow.chance}:{task.number}" + (f":{again}" if again else "")
            plan = self.planner.plan(Random(f"{seed}:plan"), Random(f"{seed}:people"), flow, task.split, task.unseen)
            if task.split == "test_unseen" and task.unseen and not self.planner.is_unseen(plan):
                continue
            row = self.renderer.render(plan, row_id, Random(f"{seed}:words"), Random(f"{seed}:noise"))
            if row.held_out or not task.unseen or plan.split == "test_unseen":
                break
        else:
            message = f"gave no conversation for {task.split} in {MOST_ATTEMPTS} draws"
            fix = "write more wordings for its `user:` steps, or name it in splits.unseen_flows"
            raise PackError(Problem(flow.place, message, fix))
        provenance = {
            "id": row.id,
            "split": task.split,
            "phrasing": "unseen" if row.held_out or task.split == "test_unseen" else "seen",
            "flow": flow.id,
            "code": flow.code,
            "group": f"{flow.contrast}:{task.number}" if flow.contrast else None,
            "context": plan.context,
            "seed": seed,
            "fictional": True,
            **plan.summary(),
            "lines": row.lines,
            "before_noise": row.before_noise,
            "register": row.habits[0],
            "noise": row.habits[1:],
        }
        return row, provenance


@dataclass(frozen=True)
class Made:
    """A row on its way to its file."""

    row: bytes
    provenance: bytes
    words: bytes
    """Hash of what is said and done: rows with equal hashes are duplicates."""
    likeness: Likeness
    """Of the words before noise, without numbers and names."""
    utterances: frozenset[int] = frozenset()
    """crc32 of each longer thing that the customer says, masked."""
    course: int = 0
    """crc32 of the acts of its plan."""
    broken: tuple[str, ...] = ()
    """Rules of its code (edge cases) that the row does not keep."""


def made(workshop: Workshop, task: Task, row_id: str, attempt: int = 0) -> Made:
    """The row of `task` as bytes, with what duplicates are found by."""
    row, provenance = workshop.make(task, row_id, attempt)
    said = [[m["role"], m["content"], _called(m)] for m in row.messages if m["role"] != "system"]
    words = hashlib.sha256(orjson.dumps(said)).digest()[:16]
    flow = workshop.pack.flows[task.flow]
    broken = broken_rules(flow, workshop.pack, row.messages, provenance["acts"])
    turns = masked_turns(row.data(), provenance)
    utterances = [text for role, text in turns if role == "user" and len(text.split()) > SHORT_UTTERANCE]
    return Made(
        orjson.dumps(row.data()),
        orjson.dumps(provenance),
        words,
        likeness(" ".join(text for _, text in turns)),
        frozenset(zlib.crc32(text.encode()) for text in utterances),
        zlib.crc32(" ".join(provenance["acts"]).encode()),
        tuple(broken),
    )


def _called(message: dict[str, Any]) -> list[Any]:
    return [call["function"] for call in message.get("tool_calls", ())]


def masked_texts(row: dict[str, Any], provenance: dict[str, Any], roles: tuple[str, ...] = SPEAKERS) -> Iterator[str]:
    """What `roles` say in a row, before noise, with numbers and people's names masked."""
    return (text for role, text in masked_turns(row, provenance) if role in roles)


def masked_turns(row: dict[str, Any], provenance: dict[str, Any]) -> list[tuple[str, str]]:
    """(role, text) of everything that is said in a row, before noise, with numbers and people's names masked."""
    names = name_words(person["name"] for person in provenance["people"].values())
    pairs = zip(row["messages"], provenance["before_noise"], strict=True)
    return [
        (message["role"], masked(before if before is not None else message["content"], names))
        for message, before in pairs
        if message["role"] in SPEAKERS and message["content"] is not None
    ]
