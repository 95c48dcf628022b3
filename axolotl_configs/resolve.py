"""From a config that a person edits to the one that Axolotl runs: overrides, data, names and folders filled in.

What depends on the data at hand never goes into the person's file. Nor does an override become a flag, which Axolotl
might ignore: both go into a resolved copy, whose name carries them, so that rank 16 never continues rank 32.

    python -m axolotl_configs resolve axolotl_configs/cpu_smoke.yaml --rank 16
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from axolotl_configs.choose import choose
from axolotl_configs.dataset import data_files, move_data
from axolotl_configs.errors import ConfigError
from axolotl_configs.files import sha256_of, write_text
from axolotl_configs.overrides import LARGEST_ALPHA, LARGEST_RANK, whole
from axolotl_configs.problem import Problem, datasets_of, red
from axolotl_configs.reading import Document, read_yaml


@dataclass(frozen=True)
class Resolved:
    """A config that is ready to run."""

    config: dict[str, Any]
    name: str
    """Of the run: preset, overrides, and 8 digits of the dataset's hash."""
    run_dir: Path
    notes: list[str] = field(default_factory=list)
    """What was decided on the user's behalf, to be said aloud."""
    source: Path = Path()
    """The config that it was made from."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `resolve`."""
    parser.add_argument("config", nargs="?", type=Path, help="config file (default: chosen by the card's memory)")
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder with train.jsonl and eval.jsonl")
    parser.add_argument("--rank", metavar="N", help="another lora_r; alone, it keeps the ratio of alpha to rank")
    parser.add_argument("--alpha", metavar="N", help="another lora_alpha")
    parser.add_argument("--output-root", default="outputs", metavar="DIR", help="where runs lie (default: outputs)")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="write the resolved config there instead of printing it"
    )


def main(args: argparse.Namespace) -> int:
    """Print or write the resolved config, its notes on stderr."""
    path = args.config
    if path is None:
        choice = choose()
        path = choice.config
        print(choice.reason, file=sys.stderr)
    resolved = resolve(path, data_dir=args.data, rank=args.rank, alpha=args.alpha, output_root=args.output_root)
    for note in resolved.notes:
        print(note, file=sys.stderr)
    if args.out:
        write_resolved(resolved, args.out)
        print(f"{args.out}: run {resolved.name}")
    else:
        print(as_yaml(resolved), end="")
    return 0


def resolve(
    config_path: str | Path,
    *,
    data_dir: str | Path | None = None,
    rank: int | str | None = None,
    alpha: int | str | None = None,
    output_root: str | Path = "outputs",
) -> Resolved:
    """Fill in what the run needs; `ConfigError` for a bad override or missing data. Empty overrides count as none."""
    document = read_yaml(Path(config_path))
    config = copy.deepcopy(document.data)
    notes: list[str] = []
    if data_dir not in (None, ""):
        config = move_data(config, Path(data_dir))
    changed = _override(config, document, rank, alpha, notes)
    files = [path for _, path in data_files(config)]
    if not files:
        line = document.line("datasets")
        message = f"{document.path}:{line}: `datasets` names no local JSONL file"
        raise ConfigError(f"{message}.\n    fix: write `path: data/<pack>/train.jsonl`, and run `make dataset`")
    contents = content_hash(files)
    rank_part = [f"r{config['lora_r']}-a{config['lora_alpha']}"] if changed else []
    name = "_".join([document.path.stem, *rank_part, contents[:8]])
    run_dir = Path(output_root) / name
    config["output_dir"] = run_dir.as_posix()
    prepared = config.get("dataset_prepared_path") or "build/prepared"
    config["dataset_prepared_path"] = f"{str(prepared).rstrip('/')}/{_preparation_hash(config, contents)[:16]}"
    return Resolved(config, name, run_dir, notes, document.path)


def content_hash(files: list[Path]) -> str:
    """Hash the contents of the files, in their order, as hexadecimal digits."""
    return hashlib.sha256("\n".join(sha256_of(path) for path in files).encode()).hexdigest()


def as_yaml(resolved: Resolved) -> str:
    """Write the resolved config as YAML, with a header that says what it was made from."""
    header = [
        f"# Run {resolved.name}, made from {resolved.source.as_posix()}. Edit that file, not this one.",
        *[f"# {note}" for note in resolved.notes],
    ]
    body = yaml.safe_dump(resolved.config, sort_keys=False, allow_unicode=True, width=120)
    return "\n".join(header) + "\n" + body


def write_resolved(resolved: Resolved, path: str | Path) -> None:
    """Write the resolved config; there is either the old file or the whole new one."""
    write_text(Path(path), as_yaml(resolved))


def _override(
    config: dict[str, Any], document: Document, rank: int | str | None, alpha: int | str | None, notes: list[str]
) -> bool:
    """Put rank and alpha into the config; tell whether they now differ from the file."""
    new_rank = whole("RANK", rank, LARGEST_RANK)
    new_alpha = whole("ALPHA", alpha, LARGEST_ALPHA)
    if new_rank is None and new_alpha is None:
        return False
    old_rank, old_alpha = (_in_file(document, key) for key in ("lora_r", "lora_alpha"))
    if new_alpha is None:
        new_alpha = max(1, round(new_rank * old_alpha / old_rank))
        kept = f"lora_alpha becomes {new_alpha}, which keeps the file's ratio of {old_alpha} to {old_rank}"
        notes.append(f"RANK={new_rank} without ALPHA: {kept}.")
    config["lora_r"], config["lora_alpha"] = new_rank or old_rank, new_alpha
    return (config["lora_r"], new_alpha) != (old_rank, old_alpha)


def _in_file(document: Document, key: str) -> int:
    value = document.data.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        where = f"{document.path}:{document.line(key)}"
        raise ConfigError(f"{where}: `{key}` must be a whole number above 0, not {value!r}.\n    fix: `{key}: 32`")
    return value


def prepared_rows(config: dict[str, Any]) -> Iterator[Problem]:
    """See that a resolved config, which names tokenized rows by their hash, still means the rows that lie there."""
    path = str(config.get("dataset_prepared_path") or "")
    named = re.fullmatch(r"[0-9a-f]{16}", Path(path).name)
    files = [file for _, file in data_files(config)]
    if not named or not files or not all(file.is_file() for file in files):
        return
    if _preparation_hash(config, content_hash(files))[:16] != named[0]:
        message = f"{path} is about other rows or another template; Axolotl would train those in silence"
        yield red("dataset_prepared_path", message, "write `dataset_prepared_path: build/prepared`")


def _preparation_hash(config: dict[str, Any], contents: str) -> str:
    """Hash what the tokenized rows depend on: Axolotl's own cache key forgets the contents of the files."""
    blocks = [entry for _, entry in datasets_of(config)]
    keys = ("base_model", "model_revision", "chat_template", "chat_template_jinja", "special_tokens", "sequence_len")
    parts = {"contents": contents, "blocks": blocks, **{key: config.get(key) for key in keys}}
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()
