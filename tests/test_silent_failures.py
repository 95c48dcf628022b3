"""Everything that Axolotl 0.19 accepts in silence, planted one by one: each is refused with its name and a remedy."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from axolotl_configs import preflight
from axolotl_configs.build import render
from axolotl_configs.launch import environment
from tests.test_preflight import REAL, ROW, changed, write_data

ROOT = Path(__file__).parents[1]
CASES = json.loads((ROOT / "tests" / "cases" / "silent_failures.json").read_text(encoding="utf-8"))
CARD = "# card: a100-80gb\n\n"


def plant(case: dict, folder: Path) -> Path:
    """Write a sound config and dataset with the one fault of a case; gives the config."""
    row = case.get("row")
    if row and "LONG" in json.dumps(row):
        row = json.loads(json.dumps(row).replace("LONG", "consulta " * 5000))
    data = write_data(folder / "data", [ROW, {**ROW, "id": "x-2", **row}] if row else [ROW])
    for key in ("verdict", "lengths"):
        if key in case:
            own = hashlib.sha256((data / "train.jsonl").read_bytes()).hexdigest()
            entry = {"sha256": own, "tokens": [9], "trained": [3], **case[key]}
            (data / f"{key}.json").write_text(json.dumps({"files": {"train.jsonl": entry}}), encoding="utf-8")
    if "manifest" in case:
        manifest = json.loads((data / "manifest.json").read_text(encoding="utf-8"))
        manifest["files"]["train.jsonl"]["sha256"] = case["manifest"]["train.jsonl"]
        (data / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    config = changed({"set": case.get("config", {}), "unset": case.get("unset", [])})
    for key in ("datasets", "test_datasets"):
        for block in config[key]:
            block["path"] = str(data / Path(block["path"]).name)
    path = folder / "config.yaml"
    head = case["head"] + "\n" if "head" in case else ""
    path.write_text(head + CARD + yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return path


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_it_is_refused_with_its_name_and_a_remedy(case, tmp_path):
    checks = preflight.examine(plant(case, tmp_path), card=case.get("card"))
    found = [check for check in checks if check.level == "red" and check.code == case["code"]]
    assert any(case["says"] in check.message for check in found), [
        (c.code, c.message) for c in checks if c.level == "red"
    ]
    assert all(check.fix for check in found)


def test_an_override_is_judged_too(tmp_path):
    path = plant({}, tmp_path)
    assert any(
        c.code == "memory" and c.level == "red"
        for c in preflight.examine(path, changes={"lora_r": 512, "sequence_len": 32768})
    )
    assert run("preflight", path, "--rank", "0").returncode == 2


def test_without_a_fault_nothing_is_red(tmp_path):
    checks = preflight.examine(plant({}, tmp_path))
    assert [check for check in checks if check.level == "red"] == []


def test_there_are_as_many_cases_as_silences():
    assert len(CASES) >= 35
    assert len({case["name"] for case in CASES}) == len(CASES)


# --- planted into the command line, the environment and the disk


def run(*arguments: object, cwd: Path = ROOT, **env: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "axolotl_configs", *map(str, arguments)]
    whole = {**os.environ, "PYTHONPATH": str(ROOT), **env}
    return subprocess.run(command, cwd=cwd, env=whole, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("flag", ["--dataset_path", "--lora_rank", "--lora-r", "--sweep"])
def test_old_flags_and_typos_are_refused_and_never_ignored(flag, tmp_path):
    done = run("train", "--config", ROOT / "axolotl_configs" / "cpu_smoke.yaml", flag, "5", cwd=tmp_path)
    assert done.returncode == 2
    assert flag in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_telemetry_cannot_be_switched_on_by_the_environment(monkeypatch):
    monkeypatch.setenv("AXOLOTL_DO_NOT_TRACK", "0")
    monkeypatch.setenv("DO_NOT_TRACK", "0")
    env = environment({"base_model": "x"}, on_gpu=False)
    assert env["AXOLOTL_DO_NOT_TRACK"] == env["DO_NOT_TRACK"] == "1"


def test_a_full_disk_is_one_message(tmp_path):
    limited = f"ulimit -f 0; exec {sys.executable} -m axolotl_configs build --out {tmp_path} cpu_smoke"
    done = subprocess.run(["bash", "-c", limited], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_preflight_of_a_real_dataset_takes_about_a_second(tmp_path):
    rows = [{**ROW, "id": f"x-{number}"} for number in range(2000)]
    data = write_data(tmp_path / "data", rows)
    path = tmp_path / "config.yaml"
    path.write_text(render("qwen2.5-32b_qlora_a100-80gb"), encoding="utf-8")
    done = run("preflight", path, "--data", data, "--price", "1,89")
    assert done.returncode == 0, done.stdout + done.stderr
    said = " ".join(done.stdout.split())
    for part in (
        "Memory: about",
        "weights 17.9",
        "Time:",
        "cost",
        "Disk: adapter 1,024 MiB",
        "Interruption:",
        "estimated",
    ):
        assert part in said, part
    assert REAL["lora_r"] == 32
