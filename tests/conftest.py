"""What several tests share: the trainer's Python, real rendered rows, and the toy model made from them.

A test that needs Axolotl is marked `trainer` and asks for `trainer_python`. Without the trainer's environment it is
skipped, unless REQUIRE_TRAINER=1 (`make test` sets it): then its absence is a failure.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def trainer_python() -> Path:
    """The Python that has the real Axolotl."""
    python = Path(os.environ.get("TRAIN_PYTHON") or ".venv-train/bin/python")
    python = python if python.is_absolute() else ROOT / python  # not resolved: a venv's python is a link
    if python.is_file():
        return python
    reason = f"no trainer's environment at {python}; `make setup` builds it, or set TRAIN_PYTHON"
    if os.environ.get("REQUIRE_TRAINER") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def trainer_env(tmp_path_factory) -> dict[str, str]:
    """An environment without telemetry, network or the user's caches, in which our packages are found."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "WANDB_", "AXOLOTL_"))}
    return {
        **kept,
        "AXOLOTL_DO_NOT_TRACK": "1",
        "DO_NOT_TRACK": "1",
        "HF_HOME": str(tmp_path_factory.mktemp("hf")),
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(ROOT),
    }


@pytest.fixture(scope="session")
def dataset_dir(tmp_path_factory) -> Path:
    """A small dataset of the real pack, rendered by the real command."""
    out = tmp_path_factory.mktemp("dataset") / "unimed_natal"
    command = ["datagen", "render", "--pack", "unimed_natal", "--rows", "240", "--seed", "7", "--out", str(out)]
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="session")
def full_dataset(tmp_path_factory) -> Path:
    """The dataset as `make dataset` makes it: 12,000 rows of the pack that ships."""
    out = tmp_path_factory.mktemp("full") / "unimed_natal"
    command = [sys.executable, "-m", "datagen", "render", "--out", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
    return out


@pytest.fixture(scope="session")
def full_report(full_dataset) -> dict:
    """What `make report` says of it."""
    command = [sys.executable, "-m", "datagen", "report", "--out", str(full_dataset)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)
    report = json.loads((full_dataset / "report.json").read_text(encoding="utf-8"))
    assert done.returncode == 0 and report["failed"] == [], done.stderr[-3000:]
    return report


@pytest.fixture(scope="session")
def toy_model(trainer_python, trainer_env, dataset_dir, tmp_path_factory) -> Path:
    """The tiny model and tokenizer, made from the rendered rows."""
    folder = tmp_path_factory.mktemp("toy") / "tiny-qwen2"
    make_toy(trainer_python, trainer_env, dataset_dir / "train.jsonl", folder)
    return folder


def make_toy(python: Path, env: dict[str, str], rows: Path, folder: Path) -> None:
    """Make a toy model with the command a user has."""
    command = [str(python), "-m", "axolotl_configs", "tiny-model", "--rows", str(rows), "--out", str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
