"""The rehearsal: a model that weighs nothing, noise in its place, a real Axolotl run, and figures for the next preflight."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from axolotl_configs import hollow, preflight, presets, rehearse, workload
from axolotl_configs.build import render
from tests.conftest import ROOT
from tests.test_training import write_config

PRESETS = presets.load_presets()
MINI = {"layers": 2, "intermediate_size": 256, "attention_heads": 4, "key_value_heads": 2, "vocabulary": 2048}


def mini(family: str) -> presets.Model:
    size = 64 if family == "qwen3" else None
    return presets.Model(title="x", hub=f"x/{family}-mini", family=family, hidden_size=128, head_size=size, **MINI)


@pytest.mark.parametrize("name", PRESETS.models)
def test_a_hollow_model_has_exactly_the_weights_of_the_real_one(name):
    model = PRESETS.models[name]
    count = 0
    for shape in hollow.tensors(model).values():
        size = 1
        for side in shape:
            size *= side
        count += size
    assert count == model.parameters


def test_sixty_gigabytes_take_no_room(tmp_path):
    folder = hollow.make_hollow(PRESETS.models["qwen2.5-32b"], tmp_path, tmp_path / "hollow")
    weights = folder / "model.safetensors"
    assert weights.stat().st_size > 60 * 2**30
    assert weights.stat().st_blocks * 512 < 2**20


def test_a_rehearsal_keeps_what_decides_memory_and_speed():
    config = yaml.safe_load(render("qwen2.5-32b_qlora_a100-80gb"))
    short = rehearse.rehearsal_config(config, 24, 2000, "build/hollow/x")
    work, before = workload.read(short, text=""), workload.read(config, text="")
    same = ("sequence_len", "micro_batch", "accumulation", "rank", "targets", "four_bit", "optimizer", "fused_loss")
    assert {key: getattr(work, key) for key in same} == {key: getattr(before, key) for key in same}
    assert short["max_steps"] == 24
    assert not {"loss_watchdog_threshold", "save_steps", "load_best_model_at_end", "model_revision"} & short.keys()
    assert config["save_steps"], "the config itself is left as it is"


LOAD = """
import json, sys
from pathlib import Path
import torch
from transformers import AutoModelForCausalLM, BitsAndBytesConfig
from axolotl_configs import plugins
bits = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
                          bnb_4bit_compute_dtype=torch.bfloat16, bnb_4bit_quant_storage=torch.bfloat16)
for more in ({}, {"quantization_config": bits}):
    model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.bfloat16, **more)
    plugins.Rehearsal().post_model_build(None, model)
    words = torch.arange(64)[None]
    with torch.no_grad():
        loss = float(model(input_ids=words, labels=words).loss)
        spread = float(model.model(words).last_hidden_state.float().std())
    print(json.dumps({"loss": loss, "spread": spread, "kinds": sorted({type(p).__name__ for p in model.parameters()})}))
"""


@pytest.mark.trainer
@pytest.mark.parametrize("family", ["qwen2", "qwen3"])
def test_a_hollow_model_is_filled_with_noise_in_16_and_in_4_bits(
    family, trainer_python, trainer_env, toy_model, tmp_path
):
    folder = hollow.make_hollow(mini(family), toy_model, tmp_path)
    command = [str(trainer_python), "-c", LOAD, str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=trainer_env, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    plain, four = (json.loads(line) for line in done.stdout.splitlines() if line.startswith("{"))
    assert "Params4bit" in four["kinds"]
    assert "Params4bit" not in plain["kinds"]
    for found in (plain, four):
        assert 6 < found["loss"] < 10  # the logarithm of 2048 words is 7.6
        assert found["spread"] > 0.1


DEEPSPEED = """
import json, sys
from deepspeed.runtime.config import DeepSpeedConfig
def filled(node):
    return {key: filled(value) if isinstance(value, dict) else 1 if value == "auto" else value for key, value in node.items()}
for path in sys.argv[1:]:
    config = DeepSpeedConfig(filled(json.load(open(path))))
    print("STAGE", config.zero_optimization_stage, config.bfloat16_config.enabled)
"""


@pytest.mark.trainer
def test_our_deepspeed_files_are_valid_for_deepspeeds_own_parser(trainer_python, trainer_env):
    files = sorted(str(path) for path in (ROOT / "axolotl_configs" / "deepspeed").glob("*.json"))
    done = subprocess.run(
        [str(trainer_python), "-c", DEEPSPEED, *files], env=trainer_env, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stdout.splitlines() if line.startswith("STAGE")]  # DeepSpeed logs on stdout too
    assert said == ["STAGE 2 True", "STAGE 3 True"]


@pytest.mark.trainer
def test_rehearsing_measures_and_the_next_preflight_knows_it(
    trainer_python, trainer_env, dataset_dir, tmp_path, monkeypatch
):
    config = write_config(tmp_path, dataset_dir)
    command = [str(trainer_python), "-m", "axolotl_configs", "rehearse", str(config), "--steps", "8", "--price", "1"]
    done = subprocess.run(command, cwd=tmp_path, env=trainer_env, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Measured on CPU, 4 steps" in done.stdout
    assert "tokens/s" in done.stdout
    assert not list(tmp_path.glob("build/rehearsal/*/checkpoint-*"))
    monkeypatch.chdir(tmp_path)
    checks = preflight.examine(Path(config))
    assert any("measured on CPU" in check.message for check in checks)


def test_figures_are_those_of_the_timed_steps():
    text = render("qwen2.5-32b_qlora_a100-80gb")
    work = workload.read(yaml.safe_load(text), text=text)
    report = {"device": "NVIDIA A100-SXM4-80GB", "peak_bytes": 34 * 2**30, "seconds": [90.0, 30, 30, 30, *[20.0] * 6]}
    report["tokens"] = [16_000.0 * step for step in range(1, 11)]
    found = rehearse.read_report(report, work)
    assert (found.steps, found.seconds_per_step, found.tokens_per_second, found.peak_gib) == (6, 20.0, 800.0, 34.0)
    assert found.mfu == pytest.approx(800 * 6 * 32.76e9 / 312e12, abs=0.001)
