"""The real Axolotl as a child process: one live line on the terminal, everything in the log, stopped with care.

Used by `python -m axolotl_configs train`, which decides what runs and judges what came of it.
"""

from __future__ import annotations

import os
import re
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from axolotl_configs.keep import Keeper
from axolotl_configs.progress import LiveLine, Progress
from axolotl_configs.run import last_step
from axolotl_configs.toy import TOY_PATH

LOG_FILE = "train.log"
PROJECT = Path(__file__).resolve().parent.parent
SAVE_REQUEST = "axolotl_checkpoint.save"
"""Axolotl saves a checkpoint at the next step when this file appears (`dynamic_checkpoint`)."""
SECONDS_FOR_SAVING = 300
SECONDS_BETWEEN_CHECKPOINTS = 600
SECONDS_OF_A_TICK = 5
SECONDS_FOR_LEAVING = 30
FIRST_LINE = "--- training begins here"
"""Stands in the log before each start, since going on writes to the same log."""
EXCEPTION = re.compile(r"^(?:\w+\.)*\w*(?:Error|Exception)\b.*:")


def environment(config: dict, *, on_gpu: bool, cards: int = 1) -> dict[str, str]:
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
        mine["ACCELERATE_USE_CPU"] = "true"
    elif "CUDA_VISIBLE_DEVICES" not in os.environ:
        # One process on many cards would otherwise fall into DataParallel.
        mine["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, range(cards)))
    return {**os.environ, **mine}


def command(config_path: Path, config: dict, *, on_gpu: bool, cards: int = 1) -> list[str]:
    """`accelerate launch` with every choice spelled out, so that no default_config.yaml can change it.

    Several processes go by `--multi_gpu` on CPUs too: with `--cpu`, accelerate starts a single one and says nothing.
    FSDP and DeepSpeed are switched on by Axolotl, from the config.
    """
    precision = "bf16" if on_gpu and config.get("bf16") else "no"
    alone = [] if on_gpu else ["--cpu"]
    where = ["--multi_gpu", "--main_process_port", "0"] if cards > 1 else alone
    return [
        *(sys.executable, "-m", "accelerate.commands.launch", *where),
        *("--num_processes", str(cards), "--num_machines", "1"),
        *("--mixed_precision", precision, "--dynamo_backend", "no"),
        *("-m", "axolotl.cli.train", str(config_path)),
    ]


class Stopped(KeyboardInterrupt):
    """The user or the machine asked to stop; carries the signal's number."""

    def __init__(self, number: int) -> None:
        self.number = number


def _raise_stopped(number: int, _frame: Any) -> None:
    if number == signal.SIGHUP:  # the terminal is gone, and a word to it would be an error
        sys.stdout = sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - until the program ends
    raise Stopped(number)


def catch_signals() -> None:
    """Turn Ctrl-C, SIGTERM and SIGHUP into `Stopped`, wherever the program is."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _raise_stopped)


class Clock:
    """Asks for a checkpoint when ten minutes have passed without one, however long a step takes on this card."""

    def __init__(self, run_dir: Path, *, can_save: bool, seconds: float = SECONDS_BETWEEN_CHECKPOINTS) -> None:
        self.run_dir, self.can_save, self.seconds = run_dir, can_save, seconds
        self.step = last_step(run_dir)
        self.since = time.monotonic()
        self.asked = False

    def tick(self, *, training: bool) -> None:
        """Look at the newest checkpoint; while the model is being loaded, no time passes."""
        step = last_step(self.run_dir)
        if step != self.step or not training:
            self.step, self.since, self.asked = step, time.monotonic(), False
        elif self.can_save and not self.asked and time.monotonic() - self.since > self.seconds:
            (self.run_dir / SAVE_REQUEST).touch()
            self.asked = True


def train(
    config_path: Path, config: dict, run_dir: Path, *, on_gpu: bool, cards: int = 1, keeper: Keeper | None = None
) -> None:
    """Run Axolotl on a resolved config until it ends; raises `Stopped` after a careful stop."""
    keeper = keeper or Keeper(run_dir, None)
    can_save = bool((config.get("dynamic_checkpoint") or {}).get("enabled"))
    with (run_dir / LOG_FILE).open("ab") as log:
        log.write(f"{FIRST_LINE}\n".encode())
        child = subprocess.Popen(
            command(config_path, config, on_gpu=on_gpu, cards=cards),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment(config, on_gpu=on_gpu, cards=cards),
            start_new_session=True,  # Ctrl-C reaches us alone, and we decide when the child hears of it
        )
        progress = Progress()
        live = LiveLine()
        clock = Clock(run_dir, can_save=can_save)
        try:
            for line in _lines(child, log):
                if line:
                    live.show(progress, progress.read(line))
                    continue
                clock.tick(training=bool(progress.losses))
                keeper.tick()
            live.end(progress)
        except Stopped:
            live.end()
            _stop(child, log, run_dir, can_ask=can_save and bool(progress.losses))
            raise
        finally:
            (run_dir / SAVE_REQUEST).unlink(missing_ok=True)
            _end_group(child)
            keeper.finish()


def reason(log_path: Path) -> str:
    """Why the last training in a log failed, as its own exception says; "" when it says nothing."""
    text = log_path.read_text(encoding="utf-8", errors="replace") if log_path.is_file() else ""
    raised = [line.strip() for line in text.rpartition(FIRST_LINE)[2].splitlines() if EXCEPTION.match(line)]
    own = [line for line in raised if "CalledProcessError" not in line]
    if own:
        return own[-1]
    if any("SIGKILL" in line for line in raised):
        return "the system killed it (SIGKILL), most likely for want of memory"
    return ""


def _lines(child: subprocess.Popen, log: IO[bytes]) -> Iterator[str]:
    """The child's output line by line, progress bars included, each written to the log; "" now and then."""
    rest, ticked = b"", time.monotonic()
    with selectors.DefaultSelector() as ready:
        ready.register(child.stdout, selectors.EVENT_READ)
        while True:
            if time.monotonic() - ticked > SECONDS_OF_A_TICK:
                ticked = time.monotonic()
                yield ""
            if not ready.select(SECONDS_OF_A_TICK):
                continue
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


def _stop(child: subprocess.Popen, log: IO[bytes], run_dir: Path, *, can_ask: bool) -> None:
    """Ask for a checkpoint where that is possible, wait for it, then end the child."""
    if can_ask and child.poll() is None:
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
