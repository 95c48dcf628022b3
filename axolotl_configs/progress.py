"""What Axolotl prints, as one live line: the stage, the step, the losses, the time left.

from axolotl_configs.progress import Progress; progress.read(line); print(progress)
"""

from __future__ import annotations

import ast
import re
import sys
import time
from dataclasses import dataclass, field
from typing import IO, Any

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


@dataclass
class Progress:
    """What Axolotl's output has told so far."""

    training: bool = False
    step: int = 0
    total: int = 0
    loss: float | None = None
    eval_loss: float | None = None
    tokens_per_second: float | None = None
    """Of all cards together, since the first loss; Axolotl's own figure counts only the tokens that are trained."""
    losses: int = 0
    settled: bool = False
    """Whether the step belongs to the loss: a loss is printed just before its bar."""
    said: list[str | None] = field(default_factory=list)
    first_step_at: tuple[int, float] | None = None
    first_tokens_at: tuple[float, float] | None = None

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
        self._count(_number(metrics.get("tokens/total"), None))
        self.settled = False
        if "loss" in metrics:
            self.loss = _number(metrics["loss"], None)
            self.losses += 1
        return None

    def _count(self, tokens: float | None) -> None:
        if tokens is None:
            return
        now = time.monotonic()
        if self.first_tokens_at is None:
            self.first_tokens_at = (tokens, now)
        elif now > self.first_tokens_at[1]:
            self.tokens_per_second = (tokens - self.first_tokens_at[0]) / (now - self.first_tokens_at[1])

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


class LiveLine:
    """One line that renews itself on a terminal, and a few sober lines in a log file."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        self._stream = stream
        self.terminal = self.stream.isatty()
        self.shown = ""
        self.losses = 0
        self.last = 0.0

    @property
    def stream(self) -> IO[str]:
        """Where it is written; looked up each time, since a hung up terminal is replaced."""
        return self._stream or sys.stdout

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
