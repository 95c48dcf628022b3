import copy
import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from axolotl_configs import forecast, preflight, rules, workload
from axolotl_configs.build import render
from axolotl_configs.card_rules import card_rules
from axolotl_configs.dataset import move_data, survey
from axolotl_configs.keys import AXOLOTL_VERSION, known_keys, misfits, nearest, schema

ROOT = Path(__file__).parents[1]
CASES = json.loads((ROOT / "tests" / "cases" / "configs.json").read_text(encoding="utf-8"))
REAL = yaml.safe_load(render("qwen2.5-32b_qlora_a100-80gb"))
SAID = [{"role": "user", "content": "oi"}, {"role": "assistant", "content": "Olá! Como posso ajudar?"}]
ROW = {"id": "x-1", "category": "greetings", "messages": SAID}


def write_data(folder: Path, rows: list[dict] | None = None, *, manifest: bool = True) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows or [ROW])
    files = {}
    for name in ("train.jsonl", "eval.jsonl"):
        (folder / name).write_text(text, encoding="utf-8")
        files[name] = {"rows": 1, "sha256": hashlib.sha256(text.encode()).hexdigest()}
    if manifest:
        (folder / "manifest.json").write_text(json.dumps({"files": files, "seed": 7, "pack": "x"}), encoding="utf-8")
    return folder


@pytest.fixture
def data(tmp_path):
    return write_data(tmp_path / "data")


def changed(change: dict, base: dict = REAL) -> dict:
    """The base config with a change; keys go into blocks and lists as `datasets.0.path`."""
    config = copy.deepcopy(base)
    for name, value in [*change.get("set", {}).items(), *((name, ...) for name in change.get("unset", []))]:
        *way, key = [int(step) if step.isdigit() else step for step in name.split(".")]
        block = config
        for step in way:
            block = block[step]
        if value is ...:
            del block[key]
        else:
            block[key] = value
    return config


def examine(config: dict | str, data: Path | None, tmp_path: Path) -> list[preflight.Check]:
    path = tmp_path / "config.yaml"
    path.write_text(config if isinstance(config, str) else yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return preflight.examine(path, data)


def levels(checks: list[preflight.Check], code: str) -> set[str]:
    return {check.level for check in checks if check.code == code}


TABLE = [
    pytest.param(rule, level, change, id=f"{rule}-{level}-{number}")
    for rule, cases in CASES.items()
    for level, changes in cases.items()
    for number, change in enumerate(changes)
]


@pytest.mark.parametrize(("rule", "level", "change"), TABLE)
def test_rule(rule, level, change, data, tmp_path):
    found = levels(examine(changed(change), data, tmp_path), rule)
    if level == "passes":
        assert found == {"green"}
    else:
        assert level in found
        assert level == "red" or "red" not in found


def test_every_rule_has_a_config_that_passes_and_one_that_is_red():
    assert {rule.__name__ for rule in rules.RULES} | {"keys", "types"} == set(CASES)
    assert all(cases["passes"] and cases["red"] for cases in CASES.values())


def test_the_guides_own_config_is_explained_in_full(data, tmp_path):
    guide = """\
base_model: Qwen/Qwen2.5-32B-Instruct
load_in_4bit: true
adapter: lora
lora_r: 32
lora_alpha: 64
lora_target_modules: [q_proj, v_proj, k_proj, o_proj]
datasets:
  - path: train.jsonl
    type: chat_template
    conversation: qwen
num_epochs: 3
micro_batch_size: 2
gradient_accumulation_steps: 8
learning_rate: 0.0002
"""
    red = {check.code: check for check in examine(guide, data, tmp_path) if check.level == "red"}
    assert {"adapter_and_bits", "kernels_are_explicit", "length", "chat_templates", "masks"} <= set(red)
    assert red["adapter_and_bits"].line == 3
    assert red["masks"].line == 10
    assert all(check.fix for check in red.values())


def test_a_typo_is_named_with_its_line_and_what_was_meant(data, tmp_path):
    text = render("cpu_smoke").replace("lora_alpha: 64", "lora_alhpa: 64")
    line = text.splitlines().index("lora_alhpa: 64") + 1
    (typo,) = [check for check in examine(text, data, tmp_path) if check.code == "keys"]
    assert (typo.level, typo.line) == ("red", line)
    assert "lora_alpha" in typo.fix


@pytest.mark.parametrize(
    ("key", "meant"),
    [("lora_rank", "lora_r"), ("num_train_epochs", "num_epochs"), ("learning_rat", "learning_rate"), ("zzz", None)],
)
def test_nearest_key(key, meant):
    assert nearest(key, known_keys()) == meant


def test_the_vendored_keys_are_for_the_locked_axolotl_and_carry_no_prose():
    assert schema()["axolotl"] == AXOLOTL_VERSION
    assert f'"axolotl=={AXOLOTL_VERSION}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert len(schema()["properties"]) >= 390
    assert not {"description", "title", "default"} & set(_schema_words(schema()["properties"]["datasets"]))
    assert list(misfits({"liger_rope": True, "cut_cross_entropy": True, "model_revision": "x"})) == []


def _schema_words(node):
    if isinstance(node, dict):
        for key, value in node.items():
            yield key
            yield from _schema_words(value)
    elif isinstance(node, list):
        for item in node:
            yield from _schema_words(item)


ODD = [None, 0, -1, 1.5, True, "x", "", [], [1, None], ["x"], {}, {"a": 1}, float("nan"), 10**400]


def test_no_value_of_any_key_crashes_a_rule(data):
    real = move_data(REAL, data)
    places = [(key,) for key in REAL] + [("datasets", 0, key) for key in REAL["datasets"][0]]
    for place in [*places, ("datasets", 0), ("special_tokens", "pad_token"), ("fsdp_config",), ("deepspeed",)]:
        for value in ODD:
            name = ".".join(map(str, place))
            config = changed({"set": {name: value}}, real)
            for rule in rules.RULES:
                assert all(problem.message for problem in rule(config)), (name, value)
            situation = forecast.Situation(config, workload.read(config, card="a100-80gb"), survey(config))
            for estimate in forecast.FORECASTS:
                assert all(problem.message for problem in estimate(situation)), (name, value)
            assert all(problem.message for problem in card_rules(config, situation.work)), (name, value)
            assert all(misfit.fix for misfit in misfits({place[0]: config[place[0]]}))


# --- the dataset


def test_a_sound_dataset_is_green(data, tmp_path):
    checks = examine(REAL, data, tmp_path)
    assert {check.code for check in checks if check.level != "green"} == {"steps", "memory"}
    # one row is less than a checkpoint, and a file without its head names no card
    assert any("1 rows" in check.message for check in checks)


def damage_missing(folder):
    (folder / "eval.jsonl").unlink()


def damage_empty(folder):
    (folder / "train.jsonl").write_bytes(b"")


def damage_changed(folder):
    (folder / "train.jsonl").write_text(json.dumps({**ROW, "id": "x-2"}) + "\n", encoding="utf-8")


def damage_not_json(folder):
    (folder / "train.jsonl").write_text("olá\n", encoding="utf-8")


def damage_no_messages(folder):
    write_data(folder, [{"id": "x-1", "text": "oi"}])


def damage_binary(folder):
    (folder / "train.jsonl").write_bytes(b"\xff\xfe\x00\n")


def damage_manifest(folder):
    (folder / "manifest.json").write_text("[]", encoding="utf-8")


def damage_far_too_long(folder):
    write_data(folder, [{**ROW, "messages": [{"role": "user", "content": "a" * 30_000}, SAID[1]]}])


@pytest.mark.parametrize(
    "damage",
    [
        damage_missing,
        damage_empty,
        damage_changed,
        damage_not_json,
        damage_no_messages,
        damage_binary,
        damage_manifest,
        damage_far_too_long,
    ],
)
def test_a_damaged_dataset_is_red(damage, data, tmp_path):
    damage(data)
    assert "red" in levels(examine(REAL, data, tmp_path), "dataset")


def test_a_row_that_may_be_too_long_is_amber_and_named(data, tmp_path):
    write_data(data, [ROW, {**ROW, "messages": [{"role": "user", "content": "á" * 10_000}, SAID[1]]}])
    found = [check for check in examine(REAL, data, tmp_path) if check.code == "dataset" and check.level != "green"]
    assert {check.level for check in found} == {"amber"}
    assert "train.jsonl:2:" in found[0].message
    assert "estimate" in found[0].message


def test_a_dataset_without_manifest_is_amber(data, tmp_path):
    (data / "manifest.json").unlink()
    assert levels(examine(REAL, data, tmp_path), "dataset") == {"amber", "green"}


def test_a_data_folder_that_no_dataset_could_use_is_red(data, tmp_path):
    config = changed({"set": {"datasets.0.path": "mine.jsonl", "test_datasets.0.path": "mine.jsonl"}})
    assert levels(examine(config, data, tmp_path), "data_dir") == {"red"}


# --- broken files and the command line

BROKEN = {
    "tab": "lora_r: 1\n\tlora_alpha: 2\n",
    "unclosed": "datasets: [a, b\nlora_r: 1\n",
    "two keys in one line": "lora_r: 1: 2\n",
    "list": "- lora_r\n",
    "text": "just words\n",
    "empty": "",
    "twice": "lora_r: 1\nlora_alpha: 2\nlora_r: 3\n",
    "twice in a block": "datasets:\n  - path: a\n    path: b\n",
    "python object": "a: !!python/object/apply:os.system [ls]\n",
    "unknown tag": "a: !secret x\n",
    "no such anchor": "a: *nobody\n",
    "two documents": "a: 1\n---\nb: 2\n",
    "control character": "lora_r: 1\nname: \x00\n",
    "impossible date": "lora_r: 2024-13-45\n",
    "deep": "a: " + "[" * 5000,
    "list as key": "? [1, 2]\n: x\n",
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_yaml_is_one_message_with_a_line(name, tmp_path, capsys):
    path = tmp_path / "broken.yaml"
    path.write_text(BROKEN[name], encoding="utf-8")
    checks = preflight.examine(path)
    assert any(check.level == "red" for check in checks)
    if name not in ("impossible date", "list as key"):
        assert len(checks) == 1
        assert checks[0].code == "yaml"
        assert checks[0].line
        assert checks[0].fix
    preflight.print_table(path, checks)
    assert "Traceback" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "line"), [("twice", 3), ("twice in a block", 3), ("tab", 2), ("control character", 2)]
)
def test_broken_yaml_names_the_right_line(name, line, tmp_path):
    path = tmp_path / "broken.yaml"
    path.write_text(BROKEN[name], encoding="utf-8")
    assert preflight.examine(path)[0].line == line


def test_a_file_that_is_not_utf8_is_one_message(tmp_path):
    path = tmp_path / "latin.yaml"
    path.write_bytes("lora_r: 1\n# ação\n".encode("latin-1"))
    (check,) = preflight.examine(path)
    assert (check.code, check.line) == ("yaml", 2)


def run(*arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "axolotl_configs", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", timeout=60)


def test_exit_codes_and_json(data, tmp_path):
    good, bad, broken = tmp_path / "good.yaml", tmp_path / "bad.yaml", tmp_path / "broken.yaml"
    good.write_text(render("cpu_smoke"), encoding="utf-8")
    bad.write_text(render("cpu_smoke").replace("adapter: lora", "adapter: qlora"), encoding="utf-8")
    broken.write_text("a: [", encoding="utf-8")
    began = time.monotonic()
    done = run("preflight", good, "--data", data)
    assert done.returncode == 0, done.stdout + done.stderr
    assert time.monotonic() - began < 10  # about a second on an idle machine
    assert "fit to train" in done.stdout

    done = run("preflight", bad, "--data", data, "--json")
    assert done.returncode == 100
    report = json.loads(done.stdout)
    assert report["summary"]["red"] == 1
    (check,) = [check for check in report["checks"] if check["level"] == "red"]
    assert check["code"] == "adapter_and_bits"
    assert set(check) == {"code", "level", "line", "message", "fix"}

    assert run("preflight", broken, "--json").returncode == 100
    for wrong in (
        ["preflight"],
        ["preflight", tmp_path / "nowhere.yaml"],
        ["preflight", tmp_path],
        ["preflight", good, "--dta", data],
        ["resolve", good, "--data", data, "--rank", "many"],
        ["resolve", tmp_path / "nowhere.yaml"],
        ["build", "no-such-preset"],
        ["no-such-verb"],
        [],
    ):
        done = run(*wrong)
        assert done.returncode == 2, (wrong, done.stdout, done.stderr)
        assert done.stderr
        assert "Traceback" not in done.stderr
