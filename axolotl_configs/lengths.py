"""How long each row is in tokens: exactly, where somebody counted with the model's own tokenizer, or estimated.

    python -m axolotl_configs lengths --data data/unimed_natal --tokenizer path/to/tokenizer.json

counts and writes `lengths.json` beside the dataset; `make train` does so before it trains. Its form, for whoever else
writes it (the judge does): {"tokenizer": {"name", "sha256"}, "template", "files": {"train.jsonl": {"sha256", "method":
"exact", "tokens": [one a row], "trained": [one a row]}}}. A `verdict.json` beside it is read too: {"files":
{"train.jsonl": {"sha256", "errors", "warnings"}}}. Both are believed only where the hashes fit the rows that lie there
now.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from axolotl_configs import qwen25
from axolotl_configs.errors import ConfigError
from axolotl_configs.files import sha256_of, write_text
from axolotl_configs.rowscan import Scan

LENGTHS_FILE, VERDICT_FILE = "lengths.json", "verdict.json"
FIRST_ROWS = re.compile(r"\w+\[:(\d+)\]")
"""A `split` that takes only the first rows: `train[:512]`."""
NO_TOKENIZER = "no package `tokenizers` here"


@dataclass(frozen=True)
class Lengths:
    """Tokens of each row, how many of them are trained, and the most that each may have."""

    tokens: list[float]
    trained: list[float]
    at_most: list[float]
    exact: bool
    stale: str = ""
    """Why a lengths file that lies there was not believed."""

    @property
    def said(self) -> str:
        """`exact` or `estimated`, as it stands in the report."""
        return "exact" if self.exact else "estimated"


def first_rows(split: Any) -> int | None:
    """How many rows a dataset's `split` takes; None for all."""
    found = FIRST_ROWS.fullmatch(str(split).strip()) if split else None
    return int(found[1]) if found else None


def lengths_of(path: Path, scan: Scan, first: int | None = None) -> Lengths:
    """Take the counted lengths where they are fresh, and the scan's estimates where they are not."""
    recorded, stale = _recorded(path, scan)
    if recorded is None:
        return Lengths(scan.tokens, scan.trained, scan.at_most, exact=False, stale=stale)
    tokens = recorded["tokens"][:first]
    return Lengths(tokens, recorded["trained"][:first], tokens, exact=True)


def _recorded(path: Path, scan: Scan) -> tuple[dict[str, Any] | None, str]:
    file = path.with_name(LENGTHS_FILE)
    entry, wrong = read_beside(path, LENGTHS_FILE)
    if entry is None:
        return None, wrong
    if entry.get("method") != "exact":
        return None, ""  # an upper bound says less than the scan's own estimate
    tokens, trained = entry.get("tokens"), entry.get("trained")
    good = all(isinstance(part, list) and len(part) >= scan.rows for part in (tokens, trained))
    if not good or not all(isinstance(value, int) for value in [*tokens, *trained]):
        return None, f"{file} does not hold one number a row of {path.name}"
    return entry, ""


def read_beside(path: Path, name: str) -> tuple[dict[str, Any] | None, str]:
    """Give what a file beside the rows says of them, or why it cannot be believed; neither where it is not there."""
    file = path.with_name(name)
    if not file.is_file():
        return None, ""
    try:
        entry = json.loads(file.read_text(encoding="utf-8"))["files"].get(path.name)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None, f"{file} cannot be understood"
    if entry is None:
        return None, ""
    if not isinstance(entry, dict) or entry.get("sha256") != sha256_of(path):
        return None, f"{file} is about other rows than {path.name} holds now"
    return entry, ""


# --- counting


def count(data_dir: Path, tokenizer_file: Path, names: tuple[str, ...] = ("train.jsonl", "eval.jsonl")) -> Path:
    """Count the rows of a dataset with a tokenizer.json and write lengths.json beside them."""
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise ConfigError(f"{NO_TOKENIZER}.\n    fix: use .venv-train/bin/python (`make setup` makes it)") from error
    try:
        tokenizer = Tokenizer.from_file(str(tokenizer_file))
    except Exception as error:  # the library raises no other class for a file that it cannot read
        raise ConfigError(f"{tokenizer_file}: no tokenizer ({error}).\n    fix: name a tokenizer.json") from error
    files = {}
    for name in names:
        path = data_dir / name
        if path.is_file():
            counted = [_count_row(tokenizer, line, path) for line in path.open("rb") if line.strip()]
            tokens, trained = [list(column) for column in zip(*counted, strict=True)] or ([], [])
            files[name] = {"sha256": sha256_of(path), "method": "exact", "tokens": tokens, "trained": trained}
    mark = hashlib.sha256(tokenizer_file.read_bytes()).hexdigest()
    content = {"tokenizer": {"name": tokenizer_file.parent.name, "sha256": mark}, "template": "qwen_25", "files": files}
    write_text(data_dir / LENGTHS_FILE, json.dumps(content) + "\n")
    return data_dir / LENGTHS_FILE


def _count_row(tokenizer: Any, line: bytes, path: Path) -> tuple[int, int]:
    """Count a row's tokens and those of them that are trained: the attendant's words, calls and end marks."""
    row = json.loads(line)
    try:
        text = qwen25.render(row["messages"], row.get("tools"))
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"{path}: row {row.get('id')} cannot be rendered ({error}).\n    fix: make check") from error
    trained = 0
    for turn in text.split("<|im_start|>assistant\n")[1:]:
        words = turn.partition("<|im_end|>")[0]
        trained += len(tokenizer.encode(words, add_special_tokens=False).ids) + 1
    return len(tokenizer.encode(text, add_special_tokens=False).ids), trained


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `lengths`."""
    parser.add_argument("--data", type=Path, default=Path("data/unimed_natal"), metavar="DIR", help="the dataset")
    parser.add_argument("--tokenizer", type=Path, required=True, metavar="FILE", help="the model's tokenizer.json")


def main(args: argparse.Namespace) -> int:
    """Count, and say where the numbers lie."""
    print(f"{count(args.data, args.tokenizer)}: written.")
    return 0
