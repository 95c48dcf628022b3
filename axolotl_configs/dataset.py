"""The dataset's files as a config names them: are they there, judged, and read rightly by the trainer?

Lengths are exact where somebody counted them (see lengths.py), and else cautious estimates that say so.

    python -m axolotl_configs preflight axolotl_configs/cpu_smoke.yaml --data data/unimed_natal
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from axolotl_configs.errors import ConfigError
from axolotl_configs.files import sha256_of
from axolotl_configs.lengths import LENGTHS_FILE, VERDICT_FILE, Lengths, first_rows, lengths_of, read_beside
from axolotl_configs.problem import Config, Place, Problem, amber, datasets_of, green, number, red
from axolotl_configs.rowscan import Scan, scan

CERTAINLY = 1.2
"""Times sequence_len: a row estimated above that does not fit, whatever the tokenizer says."""
DEFAULT_LENGTH = 512
"""Axolotl's `sequence_len` where a config has none."""


RENDER = "run `make dataset`, or name the folder of your dataset (OUT=…, --data …)"


@dataclass(frozen=True)
class Surveyed:
    """A file of rows that was read once for all checks; `scan` and `lengths` are None where it cannot be."""

    place: Place
    path: Path
    entry: Config
    """The block of the config that names it."""
    scan: Scan | None = None
    lengths: Lengths | None = None

    @property
    def trains(self) -> bool:
        """Whether it is trained on, not evaluated."""
        return self.place[0] == "datasets"


def survey(config: Config) -> list[Surveyed]:
    """Read every local file of a config, as far as its `split` reaches."""
    found = []
    for place, path in data_files(config):
        entry = config[str(place[0])][place[1]]
        if not path.is_file() or path.stat().st_size == 0:
            found.append(Surveyed(place, path, entry))
            continue
        first = first_rows(entry.get("split"))
        key = entry.get("field_messages")
        per_turn = bool(entry.get("message_field_training"))
        rows = scan(path, first=first, messages_key=key if isinstance(key, str) else "messages", per_turn=per_turn)
        found.append(Surveyed(place, path, entry, rows, lengths_of(path, rows, first)))
    return found


def data_files(config: Config) -> list[tuple[Place, Path]]:
    """List the local files of `datasets` and `test_datasets`, with their places in the config."""
    found = []
    for place, entry in datasets_of(config):
        path = entry.get("path")
        if isinstance(path, str) and (path.endswith((".jsonl", ".json")) or Path(path).exists()):
            found.append(((*place, "path"), Path(path)))
    return found


def move_data(config: Config, folder: Path) -> Config:
    """Copy a config with its train, eval and test files taken from another folder."""
    names = ("train.jsonl", "eval.jsonl", "test.jsonl")
    moved = dict(config)
    count = 0
    for key in ("datasets", "test_datasets"):
        if not isinstance(config.get(key), list):
            continue
        moved[key] = [dict(entry) if isinstance(entry, dict) else entry for entry in config[key]]
        for entry in moved[key]:
            if isinstance(entry, dict) and Path(str(entry.get("path"))).name in names:
                entry["path"] = (folder / Path(entry["path"]).name).as_posix()
                count += 1
    if not count:
        raise ConfigError(
            f"{folder}: the config names no train.jsonl or eval.jsonl that could be taken from there.\n"
            "    fix: leave the folder out, or call the files of `datasets` and `test_datasets` so"
        )
    return moved


def check_files(config: Config, surveyed: list[Surveyed]) -> Iterator[Problem]:
    """Check every file that the config names; a file without a red problem gets a green word."""
    looked_at = {file.place for file in surveyed}
    for place, entry in datasets_of(config):
        if (*place, "path") not in looked_at:
            message = f"`{entry.get('path')}` is no local file; it was not looked at"
            yield amber((*place, "path"), message, "name a JSONL file")
    limit = number(config.get("sequence_len")) or DEFAULT_LENGTH
    for file in surveyed:
        problems = list(_check_file(file, limit))
        yield from problems
        if file.lengths and all(problem.level != "red" for problem in problems):
            longest = max(file.lengths.tokens, default=0)
            yield green(
                file.place,
                f"{file.path}: {len(file.lengths.tokens):,} rows, none longer than "
                f"{max(file.lengths.at_most, default=0):,.0f} tokens (the longest about {longest:,.0f}, "
                f"{file.lengths.said}) of {limit:,.0f}",
            )


def _check_file(file: Surveyed, limit: float) -> Iterator[Problem]:
    place, path = file.place, file.path
    if not path.is_file():
        yield red(place, f"{path} is not there", RENDER)
    elif file.scan is None or file.lengths is None:
        yield red(place, f"{path} is empty", RENDER)
    else:
        yield from _check_rows(file.place, path, file.scan)
        yield from _check_manifest(place, path)
        yield from _check_verdict(place, path)
        if file.lengths.stale:
            fix = f"delete {LENGTHS_FILE}, or count again with `python -m axolotl_configs lengths`"
            yield red(place, f"stale lengths: {file.lengths.stale}", fix)
        yield from _check_length(file, limit)


def _check_rows(place: Place, path: Path, rows: Scan) -> Iterator[Problem]:
    """Say which rows the trainer would damage or crash on: the first of each kind, and how many there are."""
    seen = set()
    for damage in rows.damages:
        if damage.code not in seen:
            seen.add(damage.code)
            more = rows.counts[damage.code] - 1
            also = f", and {more:,} more of the kind" if more else ""
            yield red(place, f"{path}:{damage.line}: {damage.message}{also}", damage.fix)


def _check_manifest(place: Place, path: Path) -> Iterator[Problem]:
    manifest = path.with_name("manifest.json")
    if not manifest.is_file():
        message = f"{path}: no manifest.json beside it, so nobody knows whether it was judged"
        yield amber(place, message, f"run `make check DATA={path}`")
        return
    try:
        files: dict[str, Any] = json.loads(manifest.read_text(encoding="utf-8"))["files"]
        recorded = files.get(path.name, {}).get("sha256")
    except (ValueError, KeyError, TypeError, AttributeError):
        yield red(place, f"{manifest} cannot be understood", "run `make dataset` again")
        return
    if recorded is None:
        yield amber(place, f"{path} is not in manifest.json beside it", f"run `make check DATA={path}`")
    elif recorded != sha256_of(path):
        message = f"{path} was changed after `make dataset` had judged it"
        yield red(place, message, "run `make dataset` again, or keep your own rows in a folder without manifest.json")


def _check_verdict(place: Place, path: Path) -> Iterator[Problem]:
    """Mind the judge's verdict where one lies beside the rows: it must be about these rows, and clean."""
    verdict, wrong = read_beside(path, VERDICT_FILE)
    if wrong:
        yield red(place, f"stale verdict: {wrong}", f"run `python -m validators check --verdict {path}`")
    elif verdict and verdict.get("errors"):
        message = f"the judge found {verdict['errors']} errors in {path}"
        yield red(place, message, f"see `make check DATA={path}`")


def _check_length(file: Surveyed, limit: float) -> Iterator[Problem]:
    """Tell of rows that do not fit, before the trainer stops at one."""
    rows, lengths = file.scan, file.lengths
    worst = max(zip(lengths.at_most, lengths.tokens, rows.lines, strict=False), default=(0, 0, 0))
    if worst[0] <= limit:
        return
    if lengths.exact or worst[1] > limit * CERTAINLY:
        message = f"{file.path}:{worst[2]}: {worst[1]:,.0f} tokens ({lengths.said}), but sequence_len is {limit:,.0f}"
        yield red(file.place, message, "raise `sequence_len`, or shorten the row: Axolotl would stop at it")
    else:
        message = f"{file.path}:{worst[2]}: may have up to {worst[0]:,.0f} tokens (an estimate) of {limit:,.0f}"
        yield amber(file.place, message, "if training stops at this row, raise `sequence_len`")
