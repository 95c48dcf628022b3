"""Exactly the assistant's words, its calls and <|im_end|> are trained: Axolotl's preprocessing against the rows' text."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.rows import CATEGORIES, handmade_rows, write_rows

ROOT = Path(__file__).resolve().parent.parent
REAL = ROOT / "axolotl_configs" / "qwen2.5-32b_qlora_a100-80gb.yaml"


def expected(row: dict) -> list[str]:
    """What should be trained, from the row's text alone: each assistant turn and the mark that ends it."""
    return [said(message) + "<|im_end|>" for message in row["messages"] if message["role"] == "assistant"]


def said(message: dict) -> str:
    if message["content"] is not None:
        return message["content"]
    (call,) = message["tool_calls"]
    function = call["function"]
    arguments = json.dumps(json.loads(function["arguments"]), ensure_ascii=False)
    return f'<tool_call>\n{{"name": "{function["name"]}", "arguments": {arguments}}}\n</tool_call>'


def read_rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def masks(trainer_python, trainer_env, toy_model, dataset_dir, tmp_path_factory):
    """Rendered rows of every category and the hand-made ones, and what Axolotl makes of them."""
    rows = read_rows(dataset_dir / "train.jsonl") + handmade_rows(48)
    file = write_rows(tmp_path_factory.mktemp("masks") / "rows.jsonl", rows)
    command = [str(trainer_python), "-m", "validators", "masks", str(REAL), str(file)]
    done = subprocess.run(
        [*command, "--tokenizer", str(toy_model), "--json"],
        cwd=ROOT,
        env=trainer_env,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return rows, json.loads(done.stdout)


def test_the_committed_config_packs():
    config = yaml.safe_load(REAL.read_text(encoding="utf-8"))
    assert config["sample_packing"] is True
    assert len(config["datasets"]) == 1


@pytest.mark.trainer
def test_as_many_rows_come_out_as_went_in(masks):
    rows, report = masks
    assert report["wrong"] == []
    assert report["rows_in"] == report["rows_out"] == len(rows) == len(report["rows"])
    assert {row["category"] for row in rows} == set(CATEGORIES)
    assert {(row["messages"][0]["role"] == "system", "tools" in row) for row in rows} == {
        (with_system, with_tools) for with_system in (False, True) for with_tools in (False, True)
    }


@pytest.mark.trainer
def test_exactly_the_assistants_words_are_trained(masks):
    rows, report = masks
    for row, masked in zip(rows, report["rows"], strict=True):
        assert masked["id"] == row["id"]
        assert masked["trained"] == expected(row), row["id"]


@pytest.mark.trainer
def test_what_is_not_trained_is_still_read(masks):
    rows, report = masks
    for row, masked in zip(rows, report["rows"], strict=True):
        assert 0 < masked["trained_tokens"] < masked["tokens"]
        for message in row["messages"]:
            if message["role"] != "assistant":
                assert message["content"] in masked["text"], row["id"]


@pytest.mark.trainer
def test_one_row_is_shown_to_a_person(trainer_python, trainer_env, toy_model, tmp_path):
    file = write_rows(tmp_path / "rows.jsonl", handmade_rows(4))
    command = [str(trainer_python), "-m", "validators", "masks", str(REAL), str(file), "--tokenizer", str(toy_model)]
    done = subprocess.run(
        [*command, "--row", "4"], cwd=ROOT, env=trainer_env, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "Pronto, João: o plano Ouro está ativo & sem débito." in done.stdout
    assert "4 rows in, 4 out" in done.stdout
    assert "Trained are exactly the assistant's words, its calls and the marks that end them." in done.stdout


@pytest.mark.trainer
def test_a_config_that_trains_something_else_is_told(trainer_python, trainer_env, toy_model, tmp_path):
    """Axolotl trains what `roles_to_train` and `train_on_eos` say, and says nothing."""
    config = yaml.safe_load(REAL.read_text(encoding="utf-8"))
    for block in config["datasets"]:
        block["roles_to_train"] = ["assistant", "user"]
    spoilt = tmp_path / "config.yaml"
    spoilt.write_text(yaml.safe_dump(config), encoding="utf-8")
    file = write_rows(tmp_path / "rows.jsonl", handmade_rows(4))
    command = [str(trainer_python), "-m", "validators", "masks", str(spoilt), str(file), "--tokenizer", str(toy_model)]
    done = subprocess.run(command, cwd=ROOT, env=trainer_env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 100, done.stderr
    assert "stretches are trained" in done.stdout


@pytest.mark.parametrize(
    ("config", "file", "said"),
    [
        ("no-such.yaml", "rows.jsonl", "no-such.yaml"),
        ("config.yaml", "no-such.jsonl", "no-such.jsonl"),
        ("empty.yaml", "rows.jsonl", "`datasets`"),
        ("config.yaml", "broken.jsonl", "broken.jsonl"),
        ("config.yaml", "rows.jsonl", ".venv-train"),
    ],
)
def test_bad_input_is_one_message(tmp_path, config, file, said):
    write_rows(tmp_path / "rows.jsonl", handmade_rows(2))
    (tmp_path / "broken.jsonl").write_text("{", encoding="utf-8")
    (tmp_path / "empty.yaml").write_text("lora_r: 8\n", encoding="utf-8")
    (tmp_path / "config.yaml").write_text(REAL.read_text(encoding="utf-8"), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "validators", "masks", str(tmp_path / config), str(tmp_path / file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
