"""The folder of one training run: who it is, how far it came, and what proves that it succeeded.

A run lies in `outputs/<run>/`: the adapter with its tokenizer and checkpoints as Axolotl leaves them, and beside them
the resolved config, `manifest.json` of the dataset, `fingerprint.json`, `train.log`, `samples.jsonl` and `run.json`.

    python -c "from axolotl_configs.run import proof; print(proof(__import__('pathlib').Path('outputs/cpu_smoke')))"
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from axolotl_configs.files import sha256_of, write_text

HARMLESS = {
    "dataset_num_proc",
    "dataset_prepared_path",
    "dynamic_checkpoint",
    "eval_batch_size",
    "include_tkps",
    "logging_steps",
    "loss_watchdog_patience",
    "loss_watchdog_threshold",
    "output_dir",
    "save_only_model",
    "save_steps",
    "save_total_limit",
    "saves_per_epoch",
    "use_tensorboard",
    "use_wandb",
    "wandb_entity",
    "wandb_mode",
    "wandb_name",
    "wandb_project",
}
"""Keys that say where and how often, not what is learned: they may change between a run and its going on."""

PACKAGES = ("axolotl", "torch", "transformers", "peft", "datasets", "accelerate", "bitsandbytes", "deepspeed")


# --- who it is


def fingerprint(config: dict, cards: int = 1) -> dict:
    """What makes this run this run: every key that bears on what is learned, and the contents behind its paths."""
    kept = {key: value for key, value in config.items() if key not in HARMLESS}
    files = [Path(block["path"]) for key in ("datasets", "test_datasets") for block in config.get(key) or []]
    return {
        "config": json.loads(json.dumps(kept, default=str)),
        "data_sha256": {path.name: sha256_of(path) for path in files},
        "base_model_sha256": base_mark(Path(str(config["base_model"]))),
        "cards": cards,
    }


def base_mark(folder: Path) -> str | None:
    """A hash that changes when a base model on this disk is another one; None for a model of the hub."""
    if not folder.is_dir():
        return None
    mark = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.name in ("config.json", "tokenizer.json", "chat_template.jinja"):
            mark.update(path.read_bytes())
        elif path.suffix == ".safetensors":
            mark.update(f"{path.name} {path.stat().st_size}".encode())
    return mark.hexdigest()


def differences(before: dict, after: dict) -> list[str]:
    """What changed between two fingerprints, one line each, in words a user can act on."""
    old, new = before.get("config", {}), after["config"]
    lines = [
        f"{key}: {_short(old.get(key))} -> {_short(new.get(key))}"
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key) and key not in HARMLESS
    ]
    if before.get("data_sha256") != after["data_sha256"]:
        names = sorted(
            name
            for name in before.get("data_sha256", {}).keys() | after["data_sha256"].keys()
            if before.get("data_sha256", {}).get(name) != after["data_sha256"].get(name)
        )
        lines.append(f"data: the contents of {', '.join(names)} changed")
    if before.get("cards", 1) != after["cards"]:
        lines.append(f"cards: {before.get('cards', 1)} -> {after['cards']}, and a step would be of another size")
    if before.get("base_model_sha256") != after["base_model_sha256"]:
        lines.append(f"base_model: the files in {new.get('base_model')} changed")
    return lines


def _short(value: Any) -> str:
    text = "not set" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."


# --- how far it came


def checkpoints(run_dir: Path) -> list[Path]:
    """The whole checkpoints, oldest first; one that was cut off while being written has no trainer_state.json."""
    found = [path for path in run_dir.glob("checkpoint-*") if path.name.rpartition("-")[2].isdigit()]
    return sorted((p for p in found if (p / "trainer_state.json").is_file()), key=_step_of)


def _step_of(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])


def last_step(run_dir: Path) -> int:
    """The step from which training would go on; 0 without a checkpoint."""
    found = checkpoints(run_dir)
    return _step_of(found[-1]) if found else 0


def drop_broken_checkpoints(run_dir: Path) -> list[str]:
    """Put half-written checkpoints out of Axolotl's sight, which would try to resume from them; says which."""
    whole = set(checkpoints(run_dir))
    broken = [path for path in run_dir.glob("checkpoint-*") if path not in whole]
    for path in broken:
        path.rename(path.with_name(f"broken-{path.name}-{os.getpid()}"))
    return [path.name for path in broken]


def set_aside(run_dir: Path) -> Path:
    """Move an old run out of the way under the next free name; nothing is deleted."""
    number = 1
    while (aside := run_dir.with_name(f"{run_dir.name}.old-{number}")).exists():
        number += 1
    run_dir.rename(aside)
    return aside


# --- what proves that it succeeded


@dataclass(frozen=True)
class Proof:
    """What lies on the disk of a run, and what is wrong with it."""

    step: int = 0
    max_steps: int = 0
    first_loss: float | None = None
    last_loss: float | None = None
    eval_loss: float | None = None
    stopped_early: bool = False
    problems: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether a whole adapter of a whole training lies there."""
        return not self.problems


def proof(run_dir: Path) -> Proof:
    """Judge a run by its files, never by a return code: Axolotl exits 0 after Ctrl-C."""
    problems = list(_adapter_problems(run_dir))
    found = checkpoints(run_dir)
    if not found:
        return Proof(problems=[*problems, "no checkpoint with a trainer_state.json: it never came to a first save"])
    state = read_json(found[-1] / "trainer_state.json")
    step, max_steps = state["global_step"], state["max_steps"]
    losses = [entry["loss"] for entry in state["log_history"] if "loss" in entry]
    eval_losses = [entry["eval_loss"] for entry in state["log_history"] if "eval_loss" in entry]
    stopped_early = step < max_steps and _patience_ran_out(state)
    if step < max_steps and not stopped_early:
        problems.append(f"step {step} of {max_steps}: training is not complete")
    if not losses:
        problems.append("no loss was logged")
    if not all(math.isfinite(loss) for loss in losses + eval_losses):
        problems.append("a loss is not a finite number")
    return Proof(
        step=step,
        max_steps=max_steps,
        first_loss=losses[0] if losses else None,
        last_loss=losses[-1] if losses else None,
        eval_loss=eval_losses[-1] if eval_losses else None,
        stopped_early=stopped_early,
        problems=problems,
    )


def _patience_ran_out(state: dict) -> bool:
    """Whether early stopping, and not a crash, ended the training before its last step."""
    callback = state.get("stateful_callbacks", {}).get("EarlyStoppingCallback")
    if not isinstance(callback, dict):
        return False
    patience = callback.get("args", {}).get("early_stopping_patience")
    return patience is not None and callback.get("attributes", {}).get("early_stopping_patience_counter", 0) >= patience


def _adapter_problems(run_dir: Path) -> Iterator[str]:
    if not (run_dir / "adapter_config.json").is_file():
        yield "adapter_config.json is missing"
    weights = run_dir / "adapter_model.safetensors"
    if not weights.is_file():
        yield "adapter_model.safetensors is missing"
        return
    import torch
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(weights), framework="pt") as tensors:
            names = list(tensors.keys())
            broken = [name for name in names if not bool(torch.isfinite(tensors.get_tensor(name)).all())]
            moved = any(bool(tensors.get_tensor(name).any()) for name in names if "lora_B" in name)
    except (SafetensorError, OSError) as error:
        yield f"adapter_model.safetensors cannot be read ({error})"
        return
    if broken:
        yield f"adapter_model.safetensors holds numbers that are not finite ({broken[0]} and {len(broken) - 1} more)"
    if not moved:
        yield "adapter_model.safetensors holds nothing learned: every lora_B is still zero"


# --- what it leaves for the next reader


def versions() -> dict[str, str]:
    """The versions that made this adapter, of Python and of each package that is installed."""
    import platform

    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def read_record(run_dir: Path) -> dict:
    """`run.json` of a run; empty when there is none yet."""
    path = run_dir / "run.json"
    return read_json(path) if path.is_file() else {}


def add_session(run_dir: Path, session: dict[str, Any]) -> None:
    """Note one stretch of training in `run.json`: a run that was stopped and gone on with has several."""
    record = read_record(run_dir)
    record.setdefault("sessions", []).append(session)
    write_json(run_dir / "run.json", record)


def add_look(run_dir: Path, seconds: float) -> None:
    """Note how long the look at the end took."""
    record = read_record(run_dir)
    write_json(run_dir / "run.json", {**record, "look_seconds": round(seconds, 1)})


def write_record(run_dir: Path, proved: Proof, **more: Any) -> None:
    """Write the verdict and the versions into `run.json`, beside the sessions that are noted there."""
    record = {**more, "finished": proved.good, **asdict(proved), "versions": versions()}
    write_json(run_dir / "run.json", {**record, "sessions": read_record(run_dir).get("sessions", [])})


def write_json(path: Path, value: dict) -> None:
    """Write JSON so that a reader finds the old file or the new one, never half of it."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> dict:
    """A JSON file that this toolkit or Axolotl wrote."""
    return json.loads(path.read_text(encoding="utf-8"))
