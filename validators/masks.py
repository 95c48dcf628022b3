"""Shows which words a config would train: Axolotl's own preprocessing, run on the rows of a file.

    .venv-train/bin/python -m validators masks axolotl_configs/cpu_smoke.yaml data/unimed_natal/eval.jsonl
    .venv-train/bin/python -m validators masks CONFIG FILE --tokenizer build/tiny-qwen2 --json

Without `--json` it prints one row, trained words in green. With it: {"rows_in", "rows_out", "wrong": [...], "rows":
[{"line", "id", "tokens", "trained_tokens", "text", "trained": [...]}]}. `wrong` names the rows whose trained stretches
are not exactly the assistant's words, its calls and the marks that end them. Needs the trainer's environment. Exit
codes: 0 all is as it should be, 2 misuse, 100 a row was lost, trains nothing, or trains something else.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import sys
import tempfile
import warnings
from dataclasses import asdict, dataclass, field
from itertools import groupby
from pathlib import Path

import yaml
from jinja2 import TemplateError

from validators.finding import UsageError

UNTRAINED = -100
"""The label that PyTorch's cross entropy leaves out."""
A100 = {"bf16": True, "tf32": True, "fp8": False, "n_gpu": 1, "n_node": 1, "compute_capability": "sm_80"}
"""Declared for a config that asks for bf16: preprocessing needs no card, only Axolotl's validation asks for one."""
CPU = {"bf16": False, "tf32": False, "fp8": False, "n_gpu": 1, "n_node": 1, "compute_capability": None}


@dataclass(frozen=True)
class Masked:
    """One row as the model gets it: its tokens, and the pieces of text whose tokens are trained."""

    line: int
    id: str | None
    tokens: int
    trained_tokens: int
    text: str
    trained: list[str] = field(default_factory=list)
    pieces: list[tuple[bool, str]] = field(default_factory=list, repr=False)


def masked_rows(config_path: Path, rows_file: Path, tokenizer: Path | None = None) -> tuple[int, list[Masked]]:
    """Run Axolotl's preprocessing with the config's dataset block on the file; gives rows in, and the rows out.

    Rows come out in the file's order, since the config's shuffling is switched off; so does a lost row show by the
    count alone. `tokenizer` replaces the config's `base_model`, which may be too large to have here.
    """
    ids = [row.get("id") for row in _read_rows(rows_file)]
    with _quiet(), tempfile.TemporaryDirectory() as scratch:
        config = _config(config_path, rows_file, tokenizer, scratch)
        try:
            dataset, loaded = _preprocess(config)
        except OSError as error:  # how transformers says that a tokenizer is neither here nor to be had
            hint = "name a tokenizer's folder with --tokenizer"
            raise UsageError(f"{config['base_model']}: cannot be loaded: {error}; {hint}") from None
        except (ValueError, TemplateError) as error:  # Axolotl's own refusals, pydantic's among them
            raise UsageError(f"{config_path} with {rows_file}: Axolotl refuses: {error}") from None
        out = [
            _masked(line, ids[line - 1] if len(dataset) == len(ids) else None, example, loaded)
            for line, example in enumerate(dataset, start=1)
        ]
    return len(ids), out


def should_train(row: dict) -> list[str]:
    """What should be trained, from the row's text alone: each assistant turn and the mark that ends it."""
    return [f"{_said(message)}<|im_end|>" for message in row["messages"] if message["role"] == "assistant"]


def _said(message: dict) -> str:
    calls = []
    for call in message.get("tool_calls") or []:
        function = call["function"]
        arguments = json.dumps(json.loads(function["arguments"]), ensure_ascii=False)
        calls.append(f'<tool_call>\n{{"name": "{function["name"]}", "arguments": {arguments}}}\n</tool_call>')
    return "\n".join([*([message["content"]] if message["content"] else []), *calls])


def wrongly_trained(rows_file: Path, rows: list[Masked]) -> list[str]:
    """The rows whose trained stretches are others than `should_train` says, each with the first that differs."""
    wrong = []
    for row, masked in zip(_read_rows(rows_file), rows, strict=False):
        wanted = should_train(row)
        if masked.trained != wanted:
            pair = next(((a, b) for a, b in zip(masked.trained, wanted, strict=False) if a != b), (None, None))
            where = f"{rows_file}:{masked.line}: {len(masked.trained)} stretches are trained, {len(wanted)} should be"
            wrong.append(where if pair[0] is None else f"{where}: {pair[0][:80]!r} for {pair[1][:80]!r}")
    return wrong


def _masked(line: int, row_id: str | None, example: dict, tokenizer) -> Masked:
    tokens, labels = example["input_ids"], example["labels"]
    spans = groupby(zip(tokens, labels, strict=True), key=lambda pair: pair[1] != UNTRAINED)
    pieces = [(trained, tokenizer.decode([token for token, _ in span])) for trained, span in spans]
    trained = [text for is_trained, text in pieces if is_trained]
    return Masked(
        line=line,
        id=row_id,
        tokens=len(tokens),
        trained_tokens=sum(label != UNTRAINED for label in labels),
        text=tokenizer.decode(tokens),
        trained=trained,
        pieces=pieces,
    )


def _config(config_path: Path, rows_file: Path, tokenizer: Path | None, scratch: str) -> dict:
    """The config with its dataset block turned to the file; all that bears on the masks stays as it is."""
    try:
        config = yaml.safe_load(config_path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"{config_path}: cannot be read: {error}") from None
    if not isinstance(config, dict) or not config.get("datasets"):
        raise UsageError(f"{config_path}: no `datasets` block; name a config of axolotl_configs/")
    if tokenizer is not None:
        config["base_model"] = str(tokenizer)
        config.pop("model_revision", None)
    for key in ("datasets", "test_datasets"):
        for block in config.get(key) or []:
            block.update(path=str(rows_file), split="train")
    config["datasets"] = config["datasets"][:1]
    config.pop("dataset_num_proc", None)
    config.update(dataset_prepared_path=scratch, output_dir=scratch, shuffle_merged_datasets=False)
    return config


def _preprocess(config: dict):
    """Axolotl's way from a config to a tokenized dataset, as `axolotl preprocess` goes it."""
    try:
        from axolotl.cli.config import prepare_plugins
        from axolotl.loaders import load_tokenizer
        from axolotl.utils.config import normalize_cfg_datasets, normalize_config, validate_config
        from axolotl.utils.data import prepare_datasets
        from axolotl.utils.dict import DictDefault
    except ImportError as error:
        raise UsageError(
            f"this Python has no Axolotl ({error.name}); run it with .venv-train/bin/python (`make setup` makes it)"
        ) from None
    import torch

    cfg = DictDefault(config)
    prepare_plugins(cfg)
    cfg = validate_config(
        cfg,
        capabilities=A100 if config.get("bf16") is True else CPU,
        env_capabilities={"torch_version": torch.__version__.partition("+")[0]},
    )
    cfg.is_preprocess = True
    cfg.test_datasets = None
    normalize_config(cfg)
    normalize_cfg_datasets(cfg)
    tokenizer = load_tokenizer(cfg)
    dataset, _, _, _ = prepare_datasets(cfg, tokenizer)
    return dataset, tokenizer


@contextlib.contextmanager
def _quiet():
    """No telemetry, no network, no worker processes; Axolotl's talk on stdout goes to stderr."""
    os.environ.update(
        AXOLOTL_DO_NOT_TRACK="1",
        DO_NOT_TRACK="1",
        HF_HUB_DISABLE_TELEMETRY="1",
        HF_DATASETS_DISABLE_PROGRESS_BARS="1",
        AXOLOTL_IS_PREPROCESS="1",
        AXOLOTL_DATASET_NUM_PROC="0",
        TOKENIZERS_PARALLELISM="false",
    )
    logging.disable(logging.WARNING)
    warnings.filterwarnings("ignore")
    with contextlib.redirect_stdout(sys.stderr):
        yield


def _read_rows(path: Path) -> list[dict]:
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}; `python -m validators check {path}` says more") from None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `masks`."""
    parser.add_argument("config", type=Path, metavar="CONFIG", help="an Axolotl config, for its `datasets` block")
    parser.add_argument("file", type=Path, metavar="FILE", help="JSONL, one conversation a line")
    parser.add_argument("--tokenizer", type=Path, metavar="DIR", help="instead of the config's base_model")
    parser.add_argument("--row", type=int, default=1, metavar="N", help="the row to show (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print every row for a machine")


def main(options: argparse.Namespace) -> int:
    """Print one row in colour, or all for a machine; 100 if a row was lost or trains nothing."""
    rows_in, rows = masked_rows(options.config, options.file, options.tokenizer)
    empty = [row.line for row in rows if not row.trained]
    wrong = wrongly_trained(options.file, rows) if len(rows) == rows_in else []
    if options.json:
        plain = [{key: value for key, value in asdict(row).items() if key != "pieces"} for row in rows]
        report = {"rows_in": rows_in, "rows_out": len(rows), "wrong": wrong, "rows": plain}
        print(json.dumps(report, ensure_ascii=False))
    else:
        _print_row(rows, options.row)
        share = sum(row.trained_tokens for row in rows) / max(1, sum(row.tokens for row in rows))
        print(f"{rows_in} rows in, {len(rows)} out, {share:.0%} of the tokens are trained.")
        if empty:
            print(f"Rows that train nothing: {', '.join(map(str, empty[:20]))}")
        print(*wrong[:20], sep="\n", end="\n" if wrong else "")
        if not wrong and not empty and len(rows) == rows_in:
            print("Trained are exactly the assistant's words, its calls and the marks that end them.")
    return 100 if empty or wrong or len(rows) != rows_in else 0


def _print_row(rows: list[Masked], number: int) -> None:
    from rich.console import Console
    from rich.text import Text

    if not 1 <= number <= len(rows):
        raise UsageError(f"--row {number}: there are {len(rows)} rows")
    row = rows[number - 1]
    words = Text()
    for trained, piece in row.pieces:
        words.append(piece, style="bold green" if trained else "dim")
    console = Console(highlight=False, soft_wrap=True)
    console.print(words)
    console.print(f"\nRow {row.line} ({row.id}): {row.trained_tokens} of {row.tokens} tokens are trained (green).")
