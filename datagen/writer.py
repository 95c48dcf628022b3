"""Renders a dataset, has it judged, and publishes it in one step: there is the old dataset or the new one, never half.

    python -m datagen render --pack unimed_natal --rows 12000 --seed 7 --out data/unimed_natal

The files:

    train.jsonl eval.jsonl test.jsonl   rows; half of eval and of test in wordings that train never sees
    test_unseen.jsonl                   rows in wordings, of flows and with a tool that no other split knows
    rejected.jsonl                      what was drawn and left out: repetitions, and what is much like something taken
    provenance.jsonl                    per row: flow, plan, template lines, the user's text before noise
    manifest.json                       seed, fingerprints, counts, sha256 of each file, versions
    verdict.json                        what the judge found in which rows, for the trainer's preflight
"""

from __future__ import annotations

import platform
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.progress import track

from datagen.errors import PackError, Problem
from datagen.fingerprint import file_hash, pack_hash
from datagen.lint import lint
from datagen.pool import rows_in_order
from datagen.publish import check_target, new_folder, publish
from datagen.schedule import Task, schedule
from datagen.selection import Selection, units_of
from datagen.workshop import Settings, Workshop
from validators.beside import write_verdicts
from validators.check import Report, check_files
from validators.check import Settings as JudgeSettings
from validators.corpus import Minimums
from validators.finding import UsageError
from validators.knowledge import read_pack
from validators.profiles import selection

SPLITS = ("train", "eval", "test", "test_unseen")
Counts = dict[str, Counter]
GUIDE_MINIMUMS = Minimums(rows=10_000, each=500, calls=1_000, edge=200)
"""The user's quotas for train.jsonl; they hold from `GUIDE_ROWS` rows on."""
GUIDE_ROWS = 12_000


class JudgedBad(Exception):
    """Rendered rows have findings: a bug of a template. Carries the lines to print."""


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
    check_target(settings.out)
    workshop = Workshop(settings)
    problems, _ = lint(workshop.pack, settings.allow_unconfirmed, workshop.book)
    if problems:
        raise PackError(*problems)
    tasks = schedule(workshop.pack, workshop.book, workshop.planner.facts, settings.rows, settings.seed)
    folder = new_folder(settings.out, settings.fingerprint())
    try:
        counts, broken = _write_rows(folder, workshop, tasks, console)
        report = _judge(folder, settings)
        if report.findings or broken:
            raise JudgedBad(*_explain(report, folder), *broken)
        write_verdicts("rendered", report.summary["files"])
        manifest = _manifest(folder, settings, counts, report)
        (folder / "manifest.json").write_bytes(orjson.dumps(manifest, option=orjson.OPT_INDENT_2) + b"\n")
        publish(folder, settings.out)
    except (OSError, UsageError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        reason = getattr(error, "strerror", None) or error
        raise PackError(Problem(str(settings.out), f"cannot write: {reason}", "free some disk space")) from None
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return manifest


def _write_rows(folder: Path, workshop: Workshop, tasks: list[Task], console: Console) -> tuple[Counts, list[str]]:
    numbered = [(f"{workshop.settings.pack.name}-{number:06d}", task) for number, task in enumerate(tasks)]
    counts: Counts = {split: Counter() for split in (*SPLITS, "rejected", "provenance")}
    selection = Selection(workshop)
    broken: list[str] = []
    with ExitStack() as stack:
        files = {split: stack.enter_context((folder / f"{split}.jsonl").open("wb")) for split in counts}
        rows = stack.enter_context(closing(rows_in_order(workshop, numbered, workshop.settings.workers)))
        progress = track(rows, "rendering", len(tasks), console=console, disable=not console.is_terminal)
        for unit in units_of(zip(numbered, progress, strict=True)):
            for rejected in selection.settle(unit):
                files["rejected"].write(orjson.dumps(rejected) + b"\n")
                counts["rejected"][rejected["reason"]] += 1
            for row_id, task, row in unit.members():
                files[task.split].write(row.row + b"\n")
                files["provenance"].write(row.provenance + b"\n")
                counts[task.split][workshop.pack.flows[task.flow].category] += 1
                broken += [f"{workshop.pack.flows[task.flow].place}: {row_id}: {rule}" for rule in row.broken]
    return counts, broken


def _judge(folder: Path, settings: Settings) -> Report:
    minimums = GUIDE_MINIMUMS if settings.rows >= GUIDE_ROWS else None
    paths = [folder / f"{split}.jsonl" for split in SPLITS]
    # Rows of a contrast group are meant to be alike; how alike all others may be is the report's gate.
    levels = selection("rendered", ignore=["corpus.near_duplicate", "leak.near_duplicate"])
    known = JudgeSettings(levels=levels, knowledge=read_pack(settings.pack))
    return check_files(
        [path for path in paths if path.stat().st_size], minimums, workers=settings.workers, settings=known
    )


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


def _manifest(folder: Path, settings: Settings, counts: Counts, report: Report) -> dict[str, Any]:
    files = sorted(path for path in folder.iterdir() if path.suffix == ".jsonl")
    return {
        "pack": settings.pack.name,
        "rows": settings.rows,
        "seed": settings.seed,
        "fingerprint": settings.fingerprint(),
        "pack_sha256": pack_hash(settings.pack),
        "counts": {split: dict(sorted(counts[split].items())) for split in SPLITS},
        "rejected": dict(sorted(counts["rejected"].items())),
        "judged": {name: report.summary[name] for name in ("errors", "warnings", "calls", "complete_calls")},
        "files": {
            path.name: {"rows": _lines(path), "bytes": path.stat().st_size, "sha256": file_hash(path)} for path in files
        },
        "versions": {name: version(name) for name in ("jinja2", "pydantic", "orjson", "jsonschema-rs")}
        | {"python": platform.python_version()},
    }


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in file)


def summary_lines(manifest: dict[str, Any], out: Path) -> Iterator[str]:
    """What a person wants to know of a dataset."""
    train = manifest["counts"]["train"]
    sizes = ", ".join(f"{split} {manifest['files'][f'{split}.jsonl']['rows']}" for split in SPLITS)
    left_out = ", ".join(f"{count} {reason}" for reason, count in manifest["rejected"].items()) or "no duplicates"
    yield f"{out}: {sizes} rows; left out: {left_out}"
    yield "train: " + ", ".join(f"{category} {count}" for category, count in train.items())
    if manifest["rows"] < GUIDE_ROWS:
        yield f"the guide's quotas (10,000 conversations and more) hold from ROWS={GUIDE_ROWS} on"


def die_of_signal(number: int, frame: object) -> None:
    """SIGTERM ends the build like Ctrl-C, so that nothing is left behind."""
    sys.exit(128 + number)
