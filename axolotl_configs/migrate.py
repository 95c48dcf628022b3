"""Turns an old config, and the flags of an old command, into the right config, and says what changed and why.

    python -m axolotl_configs migrate old.yml --out mine.yaml
    python -m axolotl_configs migrate old.yml --flags --dataset_path rows.jsonl --lora_r 32 --batch_size 4

The new file is the commented master for the nearest preset, with every number that the old file set kept where it makes
sense. Behind --flags stands what followed the old command; what Axolotl would have ignored is taken for what it meant.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from axolotl_configs.build import plain_number, render, sign
from axolotl_configs.derive import derive
from axolotl_configs.errors import ConfigError
from axolotl_configs.files import near, write_text
from axolotl_configs.keys import USUAL_NAMES, known_keys, misfits, nearest
from axolotl_configs.presets import TARGETS, Model, Presets, load_presets
from axolotl_configs.problem import Config, items, positive
from axolotl_configs.reading import read_yaml

KEPT = tuple(
    "lora_r lora_alpha lora_dropout num_epochs max_steps sequence_len micro_batch_size gradient_accumulation_steps "
    "learning_rate lr_scheduler warmup_ratio weight_decay seed optimizer".split()
)
"""Keys whose value is the user's own choice and goes on standing."""
FLAG_MEANT = {"batch_size": "micro_batch_size", "dataset_path": "path", "rank": "lora_r", "alpha": "lora_alpha"}
BATCH = ("micro_batch_size", "gradient_accumulation_steps")
NOISE = {
    "model_type": "the architecture says it itself",
    "tokenizer_type": "the model says it itself",
    "trust_remote_code": "Qwen2.5 needs no code from the hub, and the fused kernels refuse it",
    "strict": "it does not do what its name says",
}
"""Old keys that go without a replacement, and why."""


@dataclass
class Migration:
    """The new text and the story of it."""

    name: str
    text: str
    story: list[str] = field(default_factory=list)
    """One line for each change: what, and why."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `migrate`."""
    parser.add_argument("config", type=Path, help="the old config")
    parser.add_argument("--gpu", default="a100-80gb", metavar="NAME", help="the card (default: %(default)s)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write it there (default: OLD.migrated.yaml)")
    parser.add_argument("--force", action="store_true", help="overwrite the file that lies there")
    parser.add_argument("--flags", nargs=argparse.REMAINDER, default=[], help="last of all: the old command's flags")


def main(args: argparse.Namespace) -> int:
    """Write the new config beside the old one, and tell the story."""
    out = args.out or args.config.with_suffix(".migrated.yaml")
    if out.exists() and not args.force:
        raise ConfigError(f"{out}: lies there already.\n    fix: --out FILE, or --force to overwrite it")
    done = migrate(read_yaml(args.config).data, read_flags(args.flags), args.gpu, near(out).as_posix())
    write_text(out, done.text)
    for line in done.story:
        print(f"  {line}")
    print(f"{out}: written. Next: make preflight CONFIG={out}")
    return 0


def read_flags(words: list[str]) -> dict[str, Any]:
    """Read `--key value`, `--key=value` and bare `--key` as YAML would; words before the first flag are ignored."""
    flags: dict[str, Any] = {}
    key = None
    for word in words:
        if word.startswith("--"):
            key, given, value = word[2:].replace("-", "_").partition("=")
            flags[key] = yaml.safe_load(value) if given else True
        elif key is not None:
            flags[key], key = yaml.safe_load(word), None
    return flags


def migrate(
    old: Config, flags: dict[str, Any] | None = None, gpu: str = "a100-80gb", shown_as: str | None = None
) -> Migration:
    """Make the right config from an old one; `ConfigError` where no preset can be found for its model."""
    presets, story = load_presets(), []
    old = dict(old)
    for key, value in (flags or {}).items():
        if key in ("config", "config_file"):
            continue
        meant = FLAG_MEANT.get(key, USUAL_NAMES.get(key, key))
        if meant == "path":
            old["datasets"] = [{**(first_block(old) or {}), "path": value}]
            story.append(f"--{key}: Axolotl ignores it and trains what the file names; it became datasets[0].path")
        elif key == "batch_size":
            old[meant] = value
            story.append(f"--batch_size {value}: Axolotl refuses it; `{meant}` was meant")
        elif meant in known_keys():
            old[meant] = value
            why = "" if key == meant else "; Axolotl ignores the flag in silence"
            story.append(f"--{key} {value}: stands in the file now, as `{meant}`, where preflight sees it{why}")
        else:
            guess = nearest(key, known_keys())
            story.append(f"--{key}: dropped, there is no such setting{f' (meant {guess}?)' if guess else ''}")
    name, model = _model(old, presets)
    method = "qlora" if old.get("load_in_4bit") or old.get("adapter") == "qlora" else "lora"
    config_name, preset = derive(presets, name, gpu, method)
    text = render(config_name, presets, preset)
    fresh = yaml.safe_load(text)
    changes = dict(_numbers(old, fresh, story))
    for key, value in changes.items():
        text = _set(text, key, value)
    path = (first_block(old) or {}).get("path")
    if isinstance(path, str) and path.endswith((".jsonl", ".json")):
        text = text.replace("path: data/unimed_natal/train.jsonl", f"path: {path}", 1)
        story.append(f"datasets: {path} kept; rows for evaluation are looked for in data/unimed_natal/eval.jsonl")
    story += _explained(old, fresh, model)
    if shown_as:
        text = text.replace(f"CONFIG=axolotl_configs/{config_name}.yaml", f"CONFIG={shown_as}", 1)
    unsigned = re.sub(r"^# checksum: .*\n", "", text, count=1, flags=re.MULTILINE)
    head, gap, rest = unsigned.partition("\n\n")
    head += "\n# Migrated from an older config: what was changed and why\n" + "\n".join(f"#   {line}" for line in story)
    # One character off, so that `make configs` takes it for edited, which it is, and never overwrites it.
    return Migration(config_name, sign(head + gap + rest).replace("# checksum: ", "# checksum: edited-", 1), story)


def first_block(config: Config) -> dict[str, Any] | None:
    """The first dataset of a config."""
    blocks = config.get("datasets")
    return blocks[0] if isinstance(blocks, list) and blocks and isinstance(blocks[0], dict) else None


def _model(old: Config, presets: Presets) -> tuple[str, Model]:
    base = old.get("base_model")
    for name, model in presets.models.items():
        if base in (model.hub, name):
            return name, model
    known = ", ".join(model.hub for model in presets.models.values() if model.revision)
    raise ConfigError(
        f"base_model {base}: its sizes are not known.\n    fix: one of {known}, or add it to presets.yaml"
    )


def _numbers(old: Config, fresh: Config, story: list[str]) -> Iterator[tuple[str, Any]]:
    """Give the user's own numbers that differ from the preset's."""
    unpacked = not old.get("sample_packing") and fresh.get("sample_packing")
    if unpacked and any(key in old for key in BATCH):
        before, now = ([config.get(key, 1) for key in BATCH] for config in (old, fresh))
        story.append(
            f"micro_batch_size × gradient_accumulation_steps: {before[0]} × {before[1]} conversations a step became "
            f"{now[0]} × {now[1]} sequences, in each of which packing puts several"
        )
    for key in KEPT:
        if unpacked and key in BATCH:
            continue
        if key not in old or old[key] == fresh.get(key) or (key not in fresh):
            continue
        value = old[key]
        if isinstance(fresh[key], (int, float)) and positive(value) is None and value != 0:
            story.append(f"{key}: {value!r} is no number that makes sense; {fresh[key]} instead")
            continue
        if isinstance(value, str) and positive(value) is not None:
            value = positive(value)  # YAML takes 2e-4 for text
        story.append(f"{key}: {value} kept (the preset has {fresh[key]})")
        yield key, value


def _explained(old: Config, fresh: Config, model: Model) -> Iterator[str]:
    """Say what else is different, and what would have happened."""
    if old.get("adapter") == "lora" and old.get("load_in_4bit"):
        yield (
            f"adapter: lora became qlora: Axolotl quantises nothing for `lora` with 4 bits and loads "
            f"{model.download_gib:.0f} GiB instead of {model.nf4_gib:.0f}, without a word"
        )
    missing = [name for name in TARGETS if name not in items(old.get("lora_target_modules"))]
    if old.get("lora_target_modules") and missing:
        yield f"lora_target_modules: {', '.join(missing)} added: facts stick badly in attention alone"
    block = first_block(old) or {}
    if "conversation" in block:
        yield "datasets: `conversation` removed, it has no effect on chat_template; chat_template: qwen_25 says it"
    if str(block.get("type")).startswith("sharegpt"):
        yield "datasets: type sharegpt is refused; chat_template, and the rows need `messages`"
    if "test_datasets" not in old and not old.get("val_set_size"):
        yield "test_datasets: added, or nothing would tell when it learns by heart"
    elif old.get("val_set_size"):
        yield "val_set_size: replaced by test_datasets, rows in wordings that training never saw"
    if "sequence_len" not in old:
        yield "sequence_len: added, Axolotl's own 512 would drop long conversations in silence"
    if not any(key.startswith("lora_") and key.endswith("_kernel") for key in old):
        yield "lora_*_kernel: all four written out, Axolotl switches them on by itself otherwise"
    for key in sorted(fresh.keys() - old.keys() - set(TOLD_ABOVE)):
        if key in WORTH_SAYING:
            yield f"{key}: added, {WORTH_SAYING[key]}"
    for misfit in misfits({key: value for key, value in old.items() if key != "datasets"}):
        if misfit.kind == "unknown":
            yield f"{misfit.place[0]}: dropped, Axolotl has no such key and would ignore it; {misfit.fix}"
    if "output_dir" in old:
        yield "output_dir: left to `make train`, which gives every run a folder of its own below outputs/"
    for key, why in NOISE.items():
        if key in old:
            yield f"{key}: dropped, {why}"


TOLD_ABOVE = ("test_datasets", "sequence_len")
WORTH_SAYING = {
    "model_revision": "so that training and serving use the same weights",
    "excess_length_strategy": "rows that are too long stop the run instead of vanishing",
    "sample_packing": "without it most of the paid time is padding",
    "chat_template": "named outright, so that the tokenizer's own is not taken in silence",
    "gradient_checkpointing": "many times less memory",
    "liger_fused_linear_cross_entropy": "gigabytes of scores are never held",
    "save_steps": "checkpoints at known steps",
    "auto_resume_from_checkpoints": "an interrupted run goes on",
    "dynamic_checkpoint": "a stop saves first",
}


def _set(text: str, key: str, value: Any) -> str:
    """Put another value behind a top-level key; what the comments say of the old one is left."""
    shown = plain_number(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value
    return re.sub(rf"^{re.escape(key)}: .*$", lambda _: f"{key}: {shown}", text, count=1, flags=re.MULTILINE)
