"""The dataset's files as a config names them: are they there, are they what was judged, does the longest row fit?

Reads bytes, not tokens: no tokenizer is at hand here, so lengths are cautious estimates and say so.

    python -m axolotl_configs preflight axolotl_configs/cpu_smoke.yaml --data data/unimed_natal
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from axolotl_configs.errors import ConfigError
from axolotl_configs.files import sha256_of
from axolotl_configs.problem import Config, Place, Problem, amber, datasets_of, green, number, red

CHARACTERS_PER_TOKEN = 2.0
"""Cautious: Portuguese has about 3 to a token, the digits of a CPF 1, and JSON counts its quotes here."""
CHARACTERS_AT_MOST = 6.0
"""No text of this kind has more characters to a token, so a row longer than that certainly does not fit."""
DEFAULT_LENGTH = 512
"""Axolotl's `sequence_len` where a config has none."""


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


def check_files(config: Config) -> Iterator[Problem]:
    """Check every file that the config names; a file without a red problem gets a green word."""
    files = data_files(config)
    looked_at = {place for place, _ in files}
    for place, entry in datasets_of(config):
        if (*place, "path") not in looked_at:
            message = f"`{entry.get('path')}` is no local file; it was not looked at"
            yield amber((*place, "path"), message, "name a JSONL file")
    for place, path in files:
        problems = list(_check_file(place, path, config))
        yield from problems
        if all(problem.level != "red" for problem in problems):
            _, characters = _longest(path)
            tokens = f"the longest has at most {characters / CHARACTERS_PER_TOKEN:,.0f} tokens (an estimate)"
            yield green(place, f"{path}: {_count(path):,} rows, {tokens}")


def _check_file(place: Place, path: Path, config: Config) -> Iterator[Problem]:
    render = "run `make dataset`, or name the folder of your dataset (OUT=…, --data …)"
    if not path.is_file():
        yield red(place, f"{path} is not there", render)
        return
    if path.stat().st_size == 0:
        yield red(place, f"{path} is empty", render)
        return
    if (wrong := _first_row_problem(path)) is not None:
        yield red(place, f"{path}:1: {wrong}", f"see `make check DATA={path}`")
    yield from _check_manifest(place, path)
    yield from _check_length(place, path, number(config.get("sequence_len")) or DEFAULT_LENGTH)


def _first_row_problem(path: Path) -> str | None:
    """Say why the first line is no row; the rest is the business of `make check`."""
    with path.open("rb") as stream:
        line = stream.readline()
    try:
        row = json.loads(line)
    except ValueError as error:  # broken JSON and broken UTF-8 alike
        return f"not JSON ({error})"
    if not isinstance(row, dict) or not isinstance(row.get("messages"), list):
        return "not a row: it has no list of `messages`"
    return None


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


def _check_length(place: Place, path: Path, limit: float) -> Iterator[Problem]:
    line, characters = _longest(path)
    upper, lower = characters / CHARACTERS_PER_TOKEN, characters / CHARACTERS_AT_MOST
    if lower > limit:
        message = f"{path}:{line}: at least {lower:,.0f} tokens, but sequence_len is {limit:,.0f}"
        yield red(place, message, "raise `sequence_len`, or shorten the row: Axolotl would stop at it")
    elif upper > limit:
        message = f"{path}:{line}: the longest row may have up to {upper:,.0f} tokens (an estimate) of {limit:,.0f}"
        yield amber(place, message, "if training stops at this row, raise `sequence_len`")


def _longest(path: Path) -> tuple[int, int]:
    """Find the line with the most bytes and count its characters."""
    longest, number_of, size = b"", 0, 0
    with path.open("rb") as stream:
        for index, line in enumerate(stream, start=1):
            if len(line) > size:
                longest, number_of, size = line, index, len(line)
    return number_of, len(longest.decode("utf-8", errors="replace").strip())


def _count(path: Path) -> int:
    with path.open("rb") as stream:
        return sum(1 for line in stream if line.strip())
