"""Renders a dataset, has it judged, and publishes it in one step: there is the old dataset or the new one, never half.

    python -m datagen render --pack unimed_natal --rows 12000 --seed 7 --out data/unimed_natal

`OUT` becomes a link to a folder beside it (`.unimed_natal.<fingerprint>`): moving the link is atomic, so a kill at any
moment leaves the dataset that was there before. The files:

    train.jsonl eval.jsonl test.jsonl   rows
    rejected.jsonl                      duplicates that were drawn and left out, with the row they repeat
    provenance.jsonl                    per row: flow, plan, template lines, the user's text before noise
    manifest.json                       seed, fingerprints, counts, sha256 of each file, versions
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any

import orjson
from rich.console import Console
from rich.progress import track
from validators.check import Report, check_files

from datagen.errors import PackError, Problem
from datagen.fingerprint import dataset_fingerprint, file_hash, pack_hash
from datagen.lint import lint
from datagen.pack import Pack, load_pack
from datagen.phrasebook import Phrasebook
from datagen.planner import Planner
from datagen.renderer import Renderer, Row
from datagen.schedule import Task, schedule
from datagen.toolbox import Toolbox

SPLITS = ("train", "eval", "test")
GUIDE_MINIMUMS = {"min_rows": 10_000, "min_each": 500, "min_calls": 1_000, "min_edge": 200}
"""The user's quotas for train.jsonl; they hold from `GUIDE_ROWS` rows on."""
GUIDE_ROWS = 12_000
_ATTEMPTS = 300
_CHUNK = 200


class JudgedBad(Exception):
    """Rendered rows have findings: a bug of a template. Carries the lines to print."""


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
        for again in range(attempt, attempt + _ATTEMPTS):
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
class _Made:
    """A row on its way to its file."""

    row: bytes
    provenance: bytes
    words: bytes
    """Hash of what is said and done: rows with equal hashes are duplicates."""


def _made(row: Row, provenance: dict[str, Any]) -> _Made:
    said = [[m["role"], m["content"], _called(m)] for m in row.messages if m["role"] != "system"]
    words = hashlib.sha256(orjson.dumps(said)).digest()[:16]
    return _Made(orjson.dumps(row.data()), orjson.dumps(provenance), words)


def _called(message: dict[str, Any]) -> list[Any]:
    return [call["function"] for call in message.get("tool_calls", ())]


_workshop: Workshop | None = None
"""Set before the pool forks, so that every worker has the pack already."""


def _make_chunk(chunk: list[tuple[str, Task]]) -> list[_Made]:
    return [_made(*_workshop.make(task, row_id)) for row_id, task in chunk]


def is_current(settings: Settings) -> bool:
    """Whether OUT holds exactly what `settings` would render, byte for byte."""
    manifest = read_manifest(settings.out)
    if not manifest or manifest.get("fingerprint") != settings.fingerprint():
        return False
    files = manifest["files"]
    return all(
        (settings.out / name).is_file() and file_hash(settings.out / name) == files[name]["sha256"] for name in files
    )


def read_manifest(out: Path) -> dict[str, Any] | None:
    """The manifest of a dataset, None where there is none that can be read."""
    try:
        return orjson.loads((out / "manifest.json").read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None


def render(settings: Settings, console: Console) -> dict[str, Any]:
    """Make, judge and publish the dataset; returns its manifest.

    Raises PackError (the pack or the folder is wrong) or JudgedBad (a template is wrong); then nothing has changed.
    """
    global _workshop
    _check_target(settings.out)
    pack = load_pack(settings.pack)
    problems, _ = lint(pack, settings.allow_unconfirmed)
    if problems:
        raise PackError(*problems)
    _workshop = Workshop(settings)
    tasks = schedule(pack, _workshop.book, _workshop.planner.facts, settings.rows, settings.seed)
    folder = settings.out.parent / f".{settings.out.name}.{settings.fingerprint()[:12]}.{os.getpid()}"
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        problem = f"cannot write here: {error.strerror}"
        raise PackError(Problem(str(settings.out.parent), problem, "choose another OUT=")) from None
    try:
        counts = _write_rows(folder, tasks, settings, console)
        report = _judge(folder, settings)
        if report.findings:
            raise JudgedBad(*_explain(report, folder))
        manifest = _manifest(folder, settings, counts, report)
        (folder / "manifest.json").write_bytes(orjson.dumps(manifest, option=orjson.OPT_INDENT_2) + b"\n")
        _publish(folder, settings.out)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise PackError(Problem(str(settings.out), f"cannot write: {error.strerror}", "free some disk space")) from None
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return manifest


def _check_target(out: Path) -> None:
    ours = _is_ours(out, out.readlink().name) if out.is_symlink() else out.is_dir() and not any(out.iterdir())
    if not ours and (out.exists() or out.is_symlink()):
        message = "is there already and was not made by this command"
        raise PackError(Problem(str(out), message, "choose another OUT=, or move it away"))


def _is_ours(out: Path, name: str) -> bool:
    """Whether `name` is that of a folder which a run for `out` made: .<name>.<fingerprint>.<process id>."""
    return re.fullmatch(rf"\.{re.escape(out.name)}\.[0-9a-f]{{12}}\.\d+", name) is not None


def _write_rows(folder: Path, tasks: list[Task], settings: Settings, console: Console) -> dict[str, Counter]:
    name = settings.pack.name
    numbered = [(f"{name}-{number:06d}", task) for number, task in enumerate(tasks)]
    seen: dict[bytes, str] = {}
    counts: dict[str, Counter] = {split: Counter() for split in (*SPLITS, "rejected", "provenance")}
    with ExitStack() as stack:
        files = {split: stack.enter_context((folder / f"{split}.jsonl").open("wb")) for split in counts}
        made = stack.enter_context(_pool(numbered, settings.workers))
        progress = track(made, "rendering", len(tasks), console=console, disable=not console.is_terminal)
        for (row_id, task), item in zip(numbered, progress, strict=True):
            attempt = 0
            while item.words in seen:
                attempt += 1
                files["rejected"].write(_rejected(item, seen[item.words]))
                counts["rejected"]["duplicate"] += 1
                if attempt > _ATTEMPTS:
                    flow = _workshop.pack.flows[task.flow]
                    message = f"gave only repetitions in {_ATTEMPTS} draws"
                    raise PackError(Problem(flow.place, message, "write more wordings, or lower ROWS"))
                item = _made(*_workshop.make(task, row_id, attempt))
            seen[item.words] = row_id
            files[task.split].write(item.row + b"\n")
            files["provenance"].write(item.provenance + b"\n")
            counts[task.split][_workshop.pack.flows[task.flow].category] += 1
    return counts


class _pool:
    """Rows in order, made by as many processes as there are cores."""

    def __init__(self, numbered: list[tuple[str, Task]], workers: int) -> None:
        self._chunks = [numbered[at : at + _CHUNK] for at in range(0, len(numbered), _CHUNK)]
        self._workers = min(workers or os.cpu_count() or 1, len(self._chunks))
        self._executor: ProcessPoolExecutor | None = None

    def __enter__(self) -> Iterator[_Made]:
        if self._workers > 1:
            self._executor = ProcessPoolExecutor(
                self._workers, mp_context=get_context("fork"), initializer=_leave_signals_to_the_parent
            )
            self._executor.submit(int)  # forks all workers now, before the progress bar starts its thread
            return (made for chunk in self._in_order(self._executor) for made in chunk)
        return (made for chunk in self._chunks for made in _make_chunk(chunk))

    def _in_order(self, executor: ProcessPoolExecutor) -> Iterator[list[_Made]]:
        """Results in the order of the chunks, with only a few chunks under way: memory does not grow with rows."""
        waiting = []
        for chunk in self._chunks:
            waiting.append(executor.submit(_make_chunk, chunk))
            if len(waiting) > 4 * self._workers:
                yield waiting.pop(0).result()
        for future in waiting:
            yield future.result()

    def __exit__(self, *error: object) -> None:
        if self._executor:
            self._executor.shutdown(cancel_futures=True)


def _leave_signals_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _rejected(item: _Made, first: str) -> bytes:
    return orjson.dumps({"reason": "duplicate", "of": first, "row": orjson.loads(item.row)}) + b"\n"


def _judge(folder: Path, settings: Settings) -> Report:
    minimums = GUIDE_MINIMUMS if settings.rows >= GUIDE_ROWS else {}
    paths = [folder / f"{split}.jsonl" for split in SPLITS]
    return check_files([path for path in paths if path.stat().st_size], minimums=minimums)


def _explain(report: Report, folder: Path) -> Iterator[str]:
    """Each finding with the template line that caused it."""
    lines: dict[str, list[str]] = {}
    wanted = {finding.row_id for finding in report.findings}
    with (folder / "provenance.jsonl").open("rb") as file:
        for text in file:
            provenance = orjson.loads(text)
            if provenance["id"] in wanted:
                lines[provenance["id"]] = provenance["lines"]
    for finding in report.findings:
        yield f"{_template_line(finding, lines)}: {finding.row_id}: {finding.code} {finding.message}"


def _template_line(finding: Any, lines: dict[str, list[str]]) -> str:
    _, _, rest = finding.path.partition("messages[")
    number = rest.partition("]")[0]
    places = lines.get(finding.row_id)
    return places[int(number)] if places and number.isdigit() and int(number) < len(places) else finding.path


def _manifest(folder: Path, settings: Settings, counts: dict[str, Counter], report: Report) -> dict[str, Any]:
    files = sorted(path for path in folder.iterdir() if path.suffix == ".jsonl")
    return {
        "pack": settings.pack.name,
        "rows": settings.rows,
        "seed": settings.seed,
        "fingerprint": settings.fingerprint(),
        "pack_sha256": pack_hash(settings.pack),
        "counts": {split: dict(sorted(counts[split].items())) for split in SPLITS},
        "rejected": counts["rejected"]["duplicate"],
        "judged": report.summary,
        "files": {
            path.name: {"rows": _lines(path), "bytes": path.stat().st_size, "sha256": file_hash(path)} for path in files
        },
        "versions": {name: version(name) for name in ("jinja2", "pydantic", "orjson", "jsonschema-rs")}
        | {"python": platform.python_version()},
    }


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in file)


def _publish(folder: Path, out: Path) -> None:
    """Move the link `out` to `folder`, then delete what it pointed to before and what killed runs left behind."""
    if out.is_dir() and not out.is_symlink():
        out.rmdir()
    link = out.parent / f".{out.name}.link.{os.getpid()}"
    link.symlink_to(folder.name)
    link.replace(out)
    for stale in out.parent.iterdir():
        if _is_ours(out, stale.name) and stale.name != folder.name and not _alive(stale):
            shutil.rmtree(stale, ignore_errors=True)


def _alive(folder: Path) -> bool:
    """Whether another run is still writing into `folder` (its name ends with the process id)."""
    process = int(folder.suffix.removeprefix("."))
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return process != os.getpid()


def summary_lines(manifest: dict[str, Any], out: Path) -> Iterator[str]:
    """What a person wants to know of a dataset."""
    train = manifest["counts"]["train"]
    total = sum(train.values())
    yield f"{out}: train {total}, eval {manifest['files']['eval.jsonl']['rows']}, " + (
        f"test {manifest['files']['test.jsonl']['rows']} rows; {manifest['rejected']} duplicates left out"
    )
    yield "train: " + ", ".join(f"{category} {count}" for category, count in train.items())
    if manifest["rows"] < GUIDE_ROWS:
        yield f"the guide's quotas (10,000 conversations and more) hold from ROWS={GUIDE_ROWS} on"


def die_of_signal(number: int, frame: object) -> None:
    """SIGTERM ends the build like Ctrl-C, so that nothing is left behind."""
    sys.exit(128 + number)
