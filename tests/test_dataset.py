"""The dataset on disk: reproducible, disjoint, complete, published in one step, rebuilt exactly when it must be."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROWS = "600"
SPLITS = ("train", "eval", "test", "test_unseen")


@pytest.fixture
def workplace(tmp_path):
    """A folder with the invented insurer's pack, as a user has it."""
    shutil.copytree(ROOT / "tests/packs/_ptbr", tmp_path / "templates/_ptbr")
    shutil.copytree(ROOT / "tests/packs/plano_aurora", tmp_path / "templates/plano_aurora")
    return tmp_path


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "datagen", "render", "--pack", "plano_aurora", *arguments]


def render(workplace: Path, *arguments: str, python: str = sys.executable) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    line = [python, *command(*arguments)[1:]]
    return subprocess.run(line, cwd=workplace, env=environment, capture_output=True, text=True, timeout=300)


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def hashes(workplace: Path) -> dict:
    manifest = json.loads((workplace / "data/plano_aurora/manifest.json").read_text())
    return {name: file["sha256"] for name, file in manifest["files"].items()}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """600 rows of the invented insurer."""
    folder = tmp_path_factory.mktemp("rendered")
    shutil.copytree(ROOT / "tests/packs/_ptbr", folder / "templates/_ptbr")
    shutil.copytree(ROOT / "tests/packs/plano_aurora", folder / "templates/plano_aurora")
    done = render(folder, "--rows", ROWS)
    assert done.returncode == 0, done.stderr
    return folder


def test_same_seed_same_bytes_whatever_the_workers(rendered, workplace):
    assert render(workplace, "--rows", ROWS, "--workers", "1").returncode == 0
    assert hashes(workplace) == hashes(rendered)
    assert render(workplace, "--rows", ROWS, "--seed", "8").returncode == 0
    assert hashes(workplace)["train.jsonl"] != hashes(rendered)["train.jsonl"]


def test_the_bytes_are_the_same_on_every_day_machine_and_python(rendered):
    """Whoever changes them on purpose runs this with UPDATE_GOLDEN=1."""
    golden = ROOT / "tests/golden/plano_aurora.json"
    found = {name: digest for name, digest in hashes(rendered).items() if name != "provenance.jsonl"}
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(json.dumps(found, indent=2) + "\n")
    assert found == json.loads(golden.read_text())


def test_forty_rows_are_the_golden_ones(workplace):
    """To be read: what a change of the generator does to rows shows in the diff of this file (UPDATE_GOLDEN=1)."""
    assert render(workplace, "--rows", "40").returncode == 0
    found = b"".join((workplace / f"data/plano_aurora/{split}.jsonl").read_bytes() for split in SPLITS)
    golden = ROOT / "tests/golden/forty_rows.jsonl"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_bytes(found)
    assert len(found.splitlines()) == 40 and found == golden.read_bytes()


def test_files_and_counts_agree_with_the_manifest(rendered):
    out = rendered / "data/plano_aurora"
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["rows"] == 600 and manifest["seed"] == 7 and len(manifest["pack_sha256"]) == 64
    total = 0
    for split in SPLITS:
        content = rows(out / f"{split}.jsonl")
        assert manifest["files"][f"{split}.jsonl"]["rows"] == len(content)
        assert Counter(row["category"] for row in content) == manifest["counts"][split]
        total += len(content)
    assert total == 600
    assert set(manifest["counts"]["eval"]) == set(manifest["counts"]["train"]), "eval is spread over the categories"


def test_no_cpf_and_no_birth_date_is_shared_between_splits(rendered):
    people: dict[str, set] = {split: set() for split in SPLITS}
    for line in rows(rendered / "data/plano_aurora/provenance.jsonl"):
        for person in line["people"].values():
            people[line["split"]] |= {person["cpf"], (person["name"], person["birth_date"])}
    digits = {split: set() for split in people}
    for split in digits:
        for row in rows(rendered / f"data/plano_aurora/{split}.jsonl"):
            text = json.dumps(row["messages"])
            digits[split] |= {found for found in re.findall(r"\b\d{11}\b", text) if len(set(found)) > 1}
    for one, other in combinations(SPLITS, 2):
        assert not people[one] & people[other]
        assert not digits[one] & digits[other]


def test_half_of_eval_says_what_train_never_says(rendered):
    out = rendered / "data/plano_aurora"
    lines = {line["id"]: line for line in rows(out / "provenance.jsonl")}
    phrasing = Counter(lines[row["id"]]["phrasing"] for row in rows(out / "eval.jsonl"))
    assert phrasing["unseen"] >= len(rows(out / "eval.jsonl")) // 2
    said = {"train": set(), "unseen": set()}
    for line in lines.values():
        if line["split"] == "test_unseen":
            continue
        group = "train" if line["split"] == "train" else line["phrasing"]
        places = list(line["lines"])
        if group in said:
            said[group].add(tuple(places))
    assert all(line["phrasing"] == "seen" for line in lines.values() if line["split"] == "train")


def test_the_side_car_tells_of_every_message_where_it_came_from(rendered):
    out = rendered / "data/plano_aurora"
    lines = {line["id"]: line for line in rows(out / "provenance.jsonl")}
    for row in rows(out / "train.jsonl"):
        line = lines[row["id"]]
        assert line["fictional"] is True and line["acts"]
        assert line["flow"].startswith((row["category"], "contrast/"))
        assert len(line["lines"]) == len(line["before_noise"]) == len(row["messages"])
        for place, message, before in zip(line["lines"], row["messages"], line["before_noise"], strict=True):
            assert (rendered / place.partition(":")[0]).exists()
            if before is not None:
                assert message["role"] == "user" and before != message["content"]
                assert re.findall(r"\d", before) == re.findall(r"\d", message["content"]), "noise never touches digits"


def test_rejected_rows_are_duplicates_and_no_duplicate_is_left(rendered):
    out = rendered / "data/plano_aurora"
    for line in rows(out / "rejected.jsonl"):
        assert (
            line["reason"] in ("duplicate", "near-duplicate", "known wording", "same course")
            and line["row"]["messages"]
        )
        assert line["likeness"] == 1 if line["reason"] == "duplicate" else 0 < line["likeness"] <= 1
    said = Counter()
    for split in SPLITS:
        for row in rows(out / f"{split}.jsonl"):
            turns = [m for m in row["messages"] if m["role"] != "system"]
            for turn in turns:
                turn.pop("tool_call_id", None)
                for call in turn.get("tool_calls", []):
                    call.pop("id")
            said[json.dumps(turns)] += 1
    assert max(said.values()) == 1


def test_a_second_run_does_nothing_and_every_change_rebuilds(workplace):
    assert render(workplace, "--rows", "2").returncode == 0
    out = workplace / "data/plano_aurora"
    first = out.resolve()
    assert "up to date" in render(workplace, "--rows", "2").stdout and out.resolve() == first
    for change, arguments in (
        (lambda: None, ["--rows", "3"]),
        (lambda: None, ["--rows", "3", "--seed", "9"]),
        (lambda: (workplace / "templates/plano_aurora/system.j2").write_text("Você atende.\n"), ["--rows", "3", "--seed", "9"]),
        (lambda: (workplace / "templates/plano_aurora/flows/facts/question.yaml").touch(), ["--rows", "4"]),
        (lambda: (out / "train.jsonl").write_text("{}\n"), ["--rows", "4"]),
    ):  # fmt: skip
        before = out.resolve()
        change()
        done = render(workplace, *arguments)
        assert done.returncode == 0 and "up to date" not in done.stdout, done.stderr
        assert out.resolve() != before
    extra = workplace / "templates/plano_aurora/flows/greetings/again.yaml"
    shutil.copy(extra.with_name("hello.yaml"), extra)
    assert render(workplace, "--rows", "4").returncode == 0
    extra.unlink()
    assert "up to date" not in render(workplace, "--rows", "4").stdout, "a deleted file rebuilds too"
    folders = [path for path in (workplace / "data").iterdir() if path.is_dir() and not path.is_symlink()]
    assert len(folders) == 1, "old datasets are cleared away"


@pytest.mark.parametrize("number, code", [(signal.SIGKILL, -9), (signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_killed_in_the_middle_the_old_dataset_stays(workplace, number, code):
    assert render(workplace, "--rows", "300").returncode == 0
    before = hashes(workplace)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        command("--rows", "900", "--workers", "1"), cwd=workplace, env=environment, stderr=subprocess.PIPE, text=True
    )
    hidden = workplace / "data"
    for _ in range(2000):
        if any(path.name.endswith(f".{process.pid}") for path in hidden.iterdir()):
            break
        time.sleep(0.005)
    process.send_signal(number)
    _, error = process.communicate(timeout=60)
    assert process.returncode in (code, 0) and "Traceback" not in error
    if process.returncode:
        assert hashes(workplace) == before
        for name, digest in before.items():
            import hashlib

            assert hashlib.sha256((workplace / "data/plano_aurora" / name).read_bytes()).hexdigest() == digest
    assert render(workplace, "--rows", "310").returncode == 0
    assert len([path for path in hidden.iterdir() if path.is_dir() and not path.is_symlink()]) == 1


def test_what_somebody_else_put_there_is_not_replaced(workplace):
    precious = workplace / "data/plano_aurora/precious.txt"
    precious.parent.mkdir(parents=True)
    precious.write_text("mine")
    done = render(workplace, "--rows", "2")
    assert done.returncode == 2 and "choose another OUT=" in done.stderr and precious.read_text() == "mine"


def test_a_place_where_nothing_can_be_written_is_told(workplace):
    (workplace / "data").write_text("a file where a folder should be")
    done = render(workplace, "--rows", "2")
    assert done.returncode == 2 and "cannot write" in done.stderr and "Traceback" not in done.stderr


def test_a_row_that_the_judge_refuses_stops_the_build_with_its_template_line(workplace):
    assert render(workplace, "--rows", "20").returncode == 0
    before = hashes(workplace)
    flow = workplace / "templates/plano_aurora/flows/tool_calls/at_once.yaml"
    source = flow.read_text(encoding="utf-8").replace("cpf {{ relative.cpf }}", "cpf {{ relative.cpf.other }}")
    flow.write_text(source, encoding="utf-8")
    done = render(workplace, "--rows", "100")
    assert done.returncode == 100 and "Traceback" not in done.stderr
    assert "at_once.yaml" in done.stderr or "tools.yaml" in done.stderr
    assert "call.cpf_ungrounded" in done.stderr and "nothing was written" in done.stderr
    assert hashes(workplace) == before
