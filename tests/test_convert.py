"""Rows of other conventions: recognised, named, read, and converted both ways without losing anything unnamed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.rows import TOOL, handmade_rows, write_rows
from validators.check import Settings, check_files
from validators.convert import converter, recognise, to_hf, to_openai, to_ours
from validators.profiles import selection

ROOT = Path(__file__).resolve().parent.parent
CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "unimed_consult", "arguments": '{"cpf": "52998224725", "data_nascimento": "19850615"}'},
}
TURNS = [
    {"role": "user", "content": "quero ver meu plano, cpf 529.982.247-25, nasci em 15/06/1985"},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "call_1", "content": '{"situacao": "ATIVO"}'},
    {"role": "assistant", "content": "Seu plano está ativo."},
]
OPENAI = {"messages": TURNS, "tools": [TOOL], "parallel_tool_calls": False}
OPENAI_OLD = {
    "messages": [
        TURNS[0],
        {"role": "assistant", "content": None, "function_call": CALL["function"]},
        {"role": "function", "name": "unimed_consult", "content": '{"situacao": "ATIVO"}'},
        {**TURNS[3], "weight": 1},
    ],
    "functions": [TOOL["function"]],
}
HF = to_hf({"id": "a", "category": "tool_calls", "messages": TURNS, "tools": json.dumps([TOOL])})[0]
SHAREGPT = {"conversations": [{"from": "human", "value": "oi"}, {"from": "gpt", "value": "Olá! Como posso ajudar?"}]}
PARTS = {
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "oi"}]},
        {"role": "assistant", "content": "Olá!"},
    ]
}


@pytest.mark.parametrize(
    ("row", "name"),
    [
        (OPENAI, "openai"),
        (OPENAI_OLD, "openai"),
        (PARTS, "openai"),
        (HF, "hf"),
        (SHAREGPT, "sharegpt"),
        *((row, "ours") for row in handmade_rows(6)),
    ],
)
def test_a_convention_is_recognised(row: dict, name: str) -> None:
    assert recognise(row) == name


@pytest.mark.parametrize("form", ["hf", "openai"])
def test_ours_there_and_back(form: str) -> None:
    """What comes back is what went out, but for what the conversion has named."""
    there = {"hf": to_hf, "openai": to_openai}[form]
    for number, row in enumerate(handmade_rows(48), start=1):
        theirs, lost = there(json.loads(json.dumps(row)))
        back, made_up = to_ours(theirs, number)
        if form == "openai":
            assert set(lost) == {"id: left out", "category: left out"}
            assert set(made_up) == {"id: made up from the line", "category: made up, uncategorised"}
            back |= {"id": row["id"], "category": row["category"]}
        else:
            assert not lost and not made_up
        assert back == row


@pytest.mark.parametrize(("row", "named"), [
    (OPENAI, {"id: made up from the line", "category: made up, uncategorised", "parallel_tool_calls: left out"}),
    (OPENAI_OLD, {"id: made up from the line", "category: made up, uncategorised", "function_call: became tool_calls, with an id made up",
                  "tool_call_id: made up for a function message", "messages[].name: left out", "messages[].weight: left out"}),
    (HF, set()),
])  # fmt: skip
def test_theirs_becomes_a_clean_row_of_ours(row: dict, named: set[str], tmp_path: Path) -> None:
    ours, lost = to_ours(json.loads(json.dumps(row)), 1)
    assert set(lost) == named
    report = check_files([write_rows(tmp_path / "rows.jsonl", [ours])])
    assert report.findings == []


@pytest.mark.parametrize("row", [OPENAI, OPENAI_OLD, HF, SHAREGPT, PARTS])
def test_the_foreign_profile_reads_and_names_it(row: dict, tmp_path: Path) -> None:
    settings = Settings(profile="foreign", levels=selection("foreign"))
    report = check_files([write_rows(tmp_path / "theirs.jsonl", [row])], settings=settings)
    assert report.summary["errors"] == 0
    assert [found.code for found in report.findings if found.code.startswith(("file", "row", "call", "order"))] == [
        "file.convention"
    ]
    spoilt = json.loads(json.dumps(row).replace("52998224725", "52998224752"))
    if spoilt != row:
        report = check_files([write_rows(tmp_path / "spoilt.jsonl", [spoilt])], settings=settings)
        assert "call.cpf_ungrounded" in report.summary["codes"]


def test_converting_between_theirs_goes_through_ours() -> None:
    hf, lost = converter("hf")(OPENAI, 1)
    assert isinstance(hf["messages"][1]["tool_calls"][0]["function"]["arguments"], dict) and lost
    assert converter("openai")(hf, 1)[0] == {"messages": OPENAI["messages"], "tools": OPENAI["tools"]}


def test_the_command_names_what_is_lost(tmp_path: Path) -> None:
    source, target = write_rows(tmp_path / "a.jsonl", [OPENAI]), tmp_path / "b.jsonl"
    source.write_text(source.read_text("utf-8") + "{half\n", encoding="utf-8")
    command = [sys.executable, "-m", "validators", "convert", str(source), "--to", "ours", "--out", str(target)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 100
    assert (
        "parallel_tool_calls: left out (1 times)" in done.stderr and "1 rows written, 1 lines left out" in done.stderr
    )
    assert f"{source}:2: no complete JSON" in done.stderr
    assert recognise(json.loads(target.read_text("utf-8"))) == "ours"
