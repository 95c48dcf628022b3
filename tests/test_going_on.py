"""Stopped and gone on with: the same steps and the same adapter as undisturbed; several processes; a second home."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from axolotl_configs import curves, launch, run
from axolotl_configs.errors import ConfigError
from axolotl_configs.keep import Keeper
from tests.conftest import ROOT
from tests.test_training import the_run, train, write_config

STEPS = 24
COMPARE = """
import json, sys
from pathlib import Path
import torch
from safetensors.torch import load_file
one, other = (load_file(Path(folder) / "adapter_model.safetensors") for folder in sys.argv[1:3])
assert one.keys() == other.keys() and len(one) > 10
print(json.dumps({"equal": all(torch.equal(one[key], other[key]) for key in one),
                  "apart": max(float((one[key] - other[key]).abs().max()) for key in one)}))
"""


def stop(python: Path, env: dict, folder: Path, config: Path, number: int) -> tuple[int, str]:
    """Begin to train, send a signal when the first loss is told, and give the exit code and what was said."""
    command = [str(python), "-m", "axolotl_configs", "train", "--config", str(config)]
    with subprocess.Popen(
        command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as child:
        said = []
        for line in child.stdout:
            said.append(line)
            if "· loss" in line:
                child.send_signal(number)
                break
        said += child.stdout.readlines()
    return child.returncode, "".join(said)


@pytest.mark.trainer
def test_killed_twice_it_ends_with_the_same_adapter(trainer_python, trainer_env, dataset_dir, tmp_path):
    times = {"max_steps": STEPS, "eval_steps": 12, "save_steps": 12}
    config = write_config(tmp_path, dataset_dir, "stopped.yaml", **times)
    steps = [0]
    for number in (signal.SIGTERM, signal.SIGINT):
        code, said = stop(trainer_python, trainer_env, tmp_path, config, number)
        assert code == 128 + number, said
        assert "the same command goes on from there" in said.splitlines()[-1], said
        assert "Traceback" not in said
        steps.append(run.last_step(the_run(tmp_path, "stopped")))
    assert 0 < steps[1] < steps[2] < STEPS
    done = train(trainer_python, trainer_env, tmp_path, "--config", config, "--price", "3")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Trained {STEPS} of {STEPS} steps" in done.stdout

    undisturbed = write_config(tmp_path, dataset_dir, "undisturbed.yaml", **times)
    done = train(trainer_python, trainer_env, tmp_path, "--config", undisturbed)
    assert done.returncode == 0, done.stdout + done.stderr
    folders = [str(the_run(tmp_path, name)) for name in ("stopped", "undisturbed")]
    compared = subprocess.run(
        [str(trainer_python), "-c", COMPARE, *folders], env=trainer_env, capture_output=True, text=True, timeout=120
    )
    assert compared.returncode == 0, compared.stderr
    assert json.loads(compared.stdout)["equal"] is True, compared.stdout

    record = json.loads((Path(folders[0]) / "run.json").read_text(encoding="utf-8"))
    assert [session["from_step"] for session in record["sessions"]] == steps
    assert record["sessions"][-1]["cost"] > 0
    assert record["fingerprint"]["data_sha256"]
    assert (Path(folders[0]) / "curves.svg").read_text(encoding="utf-8").count("<polyline") == 3


@pytest.mark.trainer
def test_two_processes_share_the_work(trainer_python, trainer_env, dataset_dir, tmp_path):
    config = write_config(tmp_path, dataset_dir, max_steps=6, eval_steps=3, save_steps=3)
    bucket = tmp_path / "bucket"
    done = train(trainer_python, trainer_env, tmp_path, "--config", config, "--cards", "2", "--keep", bucket)
    assert done.returncode == 0, done.stdout + done.stderr
    found = the_run(tmp_path)
    state = json.loads((found / "checkpoint-6" / "trainer_state.json").read_text(encoding="utf-8"))
    # 96 rows, 4 × 2 at a time: 12 steps an epoch for one process, 6 for two.
    assert state["epoch"] == pytest.approx(1.0)
    assert json.loads((found / "run.json").read_text(encoding="utf-8"))["cards"] == 2
    kept = bucket / found.name
    assert run.last_step(kept) == 6
    assert (kept / "adapter_model.safetensors").read_bytes() == (found / "adapter_model.safetensors").read_bytes()
    again = train(trainer_python, trainer_env, tmp_path, "--config", config)
    assert again.returncode == 2
    assert "cards: 2 -> 1" in again.stderr


# --- the parts


def whole_checkpoint(folder: Path, step: int) -> Path:
    checkpoint = folder / f"checkpoint-{step}"
    checkpoint.mkdir(parents=True)
    history = [{"step": number, "loss": 8 - number / 10} for number in range(1, step + 1)]
    state = {"global_step": step, "log_history": [*history, {"step": step, "eval_loss": 7.0}]}
    (checkpoint / "trainer_state.json").write_text(json.dumps(state), encoding="utf-8")
    return checkpoint


def test_ten_minutes_without_a_checkpoint_ask_for_one(tmp_path):
    clock = launch.Clock(tmp_path, can_save=True, seconds=0.05)
    request = tmp_path / launch.SAVE_REQUEST
    clock.tick(training=False)
    time.sleep(0.1)
    clock.tick(training=False)  # the model is still being loaded
    assert not request.exists()
    time.sleep(0.1)
    clock.tick(training=True)
    assert request.exists()
    request.unlink()
    time.sleep(0.1)
    clock.tick(training=True)  # asked once, until a checkpoint has come
    assert not request.exists()
    whole_checkpoint(tmp_path, 7)
    clock.tick(training=True)
    time.sleep(0.1)
    clock.tick(training=True)
    assert request.exists()


def test_ten_minutes_is_what_it_says():
    assert launch.SECONDS_BETWEEN_CHECKPOINTS == 600


def test_a_fresh_machine_takes_back_what_was_kept(tmp_path):
    here, home = tmp_path / "outputs" / "run", tmp_path / "bucket"
    keeper = Keeper(here, home)
    keeper.check()
    for step in (10, 20, 30):
        whole_checkpoint(here, step)
        (here / "fingerprint.json").write_text("{}", encoding="utf-8")
        keeper.tick()
        keeper.finish()
    assert [path.name for path in run.checkpoints(home / "run")] == ["checkpoint-20", "checkpoint-30"]
    other = tmp_path / "elsewhere" / "run"
    fresh = Keeper(other, home)
    assert fresh.restore() == 30
    assert (other / "fingerprint.json").is_file()
    assert fresh.restore() == 0  # nothing newer there
    assert not list(home.rglob("*.tmp"))


def test_a_second_home_that_cannot_be_written_is_known_at_once(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match="KEEP="):
        Keeper(tmp_path / "run", tmp_path / "file").check()


def test_a_vanished_second_home_ends_no_training(tmp_path):
    keeper = Keeper(tmp_path / "run", tmp_path / "bucket")
    whole_checkpoint(tmp_path / "run", 10)
    (tmp_path / "bucket").write_text("", encoding="utf-8")
    keeper.finish()
    assert "not copied" in keeper.trouble


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_every_way_of_asking_to_stop_is_heard(number):
    code = (
        "import os\nfrom axolotl_configs import launch\nlaunch.catch_signals()\n"
        f"try:\n    os.kill(os.getpid(), {int(number)})\nexcept launch.Stopped as stopped:\n    os._exit(stopped.number)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60)
    assert done.returncode == number


def test_without_a_second_home_nothing_happens(tmp_path):
    keeper = Keeper(tmp_path / "run", None)
    keeper.check()
    keeper.tick()
    keeper.finish()
    assert keeper.restore() == 0
    assert list(tmp_path.iterdir()) == []


def test_the_curves_are_drawn(tmp_path):
    whole_checkpoint(tmp_path, 30)
    drawn = curves.draw(tmp_path)
    text = drawn.read_text(encoding="utf-8")
    assert text.startswith("<svg")
    assert text.rstrip().endswith("</svg>")
    assert "step 30" in text
    assert curves.draw(tmp_path / "nothing") is None


def test_several_processes_are_launched_by_what_really_starts_them(tmp_path):
    config = {"base_model": "x", "bf16": True}
    one = launch.command(tmp_path / "c.yaml", config, on_gpu=False)
    assert "--cpu" in one and "--multi_gpu" not in one
    four = launch.command(tmp_path / "c.yaml", config, on_gpu=True, cards=4)
    assert "--multi_gpu" in four
    assert four[four.index("--num_processes") + 1] == "4"
    assert four[four.index("--mixed_precision") + 1] == "bf16"
    two = launch.command(tmp_path / "c.yaml", config, on_gpu=False, cards=2)
    assert "--cpu" not in two  # accelerate would start a single process and say nothing
    assert launch.environment(config, on_gpu=False)["ACCELERATE_USE_CPU"] == "true"
    assert ROOT.is_dir()


def test_all_cards_of_a_launch_are_visible(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert launch.environment({}, on_gpu=True, cards=4)["CUDA_VISIBLE_DEVICES"] == "0,1,2,3"
