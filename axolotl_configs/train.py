"""Trains an adapter with the real Axolotl: chooses, checks, launches, judges by what lies on disk, and takes a look.

    python -m axolotl_configs train                                      (`make train`)
    python -m axolotl_configs train --config axolotl_configs/cpu_smoke.yaml --rank 16 --alpha 32

A run lies in `outputs/<run>/`. Called again, it goes on from the last checkpoint; a finished run is left as it is, and
a run whose config, data or base model changed is refused. `--resume no` begins anew and moves the old run aside.
SIGTERM, SIGHUP and Ctrl-C save a checkpoint first. `--keep DIR` copies the checkpoints to a folder that outlives the
machine, and takes them back on the next one. `--force` trains although preflight is red.
Exit codes: 0 trained, 1 the training or the look failed, 2 bad input, 100 preflight is red, 130 and 143 stopped.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from axolotl_configs import curves, gate, launch, prepare, run
from axolotl_configs.errors import ConfigError
from axolotl_configs.files import sha256_of
from axolotl_configs.keep import Keeper
from axolotl_configs.overrides import adapter_numbers, price, whole
from axolotl_configs.resolve import Resolved, resolve, write_resolved
from axolotl_configs.toy import TOY_PATH

CONFIG_FILE = "config.yaml"
"""The resolved config beside the adapter."""
ANEW = "begin anew with RESUME=no (--resume no): the old run is moved aside, nothing is lost"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `train`; an empty value counts as left out, since make passes them so."""
    parser.add_argument("--config", metavar="FILE", help="config file (default: chosen by the card's memory)")
    parser.add_argument("--data", metavar="DIR", help="folder with train.jsonl and eval.jsonl")
    parser.add_argument("--rank", metavar="N", help="another lora_r; alone, it keeps the ratio of alpha to rank")
    parser.add_argument("--alpha", metavar="N", help="another lora_alpha")
    parser.add_argument("--resume", metavar="yes|no", help="no: begin anew and keep the old run aside (default: yes)")
    parser.add_argument("--cards", metavar="N", help="processes (default: all cards for FSDP and DeepSpeed, else one)")
    parser.add_argument("--keep", metavar="DIR", help="copy checkpoints there, and take them back from there")
    parser.add_argument("--price", metavar="P", help="of one card for an hour: the cost goes into run.json")
    parser.add_argument("--force", action="store_true", help="train although preflight is red")
    parser.add_argument("--output-root", default="outputs", metavar="DIR", help="where runs lie (default: outputs)")


def main(args: argparse.Namespace) -> int:
    """Train, with every stop and failure told in a line or two."""
    launch.catch_signals()
    try:
        return _train(args)
    except launch.Stopped as stopped:
        print("Stopped before training began.", file=sys.stderr)
        return 128 + stopped.number


def _train(args: argparse.Namespace) -> int:
    resume, cost = _yes_or_no(args.resume), price(args.price)
    asked = whole("CARDS", args.cards, 64)
    config_path, on_gpu = gate.choose_config(args.config)
    data_dir = Path(args.data) if args.data else None
    if not gate.passes(config_path, data_dir, adapter_numbers(args.rank, args.alpha), asked, cost, force=args.force):
        return 100
    resolved = resolve(
        config_path, data_dir=data_dir, rank=args.rank, alpha=args.alpha, output_root=args.output_root or "outputs"
    )
    for note in resolved.notes:
        print(note)
    on_gpu = on_gpu and resolved.config["base_model"] != TOY_PATH
    cards = gate.processes(resolved.config, asked, on_gpu)
    gate.check_machine(resolved.config, on_gpu)
    keeper = Keeper(resolved.run_dir, Path(args.keep) if args.keep else None)
    keeper.check()
    with gate.alone(resolved.run_dir):
        return Work(resolved, on_gpu, resume, cards, keeper, cost).run()


def _yes_or_no(text: str | None) -> bool:
    answer = (text or "yes").strip().lower()
    if answer not in ("yes", "no"):
        raise ConfigError(f"RESUME={text}: must be yes or no.\n    fix: leave it out to go on where the run stopped")
    return answer == "yes"


@dataclass
class Work:
    """One training from the run's folder as it was found to the look at the end."""

    resolved: Resolved
    on_gpu: bool
    resume: bool
    cards: int = 1
    keeper: Keeper | None = None
    price: float | None = None

    @property
    def run_dir(self) -> Path:
        """Where the adapter will lie."""
        return self.resolved.run_dir

    @property
    def _rows_file(self) -> Path:
        return Path(self.resolved.config["datasets"][0]["path"])

    def run(self) -> int:
        """Train if there is something left to train, then look."""
        self._make_toy()
        mark = run.fingerprint(self.resolved.config, self.cards)
        if self.resume and self.keeper and (step := self.keeper.restore()):
            print(f"{self.run_dir}: step {step} was taken back from {self.keeper.home}.")
        if self.already_finished(mark):
            return 0 if self._look_is_there() else self._look()
        self._write_beside(mark)
        prepare.ask_axolotl(self.run_dir / CONFIG_FILE)
        model = prepare.download(self.resolved.config)
        if str(self.resolved.config["base_model"]) != TOY_PATH:
            prepare.count_tokens(self.resolved.config, model)
        code = self._launch() or self._look()
        if self.keeper:
            self.keeper.finish()
            if self.keeper.trouble:
                print(f"Careful: {self.keeper.trouble}", file=sys.stderr)
        return code

    def _make_toy(self) -> None:
        if str(self.resolved.config["base_model"]) != TOY_PATH:
            return
        done = self._command("tiny-model", "--rows", str(self._rows_file), "--out", TOY_PATH)
        if done.returncode:
            raise ConfigError(f"{TOY_PATH}: the toy model could not be made.\n{done.stderr.strip()}")

    def already_finished(self, mark: dict) -> bool:
        """Whether nothing is left to do; refuses a run that is no longer the same one."""
        if not self.run_dir.exists():
            return False
        if not self.resume:
            print(f"RESUME=no: the old run now lies in {run.set_aside(self.run_dir)}.")
            if self.keeper:
                self.keeper.set_aside()
            return False
        record = self.run_dir / "fingerprint.json"
        if not record.is_file():
            if any(self.run_dir.iterdir()):
                raise ConfigError(f"{self.run_dir}: not empty, and no run of this toolkit.\n    fix: {ANEW}")
            return False
        trained = run.last_step(self.run_dir) or (self.run_dir / "adapter_model.safetensors").is_file()
        changed = run.differences(run.read_json(record), mark)
        if changed and trained:  # a run that never came to a first save has nothing to be mixed with
            raise ConfigError(
                f"{self.run_dir}: this run was begun with other settings, and going on would mix the two:\n"
                + "\n".join(f"    {line}" for line in changed)
                + f"\n    fix: undo the change to go on, or {ANEW}"
            )
        return self._say_how_far()

    def _say_how_far(self) -> bool:
        if run.read_record(self.run_dir).get("finished") and run.proof(self.run_dir).good:
            print(f"{self.run_dir}: finished already, and not trained again. To do so all the same, {ANEW}.")
            return True
        for name in run.drop_broken_checkpoints(self.run_dir):
            print(f"{self.run_dir}: {name} was cut off while it was written; it is put aside.")
        step = run.last_step(self.run_dir)
        print(f"{self.run_dir}: going on from step {step}." if step else f"{self.run_dir}: beginning again.")
        return False

    def _write_beside(self, mark: dict) -> None:
        """Put beside the adapter what it will have been made from."""
        self.run_dir.mkdir(parents=True, exist_ok=True)
        write_resolved(self.resolved, self.run_dir / CONFIG_FILE)
        manifest = self._rows_file.with_name("manifest.json")
        if manifest.is_file():
            shutil.copyfile(manifest, self.run_dir / "manifest.json")
        run.write_json(self.run_dir / "fingerprint.json", mark)

    def _launch(self) -> int:
        """Train; 0 when the files prove that it succeeded."""
        where = ("the GPU" if self.on_gpu else "the CPU") + (f" in {self.cards} processes" if self.cards > 1 else "")
        print(f"Training {self.resolved.name} on {where}; log: {self._log}")
        resolved = self.run_dir / CONFIG_FILE
        try:
            with self._session():
                launch.train(
                    resolved,
                    self.resolved.config,
                    self.run_dir,
                    on_gpu=self.on_gpu,
                    cards=self.cards,
                    keeper=self.keeper,
                )
        except launch.Stopped as stopped:
            self._say_how_to_go_on()
            return 128 + stopped.number
        proved = run.proof(self.run_dir)
        source = self.resolved.source.as_posix()
        run.write_record(
            self.run_dir,
            proved,
            name=self.resolved.name,
            made_from=source,
            on_gpu=self.on_gpu,
            cards=self.cards,
            config_sha256=sha256_of(resolved),
            fingerprint=run.read_json(self.run_dir / "fingerprint.json"),
        )
        curves.draw(self.run_dir)
        if proved.good:
            early = " (stopped early: the evaluation loss no longer fell)" if proved.stopped_early else ""
            print(f"Trained {proved.step} of {proved.max_steps} steps{early}: {_losses(proved)}.")
            print(f"Adapter: {self.run_dir}{self._money()}")
            return 0
        why = launch.reason(self._log)
        print(f"Training failed{f': {why}' if why else ''}", file=sys.stderr)
        print("".join(f"    {problem}\n" for problem in proved.problems), end="", file=sys.stderr)
        print(f"    fix: read the end of {self._log}; afterwards the same command goes on", file=sys.stderr)
        return 1

    def _money(self) -> str:
        """What all sessions of this run cost together, where a price was told."""
        cost = sum(session.get("cost", 0) for session in run.read_record(self.run_dir).get("sessions", []))
        return f" · cost {cost:.2f}" if cost else ""

    def _say_how_to_go_on(self) -> None:
        step = run.last_step(self.run_dir)
        if step:
            told = f"step {step} is kept, and the same command goes on from there"
        else:
            told = "no checkpoint was written yet, so the same command begins again"
        print(f"Stopped: {told}. ({self.run_dir})", file=sys.stderr)

    def _look_is_there(self) -> bool:
        return (self.run_dir / "samples.jsonl").is_file()

    def _look(self) -> int:
        """Let the adapter answer before the machine goes back; the training stands even if this fails."""
        print("A look at what it says:", flush=True)
        again = f"python -m axolotl_configs look {self.run_dir}"
        began = time.monotonic()
        try:
            done = self._command("look", str(self.run_dir), show=True)
        except launch.Stopped as stopped:
            print(f"Stopped: the adapter is whole; look at it with `{again}`.", file=sys.stderr)
            return 128 + stopped.number
        if done.returncode:
            print(f"The look failed; the adapter is whole.\n{done.stderr.strip()[-2000:]}", file=sys.stderr)
            print(f"    fix: see above, then `{again}`", file=sys.stderr)
            return 1
        run.add_look(self.run_dir, time.monotonic() - began)
        return 0

    @property
    def _log(self) -> Path:
        return self.run_dir / launch.LOG_FILE

    def _command(self, verb: str, *arguments: str, show: bool = False) -> subprocess.CompletedProcess:
        """Run another verb in a process of its own, which takes its memory and its chatter with it when it ends."""
        return subprocess.run(
            [sys.executable, "-m", "axolotl_configs", verb, *arguments],
            stdout=None if show else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env=launch.environment(self.resolved.config, on_gpu=self.on_gpu),
        )

    @contextlib.contextmanager
    def _session(self) -> Iterator[None]:
        """Note in `run.json` when this stretch of training began, how long it took and from which step to which."""
        session = {
            "began": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "from_step": run.last_step(self.run_dir),
        }
        clock = time.monotonic()
        try:
            yield
        finally:
            seconds = time.monotonic() - clock
            session |= {"to_step": run.last_step(self.run_dir), "seconds": round(seconds, 1)}
            if self.price is not None:
                session["cost"] = round(seconds / 3600 * self.price * self.cards, 4)
            run.add_session(self.run_dir, session)


def _losses(proved: run.Proof) -> str:
    words = f"loss {proved.first_loss:.3f} -> {proved.last_loss:.3f}"
    return words if proved.eval_loss is None else f"{words}, on unseen rows {proved.eval_loss:.3f}"
