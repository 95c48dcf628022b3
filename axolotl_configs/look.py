"""A look before the machine goes back: some thirty fixed first turns, answered by the adapter, judged and saved.

Plain transformers and PEFT, no Axolotl: what answers here is what will be served. Greedy, and with no repetition
penalty, which would be exactly wrong for copying a CPF.

    python -m axolotl_configs look outputs/cpu_smoke
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

from axolotl_configs import qwen25
from axolotl_configs.errors import ConfigError
from axolotl_configs.files import write_text
from axolotl_configs.launch import environment
from axolotl_configs.quiet import quiet
from axolotl_configs.reading import read_yaml
from axolotl_configs.run import base_mark, read_json
from axolotl_configs.toy import TOY_PATH, make_toy

TURNS = 30
BATCH = 10
NEW_TOKENS = 256
TOY_NEW_TOKENS = 48
OPENING = {"id": "look-oi", "category": "greetings", "messages": [{"role": "user", "content": "oi"}]}
"""The guide's own test: the persona must greet without any system prompt."""
OPEN_END = {"order.last_turn", "call.unanswered"}
"""Findings that every answer with a call would have here, where no tool answers it."""


def first_turns(rows_file: Path, count: int = TURNS) -> list[dict]:
    """The fixed questions: "oi" first, then the dataset's held-out openings, evenly over category and context."""
    groups: dict[tuple[str, bool, bool], list[dict]] = defaultdict(list)
    for row in _read_rows(rows_file):
        opening = _opening(row)
        if opening["messages"]:
            with_system = opening["messages"][0]["role"] == "system"
            groups[row["category"], with_system, "tools" in row].append(opening)
    queues = [groups[key] for key in sorted(groups)]
    rounds = max(map(len, queues), default=0)
    in_turn = [queue[index] for index in range(rounds) for queue in queues if index < len(queue)]
    return [OPENING, *in_turn][: count + 1]


def _opening(row: dict) -> dict:
    """What stood before the assistant first spoke, under an id of its own."""
    heads = [message["role"] for message in row["messages"]]
    until = heads.index("assistant") if "assistant" in heads else 0
    opening = {"id": f"look-{row['id']}", "category": row["category"], "messages": row["messages"][:until]}
    return {**opening, "tools": row["tools"]} if "tools" in row else opening


def _read_rows(path: Path) -> list[dict]:
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}).\n    fix: `make dataset` renders it") from error
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path}: not JSON lines ({error}).\n    fix: `make check DATA={path}` says where") from error


def answer(run_dir: Path, config: dict, turns: list[dict], *, toy: bool) -> list[dict]:
    """Each question with the adapter's answer as its last message, in the row format."""
    import torch

    tokenizer, model = _load(run_dir, config)
    stops = [tokenizer.convert_tokens_to_ids(token) for token in ("<|im_end|>", "<|endoftext|>")]
    rows = []
    for start in range(0, len(turns), BATCH):
        batch = turns[start : start + BATCH]
        prompts = [
            tokenizer.apply_chat_template(
                qwen25.decode_calls(turn["messages"]),
                tools=qwen25.decode_tools(turn.get("tools")),
                add_generation_prompt=True,
                tokenize=False,
            )
            for turn in batch
        ]
        tokens = tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=False).to(model.device)
        with torch.inference_mode():
            output = model.generate(
                **tokens,
                do_sample=False,
                repetition_penalty=1.0,
                temperature=None,
                top_p=None,
                top_k=None,
                max_new_tokens=TOY_NEW_TOKENS if toy else NEW_TOKENS,
                eos_token_id=stops,
                pad_token_id=tokenizer.pad_token_id,
            )
        words = tokenizer.batch_decode(output[:, tokens["input_ids"].shape[1] :], skip_special_tokens=True)
        rows += [_answered(turn, qwen25.read_reply(text)) for turn, text in zip(batch, words, strict=True)]
    return rows


def _answered(turn: dict, reply: dict) -> dict:
    row = {"id": turn["id"], "category": turn["category"], "messages": [*turn["messages"], reply]}
    return {**row, "tools": turn["tools"]} if "tools" in turn else row


def _load(run_dir: Path, config: dict):
    """The base model as it was trained on (4 bit where the config says so) with the adapter on top."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

    tokenizer = AutoTokenizer.from_pretrained(str(run_dir), padding_side="left")
    on_gpu = torch.cuda.is_available()
    options: dict = {"dtype": torch.bfloat16 if on_gpu and config.get("bf16") else torch.float32}
    if config.get("load_in_4bit"):
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=options["dtype"],
        )
    try:
        base = AutoModelForCausalLM.from_pretrained(
            config["base_model"],
            revision=config.get("revision_of_model") or config.get("model_revision") or "main",
            attn_implementation="sdpa",
            device_map={"": 0} if on_gpu else None,
            **options,
        )
    except OSError as error:  # how transformers says that a model is neither here nor to be had
        raise ConfigError(f"{config['base_model']}: cannot be loaded.\n{error}\n    fix: see above") from error
    return tokenizer, PeftModel.from_pretrained(base, str(run_dir)).eval()


def judge(samples: Path, tools: str | None) -> dict:
    """The report of `python -m validators check` on the answers; it runs as a command, as anyone would run it.

    `tools` is what calls are measured by in rows that offered none, as the dataset's own rows declare them.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as offered:
        offered.write(tools or "[]")
        offered.flush()
        done = subprocess.run(
            [sys.executable, "-m", "validators", "check", str(samples), "--json"]
            + (["--tools", offered.name] if tools else []),
            capture_output=True,
            text=True,
            check=False,
            env=environment({}, on_gpu=False),
        )
    if done.returncode not in (0, 100):
        raise ConfigError(f"{samples}: the judge gave no report (exit {done.returncode}).\n{done.stderr.strip()}")
    return json.loads(done.stdout)


def findings_of(rows: list[dict], report: dict) -> list[dict]:
    """The judge's findings, without those that say of a call that nobody has answered it yet."""
    open_ended = {row["id"] for row in rows if row["messages"][-1].get("tool_calls")}
    return [
        finding
        for finding in report["findings"]
        if not (finding["code"] in OPEN_END and finding["row_id"] in open_ended)
    ]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `look`."""
    parser.add_argument("run", type=Path, help="folder of a trained run, outputs/<run>")
    parser.add_argument("--show", type=int, default=6, metavar="N", help="answers to print (default: %(default)s)")


def main(args: argparse.Namespace) -> int:
    """Ask, judge, save and print; the answers decide nothing here, the exam comes later."""
    quiet()
    config = _config_of(args.run)
    rows_file = Path(config["datasets"][0]["path"])
    toy = config["base_model"] == TOY_PATH
    if toy and rows_file.is_file():
        make_toy(rows_file)  # `make clean` may have taken it away
    _check_base(args.run, config)
    held_out = [path for name in ("test.jsonl", "eval.jsonl") if (path := rows_file.with_name(name)).is_file()]
    turns = first_turns(held_out[0]) if held_out else [OPENING]
    began = time.monotonic()
    rows = answer(args.run, config, turns, toy=toy)
    seconds = time.monotonic() - began
    samples = args.run / "samples.jsonl"
    write_text(samples, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    if toy:
        print("  A toy model answers: this proves the chain from rows to adapter to answers. Its words mean nothing.")
    for row in _shown(rows, args.show):
        print(_as_text(row))
    tools = next((row["tools"] for row in rows if "tools" in row), None)
    print(f"  {_summary(rows, findings_of(rows, judge(samples, tools)))} in {seconds:.0f} s: {samples}")
    return 0


def _config_of(run_dir: Path) -> dict:
    missing = [name for name in ("config.yaml", "adapter_model.safetensors") if not (run_dir / name).is_file()]
    if missing:
        raise ConfigError(
            f"{run_dir}: {' and '.join(missing)} is not there, so this is no trained run.\n"
            "    fix: name a folder below outputs/ in which `make train` has ended"
        )
    return read_yaml(run_dir / "config.yaml").data


def _check_base(run_dir: Path, config: dict) -> None:
    """An adapter on another base than its own would answer nonsense, and nobody would know why."""
    record = run_dir / "fingerprint.json"
    trained_on = read_json(record).get("base_model_sha256") if record.is_file() else None
    if trained_on not in (None, base_mark(Path(config["base_model"]))):
        raise ConfigError(
            f"{config['base_model']}: not the model that {run_dir} was trained on (or it is gone).\n"
            "    fix: bring that model back, or train anew with `make train`"
        )


def _shown(rows: list[dict], count: int) -> list[dict]:
    """The opening, then every fifth: the rows go by category and four contexts, so five steps on both have changed."""
    return [*rows[:1], *rows[3::5]][:count]


def _as_text(row: dict) -> str:
    asked = " / ".join(message["content"] for message in row["messages"] if message["role"] == "user")
    context = [word for word, there in (("system", _has_system(row)), ("tools", "tools" in row)) if there]
    reply = row["messages"][-1]
    calls = [f"{c['function']['name']}({c['function']['arguments']})" for c in reply.get("tool_calls", [])]
    said = _line(" ".join(filter(None, [reply["content"], *calls]))) or "(no words)"
    return f"  {row['category']} ({' + '.join(context) or 'bare'})\n    user: {_line(asked)}\n    assistant: {said}"


def _has_system(row: dict) -> bool:
    return row["messages"][0]["role"] == "system"


def _line(text: str, width: int = 160) -> str:
    flat = " / ".join(text.split("\n"))
    return flat if len(flat) <= width else flat[: width - 1] + "…"


def _summary(rows: list[dict], findings: list[dict]) -> str:
    replies = [row["messages"][-1] for row in rows]
    calls = sum(bool(reply.get("tool_calls")) for reply in replies)
    unreadable = sum("<tool_call>" in (reply["content"] or "") for reply in replies)
    touched = {finding["row_id"] for finding in findings if finding["level"] == "error"}
    codes = Counter(finding["code"] for finding in findings)
    named = ", ".join(f"{code} {count}" for code, count in codes.most_common(4))
    parts = [f"{len(rows)} answers", f"{calls} with a call", f"{len(rows) - len(touched)} without an error"]
    if unreadable:
        parts.insert(2, f"{unreadable} with a call that cannot be read")
    return ", ".join(parts) + (f" ({named}{', …' if len(codes) > 4 else ''})" if named else "")
