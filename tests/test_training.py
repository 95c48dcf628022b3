"""The whole chain on the CPU: real rows, the real Axolotl, an adapter, its first answers; and all that is refused."""

import hashlib
import importlib.util
import itertools
import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from axolotl_configs import run
from axolotl_configs.choose import find_gpus
from axolotl_configs.errors import ConfigError
from axolotl_configs.launch import FIRST_LINE, environment, reason
from axolotl_configs.progress import LiveLine, Progress
from axolotl_configs.resolve import Resolved
from axolotl_configs.train import Work
from tests.conftest import ROOT, make_toy
from tests.rows import handmade_rows, write_rows

SMOKE = ROOT / "axolotl_configs" / "cpu_smoke.yaml"
REAL = ROOT / "axolotl_configs" / "qwen2.5-32b_qlora_a100-80gb.yaml"
STEPS = 16
SHORT = {"max_steps": STEPS, "eval_steps": 8, "save_steps": 8, "logging_steps": 1, "lora_r": 8, "lora_alpha": 16}
SHORT |= {"learning_rate": 0.01}  # so few steps must show something


def write_config(folder: Path, dataset_dir: Path, name: str = "short.yaml", **changes) -> Path:
    """The committed smoke config, on the test's rows and with fewer steps."""
    config = yaml.safe_load(SMOKE.read_text(encoding="utf-8")) | SHORT | changes
    config["datasets"][0].update(path=str(dataset_dir / "train.jsonl"), split="train[:96]")
    config["test_datasets"][0].update(path=str(dataset_dir / "eval.jsonl"), split="train[:8]")
    path = folder / name
    path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return path


def train(python: Path, env: dict, folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    command = [str(python), "-m", "axolotl_configs", "train", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=500)


def read_jsonl(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def the_run(folder: Path, config: str = "short") -> Path:
    (found,) = (folder / "outputs").glob(f"{config}_*")
    return found


@pytest.fixture(scope="module")
def trained(trainer_python, trainer_env, dataset_dir, tmp_path_factory):
    """A folder in which one short training has ended, and what it printed."""
    folder = tmp_path_factory.mktemp("trained")
    done = train(trainer_python, trainer_env, folder, "--config", write_config(folder, dataset_dir))
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, done


# --- a training that goes well


@pytest.mark.trainer
def test_an_adapter_lies_there_and_has_learned(trained, dataset_dir):
    folder, done = trained
    found = the_run(folder)
    assert json.loads((found / "adapter_config.json").read_text())["r"] == 8
    for name in ("adapter_model.safetensors", "tokenizer.json", "config.yaml", "train.log", "fingerprint.json"):
        assert (found / name).stat().st_size > 0, name
    assert (found / "manifest.json").read_bytes() == (dataset_dir / "manifest.json").read_bytes()
    record = json.loads((found / "run.json").read_text(encoding="utf-8"))
    assert record["finished"] is True
    assert record["step"] == record["max_steps"] == STEPS
    assert {"axolotl", "torch", "transformers", "peft", "python"} <= record["versions"].keys()
    (session,) = record["sessions"]
    assert (session["from_step"], session["to_step"]) == (0, STEPS)
    assert session["seconds"] > 0 < record["look_seconds"]
    assert f"Trained {STEPS} of {STEPS} steps" in done.stdout


@pytest.mark.trainer
def test_the_loss_is_finite_and_falls(trained):
    folder, _ = trained
    state = json.loads((the_run(folder) / f"checkpoint-{STEPS}" / "trainer_state.json").read_text())
    losses = [entry["loss"] for entry in state["log_history"] if "loss" in entry]
    assert len(losses) == STEPS
    assert all(math.isfinite(loss) for loss in losses)
    assert sum(losses[-4:]) / 4 < sum(losses[:4]) / 4 - 0.2


@pytest.mark.trainer
def test_it_speaks_before_the_machine_goes_back(trained):
    folder, done = trained
    samples = read_jsonl(the_run(folder) / "samples.jsonl")
    assert 20 <= len(samples) <= 31
    assert samples[0]["messages"][0] == {"role": "user", "content": "oi"}
    assert all(row["messages"][-1]["role"] == "assistant" for row in samples)
    assert all(list(row)[:3] == ["id", "category", "messages"] for row in samples)
    assert "A toy model answers" in done.stdout
    assert f"{len(samples)} answers" in done.stdout


@pytest.mark.trainer
def test_a_finished_run_is_not_trained_again(trained, trainer_python, trainer_env):
    folder, _ = trained
    adapter = the_run(folder) / "adapter_model.safetensors"
    before = (adapter.stat().st_mtime_ns, (the_run(folder) / "train.log").stat().st_size)
    done = train(trainer_python, trainer_env, folder, "--config", "short.yaml")
    assert done.returncode == 0, done.stderr
    assert "finished already" in done.stdout
    assert before == (adapter.stat().st_mtime_ns, (the_run(folder) / "train.log").stat().st_size)


@pytest.mark.trainer
@pytest.mark.parametrize(
    ("changes", "said"),
    [({"lora_r": 4}, "lora_r: 8 -> 4"), ({"learning_rate": 0.001}, "learning_rate: 0.01 -> 0.001")],
)
def test_a_changed_config_never_continues_the_old_run(trained, trainer_python, trainer_env, dataset_dir, changes, said):
    folder, _ = trained
    elsewhere = folder / "edited"
    elsewhere.mkdir(exist_ok=True)
    config = write_config(elsewhere, dataset_dir, **changes)  # the same name, hence the same run
    done = train(trainer_python, trainer_env, folder, "--config", config)
    assert done.returncode == 2
    assert said in done.stderr
    assert "RESUME=no" in done.stderr


@pytest.mark.trainer
def test_another_rank_is_another_run(trained, trainer_python, trainer_env):
    folder, _ = trained
    command = [str(trainer_python), "-m", "axolotl_configs", "resolve", "short.yaml", "--rank", "4"]
    done = subprocess.run(command, cwd=folder, env=trainer_env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    resolved = yaml.safe_load(done.stdout)
    assert (resolved["lora_r"], resolved["lora_alpha"]) == (4, 8)
    assert resolved["output_dir"] != the_run(folder).relative_to(folder).as_posix()


DAMAGE = """
import json, shutil, sys
from pathlib import Path
from safetensors.torch import load_file, save_file
from axolotl_configs.run import proof

whole = Path(sys.argv[1])
def damaged(name, hurt):
    copy = whole.with_name(name)
    shutil.copytree(whole, copy)
    hurt(copy)
    print(json.dumps([name, proof(copy).problems]))

def change(folder, edit):
    file = folder / "adapter_model.safetensors"
    tensors = load_file(file)
    for key in tensors:
        edit(key, tensors[key])
    save_file(tensors, file)

def unfinished(folder):
    for checkpoint in folder.glob("checkpoint-*"):
        file = checkpoint / "trainer_state.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), "max_steps": 999}))

damaged("whole", lambda folder: None)
damaged("no_adapter", lambda folder: (folder / "adapter_model.safetensors").unlink())
damaged("cut", lambda folder: (folder / "adapter_model.safetensors").write_bytes(b"cut"))
damaged("nan", lambda folder: change(folder, lambda key, tensor: tensor.fill_(float("nan"))))
damaged("zero", lambda folder: change(folder, lambda key, tensor: tensor.zero_()))
damaged("no_checkpoint", lambda folder: [shutil.rmtree(path) for path in folder.glob("checkpoint-*")])
damaged("unfinished", unfinished)
"""


@pytest.mark.trainer
def test_success_is_what_lies_on_disk(trained, trainer_python, trainer_env, tmp_path):
    folder, _ = trained
    copy = tmp_path / "runs" / "original"
    copy.parent.mkdir()
    subprocess.run(["cp", "-r", str(the_run(folder)), str(copy)], check=True)
    command = [str(trainer_python), "-c", DAMAGE, str(copy)]
    done = subprocess.run(command, cwd=ROOT, env=trainer_env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    problems = {name: " ".join(found) for name, found in map(json.loads, done.stdout.splitlines())}
    assert problems.pop("whole") == ""
    said = {
        "no_adapter": "is missing",
        "cut": "cannot be read",
        "nan": "not finite",
        "zero": "nothing learned",
        "no_checkpoint": "no checkpoint",
        "unfinished": f"step {STEPS} of 999",
    }
    assert problems.keys() == said.keys()
    for name, words in said.items():
        assert words in problems[name], name


# --- stopped, and gone on with


@pytest.mark.trainer
def test_a_stopped_training_goes_on(trained, trainer_python, trainer_env, dataset_dir):
    folder, _ = trained  # its toy and its tokenized rows are used again
    steps = 40
    config = write_config(folder, dataset_dir, "stopped.yaml", max_steps=steps, eval_steps=20, save_steps=20)
    command = [str(trainer_python), "-m", "axolotl_configs", "train", "--config", str(config)]
    with subprocess.Popen(
        command, cwd=folder, env=trainer_env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as child:
        said = []
        for line in child.stdout:
            said.append(line)
            if "· loss" in line:
                child.send_signal(signal.SIGTERM)
                break
        said += child.stdout.readlines()
    stopped = the_run(folder, "stopped")
    assert child.returncode == 128 + signal.SIGTERM, "".join(said)
    assert "goes on from there" in said[-1], "".join(said)
    assert "Traceback" not in "".join(said)
    step = run.last_step(stopped)
    assert 0 < step < steps
    assert not list(stopped.glob("axolotl_checkpoint.save"))

    done = train(trainer_python, trainer_env, folder, "--config", config)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"going on from step {step}" in done.stdout
    assert f"Trained {steps} of {steps} steps" in done.stdout
    sessions = json.loads((stopped / "run.json").read_text(encoding="utf-8"))["sessions"]
    assert [(session["from_step"], session["to_step"]) for session in sessions] == [(0, step), (step, steps)]


# --- refused before anything starts


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({"lora_rank": 8}, 100, "lora_rank"),
        ({"adapter": "lora", "load_in_4bit": True}, 100, "load_in_4bit"),
        ({"lora_r": "many"}, 100, "lora_r"),
    ],
)
def test_a_bad_config_starts_nothing(dataset_dir, tmp_path, changes, code, said):
    config = write_config(tmp_path, dataset_dir, **changes)
    done = train(Path(sys.executable), {**os.environ, "PYTHONPATH": str(ROOT)}, tmp_path, "--config", config)
    assert done.returncode == code
    assert said in done.stderr
    assert "fix:" in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["short.yaml"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--config", "no-such.yaml"], 2, "no-such.yaml"),
        (["--config", "short.yaml", "--rank", "0"], 2, "RANK"),
        (["--config", "short.yaml", "--alpha", "much"], 2, "ALPHA"),
        (["--config", "short.yaml", "--resume", "perhaps"], 2, "RESUME"),
        (["--config", "short.yaml", "--data", "no-such-folder"], 100, "no-such-folder"),
    ],
)
def test_bad_arguments_start_nothing(dataset_dir, tmp_path, arguments, code, said):
    write_config(tmp_path, dataset_dir)
    done = train(Path(sys.executable), {**os.environ, "PYTHONPATH": str(ROOT)}, tmp_path, *arguments)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["short.yaml"]


def test_the_light_environment_says_where_training_lives(dataset_dir, tmp_path):
    if importlib.util.find_spec("axolotl"):
        pytest.skip("Axolotl is installed beside pytest")
    config = write_config(tmp_path, dataset_dir)
    done = train(Path(sys.executable), {**os.environ, "PYTHONPATH": str(ROOT)}, tmp_path, "--config", config)
    assert done.returncode == 2
    assert "has no Axolotl" in done.stderr
    assert "make train" in done.stderr


@pytest.mark.trainer
@pytest.mark.skipif(bool(find_gpus()), reason="this machine has a GPU")
def test_a_gpu_config_is_refused_without_a_gpu(trainer_python, trainer_env, dataset_dir, tmp_path):
    done = train(trainer_python, trainer_env, tmp_path, "--config", REAL, "--data", dataset_dir)
    assert done.returncode == 2
    assert "needs an NVIDIA GPU" in done.stderr
    assert not (tmp_path / "outputs").exists()


def test_look_wants_a_trained_run(tmp_path):
    command = [sys.executable, "-m", "axolotl_configs", "look", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "no trained run" in done.stderr


# --- the toy


@pytest.mark.trainer
def test_the_toy_is_the_same_bytes_each_time(trainer_python, trainer_env, toy_model, dataset_dir, tmp_path):
    make_toy(trainer_python, trainer_env, dataset_dir / "train.jsonl", tmp_path / "again")

    def hashes(folder: Path) -> dict[str, str]:
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}

    assert hashes(tmp_path / "again") == hashes(toy_model)
    assert {"model.safetensors", "tokenizer.json", "config.json"} <= hashes(toy_model).keys()


@pytest.mark.trainer
def test_the_toy_is_built_like_qwen(toy_model):
    config = json.loads((toy_model / "config.json").read_text())
    tokenizer = json.loads((toy_model / "tokenizer.json").read_text(encoding="utf-8"))
    added = {token["content"]: token["special"] for token in tokenizer["added_tokens"]}
    assert config["architectures"] == ["Qwen2ForCausalLM"]
    assert added == {
        "<|endoftext|>": True,
        "<|im_start|>": True,
        "<|im_end|>": True,
        "<tool_call>": False,
        "</tool_call>": False,
    }
    assert json.loads((toy_model / "tokenizer_config.json").read_text())["eos_token"] == "<|im_end|>"
    digits = [token for token in tokenizer["model"]["vocab"] if set(token) & set("0123456789")]
    assert sorted(digits) == list("0123456789"), "a CPF must be eleven tokens"


def test_the_toy_needs_rows_and_leaves_strangers_alone(tmp_path):
    rows = write_rows(tmp_path / "rows.jsonl", handmade_rows(6))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "model.safetensors").write_text("precious")
    for arguments, said in (
        (["--rows", "no-such.jsonl", "--out", "toy"], "no-such.jsonl"),
        (["--rows", rows.name, "--out", "mine"], "mine"),
    ):
        command = [sys.executable, "-m", "axolotl_configs", "tiny-model", *arguments]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60)
        assert done.returncode == 2
        assert said in done.stderr
    assert (tmp_path / "mine" / "model.safetensors").read_text() == "precious"


# --- small parts


OUTPUT = """
Tokenizing Prompts (num_proc=2): 100%|██████████| 60/60 [00:00<00:00, 207.64 examples/s]
[INFO] [axolotl.train] Starting trainer...
  0%|          | 0/4 [00:00<?, ?it/s]
  0%|          | 0/6 [00:00<?, ?it/s]
{'eval_loss': '7.631', 'eval_runtime': '0.1423', 'epoch': 0}
{'loss': '7.627', 'grad_norm': '0.4255', 'learning_rate': '0.0002', 'tokens/total': 1000, 'epoch': '0.03'}
 25%|██▌       | 1/4 [00:00<00:01,  2.88it/s]
{'loss': 'nan', 'tokens/train_per_sec_per_gpu': '90', 'tokens/total': 12600, 'epoch': '0.07'}
 50%|█████     | 2/4 [00:00<00:00,  2.88it/s]
100%|██████████| 6/6 [00:00<00:00, 59.62it/s]
{not python
"""


def test_progress_is_read_from_axolotls_output(monkeypatch):
    clock = itertools.count(0.0, 2.0)
    monkeypatch.setattr("axolotl_configs.progress.time.monotonic", lambda: next(clock))
    progress = Progress()
    said = [progress.read(line) for line in OUTPUT.splitlines()]
    assert [words for words in said if words] == ["training begins"]
    assert (progress.step, progress.total, progress.losses) == (2, 4, 2)
    assert math.isnan(progress.loss)
    assert progress.eval_loss == 7.631
    assert str(progress).startswith("step 2/4 · loss nan · eval loss 7.631 · 2,900 tokens/s")


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ("ValueError: old\n" + FIRST_LINE + "\nall is well\n", ""),
        (FIRST_LINE + "\n  x\nValueError: too long\nsubprocess.CalledProcessError: exit 1\n", "ValueError: too long"),
        (FIRST_LINE + "\ntorch.OutOfMemoryError: CUDA\n", "torch.OutOfMemoryError: CUDA"),
        (FIRST_LINE + "\nsubprocess.CalledProcessError: died with <Signals.SIGKILL: 9>.\n", "want of memory"),
    ],
)
def test_the_reason_of_a_failure_is_found_in_the_log(tmp_path, log, said):
    (tmp_path / "train.log").write_text(log, encoding="utf-8")
    assert said in reason(tmp_path / "train.log")
    assert bool(reason(tmp_path / "train.log")) is bool(said)


def test_what_never_came_to_a_save_may_be_changed(tmp_path):
    rows = write_rows(tmp_path / "train.jsonl", handmade_rows(6))
    config = {"base_model": "x", "lora_r": 8, "datasets": [{"path": str(rows)}]}
    work = Work(Resolved(config, "x", tmp_path / "run"), on_gpu=False, resume=True)
    work.run_dir.mkdir()
    run.write_json(work.run_dir / "fingerprint.json", run.fingerprint(config))
    changed = run.fingerprint({**config, "lora_r": 16})
    assert work.already_finished(changed) is False
    (work.run_dir / "checkpoint-20").mkdir()
    (work.run_dir / "checkpoint-20" / "trainer_state.json").write_text("{}")
    with pytest.raises(ConfigError, match="lora_r: 8 -> 16"):
        work.already_finished(changed)


class Screen:
    """Something to print on; a terminal or a file."""

    def __init__(self, terminal: bool):
        self.terminal, self.text = terminal, ""

    def isatty(self) -> bool:
        return self.terminal

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None:
        pass


@pytest.mark.parametrize("terminal", [True, False])
def test_the_live_line_renews_itself_only_on_a_terminal(terminal):
    screen, progress = Screen(terminal), Progress()
    live = LiveLine(screen)
    for line in OUTPUT.splitlines():
        live.show(progress, progress.read(line))
    live.end(progress)
    assert "training begins" in screen.text
    assert ("\r" in screen.text) is terminal
    assert "step 2/4" in screen.text
    assert screen.text.endswith("\n")


def test_telemetry_is_off_and_no_card_is_used_unasked(monkeypatch, tmp_path):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    on_cpu = environment({"base_model": str(tmp_path)}, on_gpu=False)
    assert on_cpu["AXOLOTL_DO_NOT_TRACK"] == on_cpu["DO_NOT_TRACK"] == on_cpu["HF_HUB_OFFLINE"] == "1"
    assert on_cpu["CUDA_VISIBLE_DEVICES"] == ""
    on_gpu = environment({"base_model": "Qwen/Qwen2.5-32B-Instruct"}, on_gpu=True)
    assert on_gpu["CUDA_VISIBLE_DEVICES"] == "0"
    assert on_gpu.get("HF_HUB_OFFLINE") == os.environ.get("HF_HUB_OFFLINE")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    assert environment({}, on_gpu=True)["CUDA_VISIBLE_DEVICES"] == "3"


def test_a_fingerprint_sees_data_base_and_config(tmp_path):
    rows = write_rows(tmp_path / "train.jsonl", handmade_rows(6))
    base = tmp_path / "base"
    base.mkdir()
    (base / "config.json").write_text("{}")
    config = {"base_model": str(base), "lora_r": 8, "logging_steps": 1, "datasets": [{"path": str(rows)}]}
    before = run.fingerprint(config)
    assert run.differences(before, run.fingerprint({**config, "logging_steps": 5, "output_dir": "x"})) == []
    assert run.differences(before, run.fingerprint({**config, "lora_r": 16})) == ["lora_r: 8 -> 16"]
    assert run.differences(before, run.fingerprint({**config, "seed": 1})) == ["seed: not set -> 1"]
    write_rows(rows, handmade_rows(7))
    assert run.differences(before, run.fingerprint(config)) == ["data: the contents of train.jsonl changed"]
    write_rows(rows, handmade_rows(6))
    (base / "config.json").write_text('{"hidden_size": 1}')
    assert run.differences(before, run.fingerprint(config)) == [f"base_model: the files in {base} changed"]


def test_nothing_is_lost_when_a_run_is_set_aside(tmp_path):
    for _ in range(2):
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "adapter").write_text(str(time.monotonic_ns()))
        run.set_aside(tmp_path / "run")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.old-1", "run.old-2"]


def test_a_half_written_checkpoint_is_out_of_sight(tmp_path):
    for name, whole in (("checkpoint-20", True), ("checkpoint-100", True), ("checkpoint-120", False)):
        (tmp_path / name).mkdir()
        if whole:
            (tmp_path / name / "trainer_state.json").write_text("{}")
    assert run.drop_broken_checkpoints(tmp_path) == ["checkpoint-120"]
    assert [path.name for path in run.checkpoints(tmp_path)] == ["checkpoint-20", "checkpoint-100"]
    assert run.last_step(tmp_path) == 100
