"""The real Axolotl as a child process: one live line on the terminal, everything in the log, stopped with care.

Used by `python -m axolotl_configs train`, which decides what runs and judges what came of it.
"""

from __future__ import annotations

import ast
import os
import re
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from axolotl_configs.run import last_step
from axolotl_configs.toy import TOY_PATH

LOG_FILE = "train.log"
PROJECT = Path(__file__).resolve().parent.parent
SAVE_REQUEST = "axolotl_checkpoint.save"
"""Axolotl saves a checkpoint at the next step when this file appears (`dynamic_checkpoint`)."""
SECONDS_FOR_SAVING = 300
SECONDS_FOR_LEAVING = 30
QUIET_SECONDS = 15
"""Where no person watches (a log file), a line of progress appears this often at most."""

BAR = re.compile(r"^\s*\d+%\|.*\|\s*(\d+)/(\d+) \[")
TRAINING = "Starting trainer"
STAGES = {
    "Loading raw datasets": "reading and tokenizing the rows",
    "Loading prepared dataset": "taking the rows as tokenized before",
    "Converting modules": "model loaded",
    TRAINING: "training begins",
    "Training completed": "saving the adapter",
}
"""A phrase of Axolotl's log and what to say when it passes."""


def environment(config: dict, *, on_gpu: bool) -> dict[str, str]:
    """The child's environment: no telemetry, no card that was not meant, no network where nothing is to be fetched."""
    mine = {
        "AXOLOTL_DO_NOT_TRACK": "1",
        "DO_NOT_TRACK": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH")])),
        "TOKENIZERS_PARALLELISM": os.environ.get("TOKENIZERS_PARALLELISM", "false"),
        "TQDM_MININTERVAL": "1",
    }
    if Path(str(config.get("base_model"))).is_dir():
        mine.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1")
    if config.get("base_model") == TOY_PATH:
        mine["OMP_NUM_THREADS"] = "1"  # threads gain nothing here, and wait long on busy cores
    if not on_gpu:
        mine["CUDA_VISIBLE_DEVICES"] = ""
    elif "CUDA_VISIBLE_DEVICES" not in os.environ:
        mine["CUDA_VISIBLE_DEVICES"] = "0"  # one process on many cards would otherwise fall into DataParallel
    return {**os.environ, **mine}


def command(config_path: Path, config: dict, *, on_gpu: bool) -> list[str]:
    """`accelerate launch` with every choice spelled out, so that no default_config.yaml can change it."""
    precision = "bf16" if on_gpu and config.get("bf16") else "no"
    where = [] if on_gpu else ["--cpu"]
    return [
        *(sys.executable, "-m", "accelerate.commands.launch", *where),
        *("--num_processes", "1", "--num_machines", "1"),
        *("--mixed_precision", precision, "--dynamo_backend", "no"),
        *("-m", "axolotl.cli.train", str(config_path)),
    ]


class Stopped(KeyboardInterrupt):
    """The user or the machine asked to stop; carries the signal's number."""

    def __init__(self, number: int) -> None:
        self.number = number


def _raise_stopped(number: int, _frame: Any) -> None:
    raise Stopped(number)


def catch_signals() -> None:
    """Turn Ctrl-C, SIGTERM and SIGHUP into `Stopped`, wherever the program is."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _raise_stopped)


@dataclass
class Progress:
    """What Axolotl's output has told so far."""

    training: bool = False
    step: int = 0
    total: int = 0
    loss: float | None = None
    eval_loss: float | None = None
    tokens_per_second: float | None = None
    losses: int = 0
    settled: bool = False
    """Whether the step belongs to the loss: a loss is printed just before its bar."""
    said: list[str | None] = field(default_factory=list)
    first_step_at: tuple[int, float] | None = None

    def read(self, line: str) -> str | None:
        """Take in one line of output; gives what is worth saying aloud about it."""
        if bar := BAR.match(line):
            self._read_bar(int(bar.group(1)), int(bar.group(2)))
            return None
        if line.startswith("{"):
            return self._read_metrics(line)
        self.training = self.training or TRAINING in line
        said = next((said for phrase, said in STAGES.items() if phrase in line and said not in self.said), None)
        self.said.append(said)
        return said

    def _read_bar(self, step: int, total: int) -> None:
        if not self.training:
            return
        self.total = self.total or total  # the first bar without a name is the training's; evaluation's come later
        if total != self.total or step < self.step:
            return
        if step > self.step and self.first_step_at is None:
            self.first_step_at = (step, time.monotonic())
        self.step, self.settled = step, True

    def _read_metrics(self, line: str) -> str | None:
        try:
            metrics = ast.literal_eval(line)
        except (ValueError, SyntaxError):
            return None
        self.eval_loss = _number(metrics.get("eval_loss"), self.eval_loss)
        self.tokens_per_second = _number(metrics.get("tokens/train_per_sec_per_gpu"), self.tokens_per_second)
        self.settled = False
        if "loss" in metrics:
            self.loss = _number(metrics["loss"], None)
            self.losses += 1
        return None

    def __str__(self) -> str:
        parts = [f"step {self.step}/{self.total or '?'}"]
        if self.loss is not None:
            parts.append(f"loss {self.loss:.3f}")
        if self.eval_loss is not None:
            parts.append(f"eval loss {self.eval_loss:.3f}")
        if self.tokens_per_second:
            parts.append(f"{self.tokens_per_second:,.0f} tokens/s")
        if (left := self._seconds_left()) is not None:
            parts.append(f"{_clock(left)} left")
        return " · ".join(parts)

    def _seconds_left(self) -> float | None:
        if not self.first_step_at or not self.first_step_at[0] < self.step < self.total:
            return None
        step, since = self.first_step_at
        return (time.monotonic() - since) / (self.step - step) * (self.total - self.step)


def _number(value: Any, otherwise: float | None) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return otherwise


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def train(config_path: Path, config: dict, run_dir: Path, *, on_gpu: bool) -> None:
    """Run Axolotl on a resolved config until it ends; raises `Stopped` after a careful stop."""
    log_path = run_dir / LOG_FILE
    with log_path.open("ab") as log:
        child = subprocess.Popen(
            command(config_path, config, on_gpu=on_gpu),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment(config, on_gpu=on_gpu),
            start_new_session=True,  # Ctrl-C reaches us alone, and we decide when the child hears of it
        )
        progress = Progress()
        live = LiveLine(sys.stdout)
        try:
            for line in _lines(child, log):
                live.show(progress, progress.read(line))
            live.end(progress)
        except Stopped:
            live.end()
            _stop(child, log, config, run_dir, progress)
            raise
        finally:
            _end_group(child)


class LiveLine:
    """One line that renews itself on a terminal, and a few sober lines in a log file."""

    def __init__(self, stream: IO[str]) -> None:
        self.stream = stream
        self.terminal = stream.isatty()
        self.shown = ""
        self.losses = 0
        self.last = 0.0

    def show(self, progress: Progress, said: str | None) -> None:
        """Show a stage that was reached, or the progress if there is news."""
        if said:
            self.end()
            print(f"  {said}", file=self.stream, flush=True)
            return
        if not progress.losses or not progress.settled:
            return
        text = str(progress)
        if self.terminal and text != self.shown:
            self.stream.write(f"\r  {text}\033[K")
            self.stream.flush()
            self.shown = text
        elif not self.terminal and progress.losses > self.losses and time.monotonic() - self.last > QUIET_SECONDS:
            print(f"  {text}", file=self.stream, flush=True)
            self.shown, self.losses, self.last = text, progress.losses, time.monotonic()

    def end(self, progress: Progress | None = None) -> None:
        """Leave the line: its last state stays, what follows begins below it."""
        if self.terminal and self.shown:
            self.stream.write("\n")
        elif progress and progress.losses and str(progress) != self.shown:
            print(f"  {progress}", file=self.stream)
        self.stream.flush()
        self.shown = ""


def _lines(child: subprocess.Popen, log: IO[bytes]) -> Iterator[str]:
    """The child's output line by line, progress bars included, each written to the log."""
    rest = b""
    with selectors.DefaultSelector() as ready:
        ready.register(child.stdout, selectors.EVENT_READ)
        while True:
            ready.select()
            block = os.read(child.stdout.fileno(), 1 << 16)
            if not block:
                break
            *whole, rest = re.split(rb"[\r\n]+", rest + block)
            for line in whole:
                if line.strip():
                    log.write(line + b"\n")
                    yield line.decode("utf-8", "replace")
            log.flush()
    if rest.strip():
        log.write(rest + b"\n")
        yield rest.decode("utf-8", "replace")
    child.wait()


def _stop(child: subprocess.Popen, log: IO[bytes], config: dict, run_dir: Path, progress: Progress) -> None:
    """Ask for a checkpoint where the config allows it, wait for it, then end the child."""
    can_save = bool((config.get("dynamic_checkpoint") or {}).get("enabled"))
    if can_save and progress.losses and child.poll() is None:
        before = last_step(run_dir)
        print("Stopping: saving a checkpoint first. Ask again to stop at once.", flush=True)
        request = run_dir / SAVE_REQUEST
        request.touch()
        try:
            _wait_for_checkpoint(child, log, run_dir, before)
        except Stopped:
            print("Stopping at once.", flush=True)
        finally:
            request.unlink(missing_ok=True)
    _signal_group(child, signal.SIGTERM)


def _wait_for_checkpoint(child: subprocess.Popen, log: IO[bytes], run_dir: Path, before: int) -> None:
    """Read on, lest the child block on a full pipe, until a newer whole checkpoint lies there."""
    deadline = time.monotonic() + SECONDS_FOR_SAVING
    for _line in _lines_until(child, log, deadline):
        if last_step(run_dir) > before:
            return


def _lines_until(child: subprocess.Popen, log: IO[bytes], deadline: float) -> Iterator[None]:
    os.set_blocking(child.stdout.fileno(), False)
    while child.poll() is None and time.monotonic() < deadline:
        while block := child.stdout.read(1 << 16):
            log.write(block)
        time.sleep(0.2)
        yield


def _signal_group(child: subprocess.Popen, number: int) -> None:
    try:
        os.killpg(child.pid, number)
    except ProcessLookupError:
        return


def _end_group(child: subprocess.Popen) -> None:
    """See that nothing of the child's group outlives us: politely, then not."""
    if child.poll() is None:
        _signal_group(child, signal.SIGTERM)
    try:
        child.wait(SECONDS_FOR_LEAVING)
    except subprocess.TimeoutExpired:
        pass
    finally:
        _signal_group(child, signal.SIGKILL)
        child.wait()
        child.stdout.close()
