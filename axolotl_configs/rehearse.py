"""Rehearses a training on the card: same config, same architecture, random weights, some dozen steps on the real rows.

    python -m axolotl_configs rehearse axolotl_configs/qwen2.5-32b_qlora_a100-80gb.yaml --data data/unimed_natal
                                                                            (`make rehearse CONFIG=… PRICE=…`)

Measures peak memory, tokens a second, the share of the card's peak (MFU) and seconds a step, and says what the real run
will take and cost. The figures are kept for the next preflight, beside its estimates. Nothing is downloaded: where the
real tokenizer is not in the cache, a toy's takes its place, and sequences are packed full all the same.
Exit codes: 0 measured, 1 the training failed, 2 bad input, 100 preflight is red, 130 and 143 stopped.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from axolotl_configs import forecast, gate, launch, measured, prepare, run, workload
from axolotl_configs.choose import card_here, choose, find_gpus
from axolotl_configs.dataset import survey
from axolotl_configs.errors import ConfigError
from axolotl_configs.hollow import make_hollow
from axolotl_configs.overrides import price, whole
from axolotl_configs.presets import GIB
from axolotl_configs.resolve import Resolved, resolve, write_resolved
from axolotl_configs.speed import flops_utilisation
from axolotl_configs.toy import TOY_PATH

STEPS = 24
UNTIMED = 4
"""Steps at the beginning that are not timed: kernels are being compiled and memory is being found."""
ROOT = "build/rehearsal"
REHEARSAL_FILE = "rehearsal.json"
PLUGIN = "axolotl_configs.plugins.Rehearsal"
LEFT_OUT = (
    *("save_steps", "saves_per_epoch", "load_best_model_at_end", "metric_for_best_model", "greater_is_better"),
    *("early_stopping_patience", "loss_watchdog_threshold", "loss_watchdog_patience", "auto_resume_from_checkpoints"),
    *("use_tensorboard", "wandb_project", "num_epochs", "evals_per_epoch", "model_revision", "dynamic_checkpoint"),
)
"""What a rehearsal needs not: saving, stopping early, and the watchdog, which random weights would alarm at once."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `rehearse`."""
    parser.add_argument("config", nargs="?", help="config file (default: chosen by the card's memory)")
    parser.add_argument("--data", metavar="DIR", help="folder with train.jsonl and eval.jsonl")
    parser.add_argument("--rank", metavar="N", help="another lora_r")
    parser.add_argument("--alpha", metavar="N", help="another lora_alpha")
    parser.add_argument("--cards", metavar="N", help="processes (default: all cards for FSDP and DeepSpeed, else one)")
    parser.add_argument("--steps", metavar="N", help=f"steps to run (default: {STEPS})")
    parser.add_argument("--price", metavar="P", help="of one card for an hour: tells the cost of the real run")


def main(args: argparse.Namespace) -> int:
    """Rehearse, and say what was measured."""
    launch.catch_signals()
    try:
        return _rehearse(args)
    except launch.Stopped as stopped:
        print("Stopped: nothing was measured.", file=sys.stderr)
        return 128 + stopped.number


def _rehearse(args: argparse.Namespace) -> int:
    steps = max(UNTIMED + 2, whole("STEPS", args.steps, 1000) or STEPS)
    asked, cost = whole("CARDS", args.cards, 64), price(args.price)
    source = Path(args.config) if args.config else choose().config
    data_dir = Path(args.data) if args.data else None
    resolved = resolve(source, data_dir=data_dir, rank=args.rank, alpha=args.alpha, output_root=ROOT)
    on_gpu = bool(find_gpus()) and resolved.config["base_model"] != TOY_PATH
    cards = gate.processes(resolved.config, asked, on_gpu)
    gate.check_machine(resolved.config, on_gpu)
    work = workload.read(resolved.config, card=card_here(), cards=cards, text=source.read_text(encoding="utf-8"))
    files = survey(resolved.config)
    situation = forecast.Situation(resolved.config, work, files, cost)
    planned = forecast.plan(situation)
    if planned is None:
        raise ConfigError(f"{source}: no rows to rehearse with.\n    fix: make dataset")
    rows = max(64, round(len(situation.train_tokens) / planned.steps_per_epoch * steps * 1.3))
    config = rehearsal_config(resolved.config, steps, rows, _base(resolved.config))
    with gate.alone(resolved.run_dir):
        if resolved.run_dir.exists():
            (resolved.run_dir / REHEARSAL_FILE).unlink(missing_ok=True)
        resolved.run_dir.mkdir(parents=True, exist_ok=True)
        path = resolved.run_dir / "config.yaml"
        write_resolved(
            Resolved(config, resolved.name, resolved.run_dir, ["A rehearsal: random weights."], source), path
        )
        prepare.ask_axolotl(path)
        print(f"Rehearsing {resolved.name}, {steps} steps; log: {resolved.run_dir / launch.LOG_FILE}", flush=True)
        launch.train(path, config, resolved.run_dir, on_gpu=on_gpu, cards=cards)
    report = resolved.run_dir / REHEARSAL_FILE
    if not report.is_file():
        why = launch.reason(resolved.run_dir / launch.LOG_FILE)
        print(f"The rehearsal failed{f': {why}' if why else ''}", file=sys.stderr)
        print(f"    fix: read the end of {resolved.run_dir / launch.LOG_FILE}", file=sys.stderr)
        return 1
    found = read_report(run.read_json(report), work)
    kept = measured.keep(resolved.config, work, found)
    _tell(replace(situation, measured=found), found)
    print(f"Kept in {kept} for the next preflight.")
    return 0


def rehearsal_config(config: dict[str, Any], steps: int, rows: int, base: str) -> dict[str, Any]:
    """Turn a resolved config into one for so many steps on so many rows, that evaluates once and saves nothing."""
    short = {key: value for key, value in copy.deepcopy(config).items() if key not in LEFT_OUT}
    # Evaluated at its end, so that the peak of an evaluation is measured too.
    short |= {"base_model": base, "max_steps": steps, "save_strategy": "no", "eval_steps": steps, "logging_steps": 1}
    short["plugins"] = [*(short.get("plugins") or []), PLUGIN]
    for block in short["datasets"]:
        block["split"] = f"train[:{rows}]"
    for block in short.get("test_datasets") or []:
        block["split"] = f"train[:{2 * int(short.get('eval_batch_size') or 1)}]"
    short["dataset_prepared_path"] = f"{short['dataset_prepared_path']}-rehearsal-{rows}"
    return short


def _base(config: dict[str, Any]) -> str:
    """The model to rehearse with: hollow for one of the hub, itself for one that lies here."""
    base = str(config["base_model"])
    rows = config["datasets"][0]["path"]
    model = workload.find_model(config)
    if base != TOY_PATH and Path(base).is_dir():
        return base
    tokenizer = prepare.cached(config) if base != TOY_PATH else None
    if tokenizer is None:
        command = [sys.executable, "-m", "axolotl_configs", "tiny-model", "--rows", str(rows), "--out", TOY_PATH]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ConfigError(f"{TOY_PATH}: the toy model could not be made.\n{done.stderr.strip()}")
        tokenizer = Path(TOY_PATH)
    if base == TOY_PATH:
        return base
    if model is None:
        raise ConfigError(f"{base}: its sizes are not known.\n    fix: add it to axolotl_configs/presets.yaml")
    return make_hollow(model, tokenizer).as_posix()


def read_report(report: dict[str, Any], work: workload.Workload) -> measured.Measured:
    """Turn what the plugin wrote into figures: the median step, the tokens of the timed steps over their time."""
    seconds = report["seconds"][UNTIMED:]
    totals = report["tokens"]
    tokens = totals[-1] - totals[UNTIMED - 1] if len(totals) > UNTIMED else 0.0
    rate = tokens / sum(seconds) if seconds and tokens else 0.0
    peak = report.get("peak_bytes")
    mfu = flops_utilisation(work.model, work.card, rate, work.cards) if work.model and work.card else None
    return measured.Measured(
        device=report["device"],
        tokens_per_second=round(rate, 1),
        peak_gib=round(peak / GIB, 2) if peak else None,
        seconds_per_step=round(statistics.median(seconds), 3) if seconds else 0.0,
        steps=len(seconds),
        mfu=round(mfu, 3) if mfu else None,
        when=datetime.now(timezone.utc).date().isoformat(),
    )


def _tell(situation: forecast.Situation, found: measured.Measured) -> None:
    """Say what was measured, and what it means for the real run."""
    mfu = f" · {found.mfu:.1%} of the card's peak" if found.mfu else ""
    peak = f" · peak {found.peak_gib:.1f} GiB" if found.peak_gib else ""
    print(
        f"Measured on {found.device}, {found.steps} steps: {found.tokens_per_second:,.0f} tokens/s"
        f" · {found.seconds_per_step:.2f} s a step{peak}{mfu}"
    )
    for check in (forecast.memory, forecast.time_and_money):
        for problem in check(situation):
            print(f"  {problem.message}")
