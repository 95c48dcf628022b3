"""What a training will need and cost, before it is paid for: steps, memory, hours, money, disk, and what a kill loses.

Each check is a generator of problems like those of rules.py, over one `Situation`. Estimates say that they are; where
`make rehearse` has measured the same settings, its figures stand beside them and are the ones that count.

    python -m axolotl_configs preflight axolotl_configs/qwen2.5-32b_qlora_a100-80gb.yaml --price 1.89
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass, replace

from axolotl_configs.dataset import Surveyed
from axolotl_configs.derive import FITS
from axolotl_configs.measured import Measured
from axolotl_configs.memory import Memory, estimate
from axolotl_configs.packing import pack, steps_of_packed, steps_of_rows
from axolotl_configs.presets import load_presets
from axolotl_configs.problem import Config, Problem, amber, green, positive, red
from axolotl_configs.speed import (
    GUIDE_HOURS,
    Span,
    adapter_gib,
    checkpoint_gib,
    clock,
    flops_utilisation,
    spoken,
    tokens_per_second,
)
from axolotl_configs.workload import LONG_EVALUATION_ROW, Workload

PADDING = 1.3
"""Unpacked rows are filled up to the longest of their batch."""
EVALUATION_COST = 0.5
"""An evaluated token costs a third of a trained one in computation, and more than that unpacked."""
MINUTES_AT_RISK = 10
"""`make train` asks for a checkpoint when so many minutes have passed without one."""
ENVIRONMENT_GIB = 12
"""The trainer's environment with CUDA's libraries."""
FULL_ENOUGH = 0.9


@dataclass(frozen=True)
class Situation:
    """All that the checks look at, read once."""

    config: Config
    work: Workload
    files: list[Surveyed]
    price: float | None = None
    """Of one card for an hour, in whatever currency."""
    measured: Measured | None = None
    """What `make rehearse` found with these settings."""

    @property
    def train_tokens(self) -> list[float]:
        """Tokens of every row that is trained."""
        return [tokens for file in self.files if file.trains and file.lengths for tokens in file.lengths.tokens]

    @property
    def eval_tokens(self) -> list[float]:
        """Tokens of every row that is evaluated."""
        return [tokens for file in self.files if not file.trains and file.lengths for tokens in file.lengths.tokens]

    @property
    def exact(self) -> bool:
        """Whether all lengths were counted."""
        return all(file.lengths.exact for file in self.files if file.lengths)


@dataclass(frozen=True)
class Plan:
    """How long the training is."""

    steps: int
    steps_per_epoch: int
    tokens: float
    """Trained in all, every epoch counted."""
    evaluated: float
    """Evaluated in all."""
    sequences: int
    fill: float
    """How full the packed sequences are; 1 without packing."""


def plan(situation: Situation) -> Plan | None:
    """Compute the steps as Axolotl does; None without rows."""
    work, config, tokens = situation.work, situation.config, situation.train_tokens
    if not tokens:
        return None
    epochs = positive(config.get("num_epochs")) or 1
    batch = work.micro_batch * work.accumulation * work.cards
    if work.packing:
        packed = pack(tokens, work.sequence_len * work.micro_batch)
        sequences, fill = packed
        per_epoch = max(1, sequences // (work.accumulation * work.cards))
        steps = steps_of_packed(sequences, work.accumulation, work.cards, epochs)
    else:
        sequences, fill = len(tokens), 1.0
        per_epoch, steps = steps_of_rows(len(tokens), batch, 1), steps_of_rows(len(tokens), batch, epochs)
    if limit := positive(config.get("max_steps")):
        steps = int(limit)
    trained = sum(tokens) * steps / per_epoch * (1 if work.packing else PADDING)
    every = positive(config.get("eval_steps"))
    times = 1 + (steps // every if every and every >= 1 else 0)
    return Plan(steps, per_epoch, trained, sum(situation.eval_tokens) * times, sequences, fill)


def lengths(situation: Situation) -> Iterator[Problem]:
    """Rows, tokens, and the share of them that is trained."""
    tokens = situation.train_tokens
    if not tokens:
        return
    trained = sum(sum(file.lengths.trained) for file in situation.files if file.trains and file.lengths)
    said = "counted with the model's tokenizer" if situation.exact else "estimated: no tokenizer here"
    yield green(
        (),
        f"Rows: {len(tokens):,} with {sum(tokens) / 1e6:.2f} million tokens ({said}); half of them below "
        f"{statistics.median(tokens):,.0f}; {trained / sum(tokens):.0%} of the tokens are trained",
    )


def steps(situation: Situation) -> Iterator[Problem]:
    """How many steps the training has, and how full each is."""
    planned, work, config = plan(situation), situation.work, situation.config
    if planned is None:
        return
    rows = len(situation.train_tokens) / planned.steps_per_epoch
    how = f"{planned.sequences:,} sequences, {planned.fill:.1%} full" if work.packing else "unpacked"
    yield green(
        (),
        f"Steps: {planned.steps_per_epoch:,} an epoch, {planned.steps:,} in all ({how}); "
        f"{rows:,.0f} rows and about {planned.tokens / planned.steps:,.0f} tokens a step",
    )
    if work.packing and planned.fill < FULL_ENOUGH and planned.sequences > 1:
        message = f"the sequences are only {planned.fill:.0%} full: the rest is paid and not trained"
        yield amber("sequence_len", message, "choose a sequence_len that is a multiple of the usual row")
    every = positive(config.get("save_steps"))
    if every and every > planned.steps:
        message = f"save_steps {every:,.0f} of {planned.steps:,} steps in all: no checkpoint before the end"
        yield amber("save_steps", message, f"write eval_steps and save_steps: {max(1, planned.steps // 4)}")


def memory(situation: Situation) -> Iterator[Problem]:
    """What each card must hold, part by part, against what it has."""
    work = situation.work
    if work.model is None:
        yield amber("base_model", "no sizes are known of this model", "add it to axolotl_configs/presets.yaml")
        return
    need = _need(situation)
    parts = " + ".join(f"{name} {value:.1f}" for name, value in need.parts.items() if value >= 0.05)
    told = f"about {need.total:.1f} GiB a card in {need.at} ({parts})"
    if situation.measured and situation.measured.peak_gib:
        told = f"measured {situation.measured.peak_gib:.1f} GiB on {situation.measured.device}; by calculation {told}"
    told = f"Memory: {told}"
    peak = (situation.measured.peak_gib if situation.measured else None) or need.total
    if work.card is None:
        fitting = [name for name, card in load_presets().cards.items() if card.memory_gib * FITS >= peak]
        smallest = min(fitting, key=lambda name: load_presets().cards[name].memory_gib, default="no card known here")
        yield amber((), f"{told}; the file names no card", f"GPU={smallest} is the smallest that is enough")
    elif not work.card.gpu:
        yield green((), f"{told}, of the machine's own memory")
    elif peak > work.card.memory_gib:
        yield red((), f"{told}, but {work.card.title} has {work.card.memory_gib:.1f}", remedy(situation))
    elif peak > FITS * work.card.memory_gib and not situation.measured:
        message = f"{told}, of {work.card.memory_gib:.1f}: estimates of this kind were up to a tenth too low"
        yield amber((), message, f"run `make rehearse` first thing on the card; or {remedy(situation)}")
    else:
        yield green((), f"{told}, of {work.card.memory_gib:.1f} that {work.card.title} has")
    if said := work.model.others_say.get("qlora" if work.four_bit else "lora"):
        yield green((), f"Memory, for comparison: others name as the least for this model {said}")


def _need(situation: Situation, work: Workload | None = None) -> Memory:
    longest = round(max(situation.eval_tokens, default=LONG_EVALUATION_ROW))
    longest_row = round(max(situation.train_tokens, default=0)) or None
    return estimate((work or situation.work).load(longest, longest_row))


def remedy(situation: Situation) -> str:
    """Name the smallest change that fits, in the order in which it hurts least; the next card when nothing does."""
    work = situation.work
    room = (work.card.memory_gib if work.card else 0) * FITS
    changes: list[tuple[str, dict]] = [
        ("`micro_batch_size: 1` and `eval_batch_size: 1`", {"micro_batch": 1, "evaluation_batch": 1}),
        ("`gradient_checkpointing: true`", {"checkpointing": True}),
        ("the Liger plugin's fused loss", {"fused_loss": True}),
        ("`optimizer: paged_adamw_8bit`", {} if work.spread else {"optimizer": "paged_adamw_8bit"}),
        ("`sequence_len: 2048`", {"sequence_len": min(2048, work.sequence_len)}),
        ("`lora_r: 16`", {"rank": min(16, work.rank)}),
        ("`adapter: qlora` with 4 bits", {} if work.spread else {"four_bit": True}),
    ]
    said: list[str] = []
    for words, change in changes:
        changed = replace(work, **change)
        if changed == work:
            continue
        work = changed
        said.append(words)
        if _need(situation, work).total <= room:
            return "write " + ", ".join(said)
    needed = _need(situation).total
    cards = sorted((card.memory_gib, name) for name, card in load_presets().cards.items())
    larger = [name for size, name in cards if size * FITS >= needed]
    return f"take {' or '.join(larger[:2])}" if larger else "several cards (METHOD=lora-fsdp2) or a smaller model"


def time_and_money(situation: Situation) -> Iterator[Problem]:
    """Hours and cost."""
    rate, planned = _rate(situation), plan(situation)
    if planned is None:
        return
    work = situation.work
    if rate is None or work.model is None:
        unknown = work.model is None or work.card is None
        why = "model or card is not known" if unknown else "so small a model is not a matter of computing"
        yield green((), f"Time: {planned.tokens / 1e6:.2f} million tokens to train; no time estimated, since {why}")
        return
    seconds = rate.per(planned.tokens + planned.evaluated * EVALUATION_COST)
    hours = Span(seconds.low / 3600, seconds.high / 3600)
    speed = spoken(rate, lambda value: f"{value:,.0f}") + " tokens/s"
    source = "estimated"
    if situation.measured:
        source = f"measured on {situation.measured.device}"
        if work.card and (mfu := flops_utilisation(work.model, work.card, rate.low, work.cards)):
            source += f", {mfu:.0%} of its peak"
    told = f"Time: {spoken(hours)} for {planned.tokens / 1e6:.1f} million tokens at {speed} ({source})"
    told += f", {_cost(situation, hours)}"
    if hours.low > GUIDE_HOURS:
        yield amber((), f"{told}: longer than the guide's 3 to 6 hours", _shorter(situation))
    else:
        yield green((), told)
        if hours.high > GUIDE_HOURS:
            message = f"Time: the slow end, {clock(hours.high)}, is past the guide's 3 to 6 hours"
            yield amber((), message, _shorter(situation))


def _cost(situation: Situation, hours: Span) -> str:
    if situation.price is None:
        return "PRICE=… (of one card for an hour) tells the cost"
    money = hours * (situation.price * situation.work.cards)
    return f"cost {spoken(money, lambda value: f'{value:,.2f}')} at {situation.price:g} an hour"


def _rate(situation: Situation) -> Span | None:
    """Tokens a second: as measured, or from published runs."""
    work = situation.work
    if situation.measured and situation.measured.tokens_per_second:
        return Span(situation.measured.tokens_per_second, situation.measured.tokens_per_second)
    if work.model is None or work.card is None:
        return None
    return tokens_per_second(work.model, work.card, work.cards)


def _shorter(situation: Situation) -> str:
    """What would shorten the training, most effective first."""
    config, work = situation.config, situation.work
    ways = []
    if not work.packing and work.card and work.card.gpu:
        ways.append("`sample_packing: true` (several times faster on short rows)")
    if (positive(config.get("num_epochs")) or 0) > 1:
        ways.append("`num_epochs: 1`")
    if work.card and "h100" not in str(work.card_name):
        ways.append("an H100 (nearly three times as fast)")
    if work.cards == 1:
        ways.append("several cards (METHOD=qlora-zero2)")
    ways.append("fewer rows (ROWS=…), or a smaller model")
    return ", ".join(ways[:3])


def checkpoints(situation: Situation) -> Iterator[Problem]:
    """How much a kill can lose."""
    planned, rate = plan(situation), _rate(situation)
    every = positive(situation.config.get("save_steps"))
    if planned is None or rate is None or not every:
        return
    seconds = rate.per(every * planned.tokens / planned.steps)
    asked = situation.config.get("dynamic_checkpoint")
    step = clock(rate.per(planned.tokens / planned.steps).high / 3600)
    if isinstance(asked, dict) and asked.get("enabled"):
        lost = min(seconds.high / 60, MINUTES_AT_RISK)
        yield green((), f"Interruption: a kill loses at most {lost:.0f} minutes and the step under way ({step})")
    elif seconds.high / 60 > MINUTES_AT_RISK:
        message = f"Interruption: a kill may lose {clock(seconds.high / 3600)}, the time between two checkpoints"
        yield amber("save_steps", message, "add `dynamic_checkpoint: {enabled: true, check_interval: 1}`")


def room(situation: Situation) -> Iterator[Problem]:
    """Download, disk, and the size of the adapter."""
    work = situation.work
    if work.model is None:
        return
    kept = (positive(situation.config.get("save_total_limit")) or 4) + 2
    download = work.model.download_gib
    disk = download + kept * checkpoint_gib(work) + adapter_gib(work) + 1
    adapter = adapter_gib(work) * 1024
    yield green(
        (),
        f"Disk: adapter {adapter:,.0f} MiB; download {download:.0f} GiB; {disk:.0f} GiB for model, checkpoints and "
        f"adapter, and {ENVIRONMENT_GIB} for the environment where it is not there yet",
    )


FORECASTS = (lengths, steps, memory, time_and_money, checkpoints, room)
