"""Row -> datasets -> Qwen2.5's template -> back to the same words, calls and tools; in both environments."""

import json
import re
import subprocess

import pytest

from axolotl_configs import qwen25
from axolotl_configs.look import OPENING, findings_of, first_turns
from tests.conftest import ROOT
from tests.rows import TOOL, handmade_rows, write_rows

TURN = re.compile(r"<\|im_start\|>(\w+)\n(.*?)<\|im_end\|>\n", re.DOTALL)

RENDER_IN_TRAINER = """
import json, sys
from datasets import load_dataset
from transformers import AutoTokenizer
from axolotl.utils.chat_templates import get_chat_template
from axolotl_configs import qwen25
rows = load_dataset("json", data_files=sys.argv[1], split="train")
tokenizer = AutoTokenizer.from_pretrained(sys.argv[2])
assert tokenizer.chat_template == qwen25.template_text(), "the toy's template is not ours"
with open(sys.argv[3], "w", encoding="utf-8") as out:
    out.write(json.dumps(get_chat_template("qwen_25")) + "\\n")
    for row in rows:
        messages, tools = qwen25.decode_calls(row["messages"]), qwen25.decode_tools(row["tools"])
        text = tokenizer.apply_chat_template(messages, tools=tools, tokenize=False)
        out.write(json.dumps({"row": row, "text": text}, ensure_ascii=False) + "\\n")
"""


def read_back(text: str) -> list[dict]:
    """The conversation in a rendered text: roles, words, calls with their arguments as objects, results."""
    messages = []
    for role, body in TURN.findall(text):
        if role == "assistant":
            reply = qwen25.read_reply(body)
            calls = [
                (c["function"]["name"], json.loads(c["function"]["arguments"])) for c in reply.get("tool_calls", [])
            ]
            messages.append(("assistant", reply["content"], calls))
        elif body.startswith("<tool_response>\n"):
            messages.append(("tool", body.removeprefix("<tool_response>\n").removesuffix("\n</tool_response>"), []))
        else:
            messages.append((role, body, []))
    return messages


def as_read_back(row: dict) -> list[tuple]:
    """The same from the row itself; Qwen's template always writes a system block, and the tools into it."""
    messages = [
        (
            message["role"],
            message["content"],
            [(c["function"]["name"], json.loads(c["function"]["arguments"])) for c in message.get("tool_calls", [])],
        )
        for message in row["messages"]
    ]
    if messages[0][0] != "system":
        messages.insert(0, ("system", "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.", []))
    return messages


def without_tools_block(messages: list[tuple]) -> tuple[list[tuple], list]:
    """The messages with the system's own words alone, and the tools that stood below them."""
    role, text, calls = messages[0]
    words, mark, block = text.partition("\n\n# Tools\n\n")
    lines = block.partition("<tools>\n")[2].partition("\n</tools>")[0].splitlines() if mark else []
    return [(role, words, calls), *messages[1:]], [json.loads(line) for line in lines]


def assert_same(row: dict, text: str) -> None:
    messages, tools = without_tools_block(read_back(text))
    assert messages == as_read_back(row), row["id"]
    assert tools == json.loads(row.get("tools", "[]")), row["id"]


def source_rows(dataset_dir) -> list[dict]:
    return [json.loads(line) for line in (dataset_dir / "train.jsonl").read_text(encoding="utf-8").splitlines()]


def test_the_light_environment_renders_and_reads_back(dataset_dir):
    for row in source_rows(dataset_dir) + handmade_rows(48):
        assert_same(row, qwen25.render(row["messages"], row.get("tools")))


@pytest.mark.trainer
def test_datasets_and_transformers_render_the_same(trainer_python, trainer_env, toy_model, dataset_dir, tmp_path):
    rows = source_rows(dataset_dir) + handmade_rows(48)
    file = write_rows(tmp_path / "rows.jsonl", rows)
    out = tmp_path / "rendered.jsonl"
    done = subprocess.run(
        [str(trainer_python), "-c", RENDER_IN_TRAINER, str(file), str(toy_model), str(out)],
        cwd=ROOT,
        env=trainer_env,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    template, *rendered = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert template == qwen25.template_text(), "Axolotl's qwen_25 is no longer the template that we carry"
    assert len(rendered) == len(rows)
    for row, there in zip(rows, rendered, strict=True):
        assert there["text"] == qwen25.render(row["messages"], row.get("tools")), row["id"]
        assert_same(row, there["text"])
        assert [message["content"] for message in there["row"]["messages"]] == [m["content"] for m in row["messages"]]
        assert there["row"]["tools"] == row.get("tools")


def test_accents_signs_and_key_order_survive():
    tool = json.dumps([{**TOOL, "function": {**TOOL["function"], "description": "Situação & <dados>"}}])
    call = {"name": "unimed_consult", "arguments": '{"zeta": "João & Cia", "alfa": "<é>"}'}
    messages = [
        {"role": "user", "content": "é o João & Cia <aqui>"},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "type": "function", "function": call}]},
    ]
    text = qwen25.render(messages, tool)
    assert "é o João & Cia <aqui>" in text
    assert "Situação & <dados>" in text
    assert '"arguments": {"zeta": "João & Cia", "alfa": "<é>"}' in text


@pytest.mark.parametrize(
    ("text", "content", "arguments"),
    [
        ("Olá! Como posso ajudar?", "Olá! Como posso ajudar?", []),
        ('<tool_call>\n{"name": "f", "arguments": {"a": "é"}}\n</tool_call>', None, ['{"a": "é"}']),
        ('<tool_call>\n{"name": "f", "arguments": {"a": 1}}', None, ['{"a": 1}']),
        ('Um momento.\n<tool_call>\n{"name": "f", "arguments": {}}\n</tool_call>', "Um momento.", ["{}"]),
        ('<tool_call>{"name": "f", "arguments": "{\\"a\\": 1}"}</tool_call>', None, ['"{\\"a\\": 1}"']),
        ("<tool_call>\n{nada}\n</tool_call>", "<tool_call>\n{nada}\n</tool_call>", []),
        ('<tool_call>["f"]</tool_call>', '<tool_call>["f"]</tool_call>', []),
        ("", "", []),
    ],
)
def test_the_models_words_become_a_message(text, content, arguments):
    reply = qwen25.read_reply(text)
    assert reply["content"] == content
    assert [call["function"]["arguments"] for call in reply.get("tool_calls", [])] == arguments


def test_the_first_turns_are_fixed_and_spread(dataset_dir):
    file = dataset_dir / "train.jsonl"
    turns = first_turns(file)
    assert turns == first_turns(file)
    assert len(turns) == 31
    assert turns[0] == OPENING
    assert OPENING["messages"] == [{"role": "user", "content": "oi"}]
    assert all(turn["messages"][-1]["role"] == "user" for turn in turns)
    assert len({turn["id"] for turn in turns}) == len(turns)
    groups = [(t["category"], t["messages"][0]["role"] == "system", "tools" in t) for t in turns[1:]]
    assert {category for category, _, _ in groups} == {row["category"] for row in source_rows(dataset_dir)}
    assert len(set(groups)) >= 20


def test_a_call_that_nobody_answers_yet_is_no_fault():
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    rows = [
        {"id": "a", "messages": [{"role": "assistant", "content": None, "tool_calls": [call]}]},
        {"id": "b", "messages": [{"role": "assistant", "content": ""}]},
    ]
    report = {
        "findings": [
            {"row_id": "a", "code": "call.unanswered"},
            {"row_id": "a", "code": "order.last_turn"},
            {"row_id": "a", "code": "call.cpf_ungrounded"},
            {"row_id": "b", "code": "text.empty"},
        ]
    }
    assert [finding["code"] for finding in findings_of(rows, report)] == ["call.cpf_ungrounded", "text.empty"]
