"""How fast a card trains, how long a run takes and what it costs: ranges from published runs, until yours is measured.

LoRA with gradient checkpointing does about 6 operations for each weight and token: forward 2, again 2, backward 2.

    python -c "from axolotl_configs.speed import clock; print(clock(3.5))"
"""

from __future__ import annotations

from dataclasses import dataclass

from axolotl_configs.presets import GIB, Card, Model
from axolotl_configs.workload import Workload

OPERATIONS = 6
"""For each weight and token. Without recomputing it would be 4, and the rate higher by a quarter at least."""
GUIDE_HOURS = 6.0
"""The guide: three to six hours with a decent GPU."""
SHARING = 0.9
"""What is left of each card's speed when several exchange gradients or weights."""
COMPARABLE_WEIGHTS = 100e6
"""Below this many weights a card waits for the program, and the formula says nothing."""


@dataclass(frozen=True)
class Span:
    """Low and high end of an estimate; equal where it was measured."""

    low: float
    high: float

    def __mul__(self, factor: float) -> Span:
        return Span(self.low * factor, self.high * factor)

    def per(self, amount: float) -> Span:
        """How long an amount takes at this rate: the fast end first."""
        return Span(amount / self.high, amount / self.low)


def tokens_per_second(model: Model, card: Card, cards: int = 1) -> Span | None:
    """Tokens a second of all cards together; None where nothing is known to compute with."""
    if not card.reached_tflops or model.parameters < COMPARABLE_WEIGHTS:
        return None
    low, high = (tflops * 1e12 / (OPERATIONS * model.parameters) for tflops in card.reached_tflops)
    return Span(low, high) * (cards * (SHARING if cards > 1 else 1))


def flops_utilisation(model: Model, card: Card, rate: float, cards: int = 1) -> float | None:
    """MFU: the share of the data sheet's bf16 peak that a rate in tokens a second means."""
    if not card.peak_tflops:
        return None
    return rate * OPERATIONS * model.parameters / (card.peak_tflops * 1e12 * cards)


def adapter_gib(workload: Workload) -> float:
    """Size of adapter_model.safetensors: 32 bits a weight."""
    return workload.adapter_parameters * 4 / GIB


def checkpoint_gib(workload: Workload) -> float:
    """Size of a checkpoint: the adapter and the moments of the optimizer."""
    return workload.adapter_parameters * (4 + (2 if "8bit" in workload.optimizer else 8)) / GIB


def clock(hours: float) -> str:
    """Write hours as people say them: `4 h 20 min`, `35 min`, `50 s`."""
    minutes = round(hours * 60)
    if hours * 3600 < 90:
        return f"{hours * 3600:.0f} s"
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 100 else f"{minutes} min"


def spoken(span: Span, write: object = clock) -> str:
    """Write a span, or one value where both ends read the same."""
    low, high = write(span.low), write(span.high)  # type: ignore[operator]
    return low if low == high else f"{low} to {high}"
