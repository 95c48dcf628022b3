import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from axolotl_configs import build, choose, presets, resolve, toy
from axolotl_configs.choose import Gpu
from axolotl_configs.errors import ConfigError
from axolotl_configs.keys import AXOLOTL_VERSION, misfits
from axolotl_configs.rules import RULES

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "axolotl_configs"
REAL, SMOKE = "qwen2.5-32b_qlora_a100-80gb", "cpu_smoke"
CONFIGS = sorted(path for path in FOLDER.glob("*.yaml") if path.name != "presets.yaml")
PRESETS = presets.load_presets()


# --- what is committed and generated


def test_there_are_configs_to_test():
    assert {REAL, SMOKE} <= {path.stem for path in CONFIGS}
    assert set(PRESETS.presets) <= {path.stem for path in CONFIGS}
    assert len(CONFIGS) >= 13


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_committed_config_passes_every_rule(path):
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert list(misfits(config)) == []
    assert [problem for rule in RULES for problem in rule(config)] == []


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_an_untouched_config_is_what_its_preset_gives(path):
    text = path.read_text(encoding="utf-8")
    if not build.is_untouched(text) or path.stem not in PRESETS.presets:
        pytest.skip("edited or made to measure by its owner")
    assert text == build.render(path.stem), "run `make configs`"


@pytest.mark.parametrize("name", PRESETS.presets)
def test_a_generated_config_says_how_to_use_it_and_begins_with_rank_and_alpha(name):
    text = build.render(name)
    assert f"make train CONFIG=axolotl_configs/{name}.yaml" in text
    assert list(yaml.safe_load(text))[:2] == ["lora_r", "lora_alpha"]
    assert build.is_untouched(text)
    assert max(map(len, text.splitlines())) <= 120
    comments = sum(line.lstrip().startswith("#") for line in text.splitlines())
    assert comments > len(text.splitlines()) / 3


def test_the_real_config_keeps_the_guides_adapter_and_gives_reasons_for_the_rest():
    text = build.render(REAL)
    config = yaml.safe_load(text)
    assert (config["lora_r"], config["lora_alpha"]) == (32, 64)
    assert sorted(config["lora_target_modules"]) == sorted(
        ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    )
    for key, value, guide in (("learning_rate", 1e-4, "2e-4"), ("num_epochs", 2, "3"), ("lora_dropout", 0.0, "0.05")):
        assert config[key] == value
        comment = _comment_above(text, key)
        assert f"The guide has {guide}" in comment
        assert len(comment) > 80


def _comment_above(text: str, key: str) -> str:
    lines = text.splitlines()
    end = next(number for number, line in enumerate(lines) if line.startswith(f"{key}:"))
    start = end
    while lines[start - 1].startswith("#"):
        start -= 1
    return " ".join(lines[start:end])


def test_the_smoke_differs_from_the_real_one_only_where_a_cpu_must():
    real, smoke = (yaml.safe_load(build.render(name)) for name in (REAL, SMOKE))
    for key in ("lora_r", "lora_alpha", "lora_target_modules", "chat_template", "special_tokens", "roles_to_train"):
        assert real.get(key) == smoke.get(key)
    assert smoke["bf16"] is False
    assert not any(smoke[key] for key in smoke if key.endswith("_kernel"))
    assert "plugins" not in smoke


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("qwen2.5-32b", 32_763_876_352),
        ("qwen2.5-14b", 14_770_033_664),
        ("qwen2.5-7b", 7_615_616_512),
        ("qwen2.5-0.5b", 494_032_768),
        ("qwen3-32b", 32_762_123_264),
        ("qwen3-14b", 14_768_307_200),
        ("qwen3-8b", 8_190_735_360),
    ],
)
def test_the_weights_of_each_model_are_counted_as_on_its_card(name, parameters):
    assert PRESETS.models[name].parameters == parameters


def test_sizes_are_those_of_the_model_card():
    model = PRESETS.models["qwen2.5-32b"]
    assert model.adapter_parameters(32) == 268_435_456
    assert 60 < model.download_gib < 62
    assert 17.5 < model.nf4_gib < 18.5


def test_the_toy_is_the_one_that_is_made():
    model = PRESETS.models["tiny-qwen2"]
    recipe = toy.RECIPE
    assert model.hub == toy.TOY_PATH
    assert (model.hidden_size, model.layers, model.intermediate_size, model.vocabulary) == (
        recipe["hidden_size"],
        recipe["num_hidden_layers"],
        recipe["intermediate_size"],
        recipe["vocab_size"],
    )


# --- `make configs` and the edits


def test_edits_survive_and_are_shown(tmp_path, capsys):
    path = tmp_path / f"{SMOKE}.yaml"
    fresh = build.render(SMOKE)
    assert build.write(path, fresh) is build.Fate.WRITTEN
    assert build.write(path, fresh) is build.Fate.UNCHANGED
    edited = fresh.replace("lora_r: 32", "lora_r: 16")
    path.write_text(edited, encoding="utf-8")
    assert build.write(path, fresh) is build.Fate.KEPT
    assert path.read_text(encoding="utf-8") == edited
    shown = "".join(build.difference(path, fresh))
    assert "-lora_r: 32" in shown
    assert "+lora_r: 16" in shown
    assert "checksum" not in shown
    assert build.write(path, fresh, force=True) is build.Fate.WRITTEN
    assert path.read_text(encoding="utf-8") == fresh


def test_an_untouched_file_of_an_older_master_is_rewritten(tmp_path):
    path = tmp_path / "old.yaml"
    path.write_text(build.sign("# an old header\n\nlora_r: 8\n"), encoding="utf-8")
    assert build.write(path, build.render(SMOKE)) is build.Fate.WRITTEN


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.replace("lora_r: 32", "lora_r: 33"),
        lambda text: text + "\n",
        lambda text: text.replace("# Not", "# not", 1) if "# Not" in text else text.replace("# All", "# all", 1),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: re.sub(r"checksum: .", "checksum: z", text),
        lambda text: text.replace("# checksum", "# sum"),
    ],
)
def test_every_edit_is_recognised(edit):
    assert not build.is_untouched(edit(build.render(SMOKE)))


def test_build_writes_all_presets_and_leaves_nothing_else(tmp_path):
    done = _run("build", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}.yaml" for name in PRESETS.presets}
    assert (tmp_path / f"{REAL}.yaml").read_text(encoding="utf-8") == build.render(REAL)
    path = tmp_path / f"{REAL}.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("seed: 42", "seed: 1"), encoding="utf-8")
    done = _run("build", "--out", tmp_path)
    assert "+seed: 1" in done.stdout
    assert "seed: 1\n" in path.read_text(encoding="utf-8")
    assert "written" in _run("build", "--out", tmp_path, "--force", REAL).stdout


def test_a_folder_that_cannot_be_made_is_one_message(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    done = _run("build", "--out", tmp_path / "file" / "below")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("    micro_batch_size: 2 ", "    micro_batch: 2 ", "presets.qwen2.5-32b_qlora_a100-80gb.micro_batch"),
        ("  rank: 32 ", "  rang: 32 ", "usual.rang"),
        ("    alpha: 32\n", "    alpha: big\n", "alpha: Input should be a valid integer"),
        ("    model: qwen2.5-32b", "    model: qwen9", "there is no model `qwen9`"),
        ("    load_in_4bit: true", "    load_in_4bit: false", "qlora needs load_in_4bit"),
        ("  epochs: 2 ", "  epochs: 0 ", "usual.epochs: Input should be greater than 0"),
        ("models:", "modells:", "modells"),
        ("cards:", "cards: [", "broken YAML"),
    ],
)
def test_a_mistake_in_the_presets_is_named_with_its_line(old, new, said, tmp_path):
    text = presets.PRESETS_FILE.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "presets.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        presets.load_presets(path)
    assert said in str(caught.value)
    assert re.search(r"presets\.yaml:\d+: ", str(caught.value))
    assert "fix:" in str(caught.value)


@pytest.mark.parametrize(
    ("number", "text"),
    [(1e-4, "1.0e-4"), (2e-3, "2.0e-3"), (2.5e-5, "2.5e-5"), (0.0, "0.0"), (0.05, "0.05"), (2.0, "2")],
)
def test_numbers_are_written_so_that_yaml_reads_numbers(number, text):
    assert build.plain_number(number) == text
    assert yaml.safe_load(text) == number


# --- from the edited file to the one that runs


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("train", "eval"):
        (folder / f"{name}.jsonl").write_text(json.dumps({"id": name, "messages": []}) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def config_file(tmp_path):
    path = tmp_path / f"{REAL}.yaml"
    path.write_text(build.render(REAL), encoding="utf-8")
    return path


def test_resolving_fills_in_data_hash_and_folders(config_file, data):
    before = config_file.read_bytes()
    resolved = resolve.resolve(config_file, data_dir=data)
    config = resolved.config
    assert re.fullmatch(rf"{re.escape(REAL)}_[0-9a-f]{{8}}", resolved.name)
    assert config["output_dir"] == f"outputs/{resolved.name}"
    assert resolved.run_dir == Path("outputs") / resolved.name
    assert config["datasets"][0]["path"] == (data / "train.jsonl").as_posix()
    assert config["test_datasets"][0]["path"] == (data / "eval.jsonl").as_posix()
    assert re.fullmatch(r"build/prepared/[0-9a-f]{16}", config["dataset_prepared_path"])
    assert resolved.notes == []
    assert config_file.read_bytes() == before
    assert set(config) == set(yaml.safe_load(before))


def test_a_changed_row_changes_the_run_and_the_prepared_folder(config_file, data):
    first = resolve.resolve(config_file, data_dir=data)
    assert resolve.resolve(config_file, data_dir=data) == first
    (data / "eval.jsonl").write_text(json.dumps({"id": "other", "messages": []}) + "\n", encoding="utf-8")
    second = resolve.resolve(config_file, data_dir=data)
    assert first.name != second.name
    assert first.config["dataset_prepared_path"] != second.config["dataset_prepared_path"]


def test_another_length_or_template_prepares_anew_but_stays_the_same_run_name(config_file, data):
    first = resolve.resolve(config_file, data_dir=data)
    text = config_file.read_text(encoding="utf-8")
    for old, new in (("sequence_len: 4096", "sequence_len: 8192"), ("chat_template: qwen_25", "chat_template: chatml")):
        config_file.write_text(text.replace(old, new), encoding="utf-8")
        second = resolve.resolve(config_file, data_dir=data)
        assert first.name == second.name
        assert first.config["dataset_prepared_path"] != second.config["dataset_prepared_path"]


@pytest.mark.parametrize(
    ("rank", "alpha", "part", "note"),
    [
        (16, None, "r16-a32", True),
        ("16", "", "r16-a32", True),
        (16, 32, "r16-a32", False),
        (None, 32, "r32-a32", False),
        (33, None, "r33-a66", True),
        (32, 64, None, False),
        (32, None, None, True),
        ("", None, None, False),
    ],
)
def test_overrides(rank, alpha, part, note, config_file, data):
    resolved = resolve.resolve(config_file, data_dir=data, rank=rank, alpha=alpha)
    pair = f"r{resolved.config['lora_r']}-a{resolved.config['lora_alpha']}"
    assert pair == (part or "r32-a64")
    assert (f"_{pair}_" in resolved.name) == (part is not None)
    assert bool(resolved.notes) == note
    if note:
        assert "ratio" in resolved.notes[0]


@pytest.mark.parametrize("value", ["x", "1.5", 0, -8, "0", 513, "1e3", "१६", "9" * 40, "16 32", True])
def test_bad_ranks_are_one_clear_message(value, config_file, data):
    with pytest.raises(ConfigError, match="whole number from 1 to 512"):
        resolve.resolve(config_file, data_dir=data, rank=value)


def test_a_file_without_a_rank_cannot_be_overridden(config_file, data):
    config_file.write_text(
        config_file.read_text(encoding="utf-8").replace("lora_r: 32", "lora_r: some"), encoding="utf-8"
    )
    with pytest.raises(ConfigError, match=r"yaml:\d+: `lora_r`"):
        resolve.resolve(config_file, data_dir=data, rank=16)


def test_missing_data_says_make_dataset(config_file, tmp_path):
    with pytest.raises(ConfigError, match="make dataset"):
        resolve.resolve(config_file, data_dir=tmp_path / "nowhere")


def test_the_resolved_file_reads_back_as_it_was(config_file, data, tmp_path):
    resolved = resolve.resolve(config_file, data_dir=data, rank=16, output_root=tmp_path / "outputs")
    path = resolved.run_dir / "config.yaml"
    resolve.write_resolved(resolved, path)
    text = path.read_text(encoding="utf-8")
    assert yaml.safe_load(text) == resolved.config
    assert text.startswith(f"# Run {resolved.name}")
    assert "ratio" in text.splitlines()[1]
    assert [item.name for item in resolved.run_dir.iterdir()] == ["config.yaml"]


# --- the machine


@pytest.mark.parametrize(
    ("gpus", "chosen"),
    [
        ([], SMOKE),
        ([Gpu("NVIDIA A100-SXM4-80GB", 80.0)], REAL),
        ([Gpu("NVIDIA A100 80GB PCIe", 80.0), Gpu("NVIDIA T4", 15.0)], REAL),
        ([Gpu("NVIDIA H100 80GB HBM3", 79.6)], REAL),
        ([Gpu("NVIDIA H200", 140.4)], "qwen2.5-32b_lora_h200"),
        ([Gpu("NVIDIA A100-SXM4-40GB", 40.0)], "qwen2.5-32b_qlora_a100-40gb"),
        ([Gpu("NVIDIA GeForce RTX 4090", 24.0)], "qwen2.5-14b_qlora_24gb"),
        ([Gpu("NVIDIA L4", 22.5)], "qwen2.5-14b_qlora_24gb"),
        ([Gpu("NVIDIA GeForce RTX 4080", 16.0)], "qwen2.5-14b_qlora_16gb"),
        ([Gpu("NVIDIA GeForce RTX 3060", 12.0)], SMOKE),
        ([Gpu("NVIDIA A100-SXM4-80GB", 80.0)] * 4, "qwen2.5-32b_qlora-zero2_a100-80gb"),
    ],
)
def test_the_card_decides(gpus, chosen):
    choice = choose.choose(gpus)
    assert choice.config.stem == chosen
    assert choice.on_gpu == (chosen != SMOKE)
    assert chosen in choice.reason
    assert not choice.config.is_absolute() or not choice.config.is_relative_to(Path.cwd())
    if choice.on_gpu:
        assert 27 < choice.download_gib < 62
        assert choice.download_gib < choice.disk_gib < 90
    else:
        assert "learns nothing" in choice.reason
        assert choice.download_gib == 0


@pytest.mark.parametrize(
    ("script", "found"),
    [
        (
            "echo 'NVIDIA A100-SXM4-80GB, 81920'; echo 'Tesla T4, 15360'",
            [("NVIDIA A100-SXM4-80GB", 80), ("Tesla T4", 15)],
        ),
        ("echo 'NVIDIA Thor, [N/A]'", []),
        ("echo 'No devices were found'; exit 6", []),
        ("echo 'NVIDIA-SMI has failed'; exit 9", []),
    ],
)
def test_reading_nvidia_smi(script, found, tmp_path, monkeypatch):
    fake = tmp_path / "nvidia-smi"
    fake.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert [(gpu.name, gpu.memory_gib) for gpu in choose.find_gpus()] == found


def test_without_driver_there_is_no_gpu(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert choose.find_gpus() == []


# --- the command line, and the real Axolotl


def _run(*arguments: object, python: str = sys.executable) -> subprocess.CompletedProcess:
    command = [python, "-m", "axolotl_configs", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", timeout=300)


@pytest.mark.parametrize(
    "verb",
    ["", "build", "preflight", "resolve", "train", "rehearse", "doctor", "migrate", "lengths", "download", "validate"],
)
def test_help(verb):
    done = _run(*filter(None, [verb]), "--help")
    assert done.returncode == 0, done.stderr
    assert "usage: python -m axolotl_configs" in done.stdout


def test_resolve_prints_a_config(data):
    done = _run("resolve", FOLDER / f"{SMOKE}.yaml", "--data", data, "--rank", "8")
    assert done.returncode == 0, done.stderr
    assert yaml.safe_load(done.stdout)["lora_alpha"] == 16
    assert "ratio" in done.stderr


@pytest.mark.trainer
def test_the_real_axolotl_takes_every_key(trainer_python):
    done = _run("validate", *CONFIGS, python=str(trainer_python))
    results = {Path(result["config"]).stem: result for result in map(json.loads, done.stdout.splitlines())}
    assert set(results) == {path.stem for path in CONFIGS}, done.stderr
    for path in CONFIGS:
        result = results[path.stem]
        assert result["error"] is None
        assert result["keys_lost"] == []
        assert result["values_changed"] == {}
        assert result["keys_in"] >= len(yaml.safe_load(path.read_text(encoding="utf-8")))
    assert done.returncode == 0


@pytest.mark.trainer
def test_the_real_axolotl_loses_what_preflight_calls_unknown(trainer_python, tmp_path):
    path = tmp_path / "typos.yaml"
    text = (
        build.render(SMOKE)
        .replace("lora_dropout:", "lora_drop_out:")
        .replace("    ds_type: json", "    ds_typ: json", 1)
    )
    path.write_text(text + "liger_rope: true\n", encoding="utf-8")
    done = _run("validate", path, python=str(trainer_python))
    assert done.returncode == 100
    assert json.loads(done.stdout)["keys_lost"] == ["lora_drop_out", "datasets.0.ds_typ", "liger_rope"]


@pytest.mark.trainer
def test_the_vendored_keys_are_those_of_the_installed_axolotl(trainer_python, tmp_path):
    done = _run("vendor-schema", "--out", tmp_path / "fresh.json", python=str(trainer_python))
    assert done.returncode == 0, done.stderr
    fresh = (tmp_path / "fresh.json").read_text(encoding="utf-8")
    assert fresh == (FOLDER / "schemas" / f"axolotl-{AXOLOTL_VERSION}.json").read_text(encoding="utf-8")
