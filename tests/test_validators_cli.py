"""The judge as a command: exit codes, the three forms of its report, messages for what cannot be read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import validators
from axolotl_configs.lengths import lengths_of, read_beside
from axolotl_configs.rowscan import scan
from validators.finding import CODES, as_github, make

ROOT = Path(__file__).resolve().parent.parent
GOOD = {
    "id": "a",
    "category": "greetings",
    "messages": [{"role": "user", "content": "oi"}, {"role": "assistant", "content": "Olá!"}],
}
BAD = {
    **GOOD,
    "id": "b",
    "messages": [{"role": "user", "content": " oi"}, {"role": "assistant", "content": "Olá! Tudo bem?"}],
}


def run(*arguments: object, **options) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "validators", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", timeout=60, **options)


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.jsonl"
    path.write_text(json.dumps(GOOD, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.jsonl"
    path.write_text(json.dumps(BAD, ensure_ascii=False) + "\n{half\n", encoding="utf-8")
    return path


def test_the_package_is_ours() -> None:
    assert Path(validators.__file__).resolve() == ROOT / "validators" / "__init__.py"


def test_clean_is_0(good: Path) -> None:
    result = run("check", good)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == "1 rows: 0 errors, 0 warnings\n"


def test_failed_is_100_and_every_finding_is_printed(bad: Path) -> None:
    result = run("check", bad)
    assert result.returncode == 100
    lines = result.stdout.splitlines()
    assert lines[0].startswith(f"{bad}:1: error text.edges $.messages[0].content: ") and lines[0].endswith("(row b)")
    assert lines[1] == "    fix: strip the text"
    assert lines[2].startswith(f"{bad}:2: error line.not_json $: ")
    assert lines[-1] == "1 rows: 2 errors, 0 warnings (1 line.not_json, 1 text.edges)"


def test_limit_counts_all(bad: Path) -> None:
    lines = run("check", bad, "--limit", 1).stdout.splitlines()
    assert lines[-2:] == ["... and 1 more (--limit 1)", "1 rows: 2 errors, 0 warnings (1 line.not_json, 1 text.edges)"]


@pytest.mark.parametrize("flag", [["--json"], ["--format", "json"]])
def test_json(bad: Path, flag: list[str]) -> None:
    result = run("check", bad, *flag)
    report = json.loads(result.stdout)
    assert result.returncode == 100 and list(report) == ["rows", "findings", "summary"]
    assert list(report["findings"][0]) == ["code", "level", "file", "line", "row_id", "path", "message", "fix", "span"]
    assert report["findings"][0] | {"message": ""} == {
        "code": "text.edges", "level": "error", "file": str(bad), "line": 1, "row_id": "b", "path": "$.messages[0].content", "message": "", "fix": "strip the text", "span": None,
    }  # fmt: skip
    assert report["summary"]["errors"] == 2 and report["summary"]["codes"] == {"line.not_json": 1, "text.edges": 1}


def test_json_of_a_clean_file(good: Path) -> None:
    report = json.loads(run("check", good, "--json").stdout)
    assert report["rows"] == 1 and report["findings"] == []
    assert report["summary"]["categories"] == {"greetings": 1}


def test_github(bad: Path) -> None:
    first = run("check", bad, "--format", "github").stdout.splitlines()[0]
    assert first.startswith(f"::error file={bad},line=1,title=text.edges::$.messages[0].content: ")
    finding = make("text.edges", "a,b:c.jsonl", 3, None, "$", "100%\nof it")
    assert (
        as_github(finding)
        == "::error file=a%2Cb%3Ac.jsonl,line=3,title=text.edges::$: 100%25%0Aof it (fix: strip the text)"
    )


def test_warnings_do_not_fail(tmp_path: Path) -> None:
    table = json.loads((Path(__file__).parent / "cases" / "files.json").read_text(encoding="utf-8"))
    case = next(case for case in table if case["expect"] == ["leak.person"])
    paths = []
    for number, rows in enumerate(case["files"]):
        paths.append(tmp_path / f"{number}.jsonl")
        paths[-1].write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    result = run("check", *paths)
    assert result.returncode == 0 and "warning leak.person" in result.stdout


def test_quotas(good: Path) -> None:
    assert run("check", good, "--min-rows", 1).returncode == 0
    result = run("check", good, "--min-rows", 2, "--min-each", 1, "--min-calls", 1, "--min-edge", 1, "--json")
    found = [finding["code"] for finding in json.loads(result.stdout)["findings"]]
    assert result.returncode == 100
    assert found == ["corpus.min_rows", *["corpus.min_each"] * 5, "corpus.min_calls", "corpus.min_edge"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "required"),
        (["judge"], "invalid choice"),
        (["check"], "required"),
        (["check", "{good}", "--min-rows", "-1"], "whole number"),
        (["check", "{good}", "--min-rows", "many"], "whole number"),
        (["check", "{good}", "--format", "xml"], "invalid choice"),
        (["check", "missing.jsonl"], "missing.jsonl: no such file"),
        (["check", "{dir}"], "is a directory"),
        (["check", "{good}", "{good}"], "given twice"),
        (["check", "{gzip}"], "gzip"),
        (["check", "{good}", "--tools", "missing.json"], "missing.json: cannot be read"),
        (["check", "{good}", "--tools", "{good}"], "--tools: `tools`"),
    ],
)
def test_misuse_is_2_with_one_message(arguments: list[str], message: str, good: Path, tmp_path: Path) -> None:
    packed = tmp_path / "rows.jsonl.gz"
    packed.write_bytes(b"\x1f\x8b\x08\x00rest")
    result = run(*(argument.format(good=good, dir=tmp_path, gzip=packed) for argument in arguments))
    assert result.returncode == 2 and result.stdout == ""
    assert message in result.stderr and "Traceback" not in result.stderr


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root reads everything")
def test_no_permission_is_2(good: Path) -> None:
    good.chmod(0)
    result = run("check", good)
    assert result.returncode == 2 and "no permission" in result.stderr


def test_a_reader_that_leaves_early(bad: Path) -> None:
    bad.write_text("{half\n" * 20000, encoding="utf-8")
    command = f"{sys.executable} -m validators check {bad} | head -1"
    result = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert "line.not_json" in result.stdout and result.stderr == ""


def test_codes_prints_the_whole_table() -> None:
    table = run("codes").stdout
    assert table.startswith("| code | rendered | imported | played | foreign | what it means | how to mend it |")
    assert all(f"| `{code}` | " in table for code in CODES)


@pytest.mark.parametrize("arguments", [["--help"], ["check", "--help"], ["codes", "--help"]])
def test_help_is_quick(arguments: list[str]) -> None:
    times = []
    for _ in range(3):
        start = time.perf_counter()
        result = run(*arguments)
        times.append(time.perf_counter() - start)
        assert result.returncode == 0 and result.stdout.startswith("usage: python -m validators")
    assert min(times) < 1.0  # 0.06 s on a quiet machine


def test_help_names_every_option_and_exit_code() -> None:
    text = run("check", "--help").stdout
    for word in (
        "--json",
        "--format",
        "--limit",
        "--tools",
        "--min-rows",
        "--min-each",
        "--min-calls",
        "--min-edge",
        "100",
    ):
        assert word in text


def test_a_profile_a_selection_and_a_baseline(bad: Path, tmp_path: Path) -> None:
    assert run("check", bad, "--profile", "foreign").stdout.splitlines()[-1].startswith("1 rows: 1 errors, 1 warnings")
    assert (
        run("check", bad, "--select", "text").stdout.splitlines()[-1] == "1 rows: 1 errors, 0 warnings (1 text.edges)"
    )
    assert run("check", bad, "--ignore", "text,line").returncode == 0
    known = tmp_path / "known.json"
    assert run("check", bad, "--write-baseline", known).returncode == 0
    again = run("check", bad, "--baseline", known)
    assert (again.returncode, again.stdout) == (0, "1 rows: 0 errors, 0 warnings\n")
    wrong = run("check", bad, "--select", "nonsense")
    assert wrong.returncode == 2 and "no code begins like this" in wrong.stderr


def test_knowledge_as_a_file_or_a_pack(tmp_path: Path) -> None:
    row = {
        **GOOD,
        "category": "facts",
        "messages": [
            {"role": "user", "content": "qual o telefone?"},
            {"role": "assistant", "content": "É o (84) 4020-8909."},
        ],
    }
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    assert run("check", path).returncode == 0
    for option in (["--pack", "templates/unimed_natal"], ["--knowledge", "tests/cases/knowledge.yaml"]):
        assert "claims.phone" in run("check", path, *option).stdout
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("facts: [a]", encoding="utf-8")
    assert run("check", path, "--knowledge", wrong).returncode == 2


def test_the_same_damage_in_three_forms(bad: Path) -> None:
    text, github = run("check", bad).stdout, run("check", bad, "--format", "github").stdout
    found = json.loads(run("check", bad, "--format", "json").stdout)["findings"]
    assert [finding["code"] for finding in found] == ["text.edges", "line.not_json"]
    for finding in found:
        assert f"{finding['file']}:{finding['line']}: {finding['level']} {finding['code']}" in text
        assert f"line={finding['line']},title={finding['code']}::" in github


def test_lengths_say_how_they_were_counted(good: Path, tmp_path: Path) -> None:
    assert run("lengths", good).returncode == 0
    found = json.loads(good.with_name("lengths.json").read_text("utf-8"))
    entry = found["files"][good.name]
    assert found["tokenizer"] is None and entry["method"] == "upper bound"
    assert len(entry["tokens"]) == 1 and entry["tokens"][0] > entry["trained"][0] == 6
    assert lengths_of(good, scan(good)).exact is False, "the preflight takes no bound for a count"
    assert "validators: " in run("lengths", good, "--out", tmp_path / "no" / "such.json").stderr


def test_a_verdict_lies_beside_the_rows_for_the_preflight(good: Path, bad: Path) -> None:
    assert run("check", good, bad, "--verdict").returncode == 100
    assert read_beside(good, "verdict.json")[0]["errors"] == 0
    assert read_beside(bad, "verdict.json")[0]["errors"] == 2
    good.write_bytes(good.read_bytes() * 2)
    assert "other rows" in read_beside(good, "verdict.json")[1]


def test_a_hundred_mebibytes_on_one_line(tmp_path: Path, good: Path) -> None:
    """Found, named, and never held in memory as a whole."""
    path = tmp_path / "long.jsonl"
    with path.open("wb") as file:
        file.write(b'{"x": "')
        for _ in range(100):
            file.write(b"a" * 2**20)
        file.write(b'"}\n' + good.read_bytes())
    # VmHWM and not ru_maxrss, which a child inherits from the process that started it
    code = (
        "import re, sys; from validators.__main__ import main; done = main(sys.argv[1:]); "
        "print(int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]) // 1024); sys.exit(done)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "check", str(path)], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 100 and f"{path}:1: error line.too_long" in done.stdout
    assert int(done.stdout.splitlines()[-1]) < 200
