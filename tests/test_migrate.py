"""The guide's own config and command become the right config, with what changed and why."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from axolotl_configs import build, choose, doctor, migrate, preflight
from axolotl_configs.errors import ConfigError
from axolotl_configs.keys import misfits
from axolotl_configs.rules import RULES

ROOT = Path(__file__).parents[1]
GUIDE = """\
base_model: Qwen/Qwen2.5-32B-Instruct
model_type: AutoModelForCausalLM
tokenizer_type: AutoTokenizer

load_in_4bit: true
adapter: lora
lora_r: 32
lora_alpha: 64
lora_dropout: 0.05
lora_target_modules:
  - q_proj
  - v_proj
  - k_proj
  - o_proj

datasets:
  - path: unimed_training.jsonl
    type: chat_template
    conversation: qwen

num_epochs: 3
micro_batch_size: 2
gradient_accumulation_steps: 8
learning_rate: 0.0002
warmup_ratio: 0.03

special_tokens:
  pad_token: "<|endoftext|>"
"""
COMMAND = (
    "--config unimed_lora_config.yml --dataset_path ./unimed_training.jsonl --output_dir ./unimed-lora --num_epochs 3 "
    "--batch_size 4 --learning_rate 2e-4 --lora_r 32 --lora_alpha 64 --gradient_checkpointing"
).split()


def run(*arguments: object, cwd: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "axolotl_configs", *map(str, arguments)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, encoding="utf-8", timeout=120)


def test_the_guides_config_becomes_one_that_passes(tmp_path):
    (tmp_path / "old.yml").write_text(GUIDE, encoding="utf-8")
    done = run("migrate", "old.yml", "--flags", *COMMAND, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "old.migrated.yaml").read_text(encoding="utf-8")
    config = yaml.safe_load(text)
    assert list(misfits(config)) == []
    assert [problem for rule in RULES for problem in rule(config)] == []
    assert (config["adapter"], config["load_in_4bit"]) == ("qlora", True)
    assert (config["num_epochs"], config["lora_dropout"], config["learning_rate"]) == (3, 0.05, 2e-4)
    assert len(config["lora_target_modules"]) == 7
    assert config["datasets"][0]["path"] == "./unimed_training.jsonl"
    assert not build.is_untouched(text), "`make configs` must never overwrite it"
    assert "make train CONFIG=old.migrated.yaml" in text
    for said in (
        "quantises nothing",
        "`conversation` removed",
        "gate_proj, up_proj, down_proj",
        "--dataset_path: Axolotl",
    ):
        assert said in done.stdout, said
        assert said in text, said
    assert "--batch_size 4: Axolotl refuses it" in done.stdout


def test_a_typo_of_a_flag_is_told(tmp_path):
    story = migrate.migrate(yaml.safe_load(GUIDE), migrate.read_flags(["--lora-rank=8", "--loraa", "3"])).story
    assert any("--lora_rank 8" in line and "in silence" in line for line in story)
    assert any("--loraa: dropped" in line for line in story)


def test_what_is_right_already_keeps_its_numbers():
    text = build.render("qwen2.5-32b_qlora_a100-80gb")
    done = migrate.migrate(yaml.safe_load(text))
    assert yaml.safe_load(done.text) == yaml.safe_load(text)


@pytest.mark.parametrize("value", ["x", None, -1, [1]])
def test_a_number_that_makes_no_sense_is_replaced(value):
    done = migrate.migrate({**yaml.safe_load(GUIDE), "lora_r": value})
    assert yaml.safe_load(done.text)["lora_r"] == 32
    assert any("makes sense" in line for line in done.story)


def test_an_unknown_model_is_one_message(tmp_path):
    with pytest.raises(ConfigError, match=r"presets\.yaml"):
        migrate.migrate({"base_model": "someone/else"})
    (tmp_path / "old.yml").write_text(GUIDE.replace("32B", "33B"), encoding="utf-8")
    done = run("migrate", "old.yml", cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    (tmp_path / "old.yml").write_text(GUIDE, encoding="utf-8")
    (tmp_path / "old.migrated.yaml").write_text("mine", encoding="utf-8")
    assert run("migrate", "old.yml", cwd=tmp_path).returncode == 2
    assert (tmp_path / "old.migrated.yaml").read_text(encoding="utf-8") == "mine"


# --- doctor


def fake_nvidia_smi(folder: Path, monkeypatch, name: str, total: int, free: int) -> None:
    fake = folder / "bin" / "nvidia-smi"
    fake.parent.mkdir()
    answer = f"case \"$1\" in *driver*) echo '580.1, {free}, {total}';; *) echo '{name}, {total}';; esac"
    fake.write_text(f"#!/bin/sh\n{answer}\n", encoding="utf-8")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(fake.parent), prepend=":")


REAL = {"base_model": "Qwen/Qwen2.5-32B-Instruct", "bf16": True, "load_in_4bit": True, "lora_r": 32}


def test_a_card_that_is_in_use_is_red(tmp_path, monkeypatch):
    fake_nvidia_smi(tmp_path, monkeypatch, "NVIDIA A100-SXM4-80GB", 81920, 30000)
    found = list(doctor.examine(REAL))
    assert any(p.level == "red" and "something else is using it" in p.message for p in found)
    assert any("a100-80gb" in p.message for p in found)
    assert choose.card_here() == "a100-80gb"


def test_a_model_that_is_neither_here_nor_to_be_had_is_red(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert any(p.level == "red" and "not in the cache" in p.message for p in doctor.examine(REAL))
    snapshot = tmp_path / "hub" / "models--Qwen--Qwen2.5-32B-Instruct" / "snapshots" / "main"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}", encoding="utf-8")
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (snapshot / "model.safetensors.index.json").write_text(str(index).replace("'", '"'), encoding="utf-8")
    (snapshot / "model-1.safetensors").write_text("", encoding="utf-8")
    assert any("not in the cache" in p.message for p in doctor.examine(REAL))  # half a download
    (snapshot / "model-2.safetensors").write_text("", encoding="utf-8")
    assert any("lies here" in p.message for p in doctor.examine(REAL))


def test_doctor_without_a_card(tmp_path):
    done = run("doctor", cwd=tmp_path)
    assert done.returncode in (0, 100)
    assert "Traceback" not in done.stderr
    assert re.search(r"this machine: \d+ red", " ".join(done.stdout.split()))


def test_preflight_looks_at_the_machine_where_it_is_the_training_machine(tmp_path, monkeypatch):
    fake_nvidia_smi(tmp_path, monkeypatch, "NVIDIA A100-SXM4-80GB", 81920, 80000)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    path = tmp_path / "config.yaml"
    path.write_text(build.render("qwen2.5-32b_qlora_a100-80gb"), encoding="utf-8")
    assert any(check.code == "machine" for check in preflight.examine(path))
    assert not any(check.code == "machine" for check in preflight.examine(path, card="h200"))
