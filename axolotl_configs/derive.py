"""A preset for any model, card and method: the numbers that follow from the card's memory and speed.

    python -m axolotl_configs build --model qwen3-8b --gpu 24gb --method qlora       (`make configs MODEL=… GPU=…`)

What presets.yaml holds for the same three is taken as it stands; what is not given starts from its `usual` numbers
and shrinks until it fits: first the optimizer's states, then the rank, then the sequence.
"""

from __future__ import annotations

from itertools import product

from axolotl_configs.errors import ConfigError
from axolotl_configs.keys import nearest
from axolotl_configs.memory import Load, estimate
from axolotl_configs.presets import Card, Method, Preset, Presets
from axolotl_configs.speed import tokens_per_second
from axolotl_configs.workload import LONG_EVALUATION_ROW

FITS = 0.9
"""Of the card's memory: estimates of this kind were up to a tenth too low."""
STEP_TOKENS = 16_384
LARGE_MODEL = 10e9
"""From so many weights on, the smaller learning rate."""
MINUTES_BETWEEN_CHECKPOINTS = 10
ROUND_STEPS = (20, 25, 30, 40, 60, 80, 100, 200)
"""Steps between two checkpoints; fewer than 20 would spend too much on evaluating each."""


def derive(
    presets: Presets,
    model: str,
    card: str,
    method: str,
    *,
    rank: int | None = None,
    alpha: int | None = None,
    sequence_len: int | None = None,
    cards: int | None = None,
) -> tuple[str, Preset]:
    """Give a preset and its name, overrides included; `ConfigError` for unknown names and for what fits nowhere."""
    model, card, method = (
        _known("MODEL", model, presets.models),
        _known("GPU", card, presets.cards),
        _known("METHOD", method, presets.methods),
    )
    parts = [f"r{rank}" if rank else "", f"a{alpha}" if alpha else "", f"s{sequence_len}" if sequence_len else ""]
    name = "_".join([model, method, card, *filter(None, parts), *([f"{cards}-cards"] if cards else [])])
    base = next((p for p in presets.presets.values() if (p.model, p.card, p.method) == (model, card, method)), None)
    if base is None:
        usual_cards = 4 if presets.methods[method].spread else 1
        base = _fresh(presets, model, card, method, rank, sequence_len, cards or usual_cards)
    ratio = base.alpha / base.rank
    numbers = base.model_dump() | {
        "rank": rank or base.rank,
        "alpha": alpha or max(1, round((rank or base.rank) * ratio)),
        "sequence_len": sequence_len or base.sequence_len,
        "cards": cards or base.cards,
    }
    if sequence_len or cards:
        numbers["gradient_accumulation_steps"] = _accumulation(
            base.micro_batch_size, numbers["sequence_len"], numbers["cards"]
        )
    preset = Preset(**numbers)
    _check_room(presets, preset)
    return name, preset


def load_of(presets: Presets, preset: Preset) -> Load:
    """What a preset's config will hold in memory."""
    model, card, method = presets.models[preset.model], presets.cards[preset.card], presets.methods[preset.method]
    return Load(
        model,
        method.load_in_4bit,
        model.adapter_parameters(preset.rank),
        preset.micro_batch_size * preset.sequence_len,
        optimizer=preset.optimizer,
        checkpointing=card.gpu,
        fused_loss=card.gpu,
        evaluation_tokens=preset.micro_batch_size * min(LONG_EVALUATION_ROW, preset.sequence_len),
        widened_embeddings=not spares_embeddings(card, method),
        half=card.gpu,
        cards=preset.cards,
        spread=method.spread,
    )


def spares_embeddings(card: Card, method: Method) -> bool:
    """Whether a card is too small to hold the embeddings in 32 bits even for a moment."""
    return method.load_in_4bit and 0 < card.memory_gib < 20


def minutes_between(presets: Presets, preset: Preset, steps: int | None = None) -> tuple[float, float] | None:
    """Minutes from checkpoint to checkpoint, from the fast to the slow end; None where nothing can be computed."""
    rate = tokens_per_second(presets.models[preset.model], presets.cards[preset.card], preset.cards)
    if rate is None:
        return None
    tokens = preset.micro_batch_size * preset.gradient_accumulation_steps * preset.cards * preset.sequence_len
    span = rate.per(tokens * (steps or preset.every_steps) / 60)
    return span.low, span.high


def _known(variable: str, name: str, known: dict) -> str:
    wanted = name.strip().lower()
    if wanted in known:
        return wanted
    meant = nearest(wanted, known)
    raise ConfigError(
        f"{variable}={name}: not in axolotl_configs/presets.yaml, which has {', '.join(known)}.\n"
        f"    fix: {f'did you mean {meant}?' if meant else 'take one of these, or add an entry there'}"
    )


def _fresh(
    presets: Presets, model: str, card: str, method: str, rank: int | None, sequence_len: int | None, cards: int
) -> Preset:
    """Shrink the usual numbers until they fit the card."""
    where, how = presets.cards[card], presets.methods[method]
    names = {"model": model, "card": card, "method": method, "cards": cards}
    purpose = f"Numbers that fit, computed from {card} and {model}."
    usual = {**presets.usual, **names, "purpose": purpose}
    usual["learning_rate"] = 1.0e-4 if presets.models[model].parameters > LARGE_MODEL else 2.0e-4
    if not where.gpu:
        return _on_cpu(usual, how, sequence_len)
    optimizers = ["adamw_torch_fused"] if how.spread else ["adamw_torch_fused", "paged_adamw_8bit"]
    ranks = [rank] if rank else [32, 16, 8]
    lengths = [sequence_len] if sequence_len else [4096, 2048, 1536]
    for length, some_rank, optimizer in product(lengths, ranks, optimizers):
        usual |= {"rank": some_rank, "alpha": 2 * some_rank, "optimizer": optimizer, "sequence_len": length}
        for micro, share in ((2, 0.6), (1, FITS)):  # two at a time only where there is ample room
            usual |= {"micro_batch_size": micro, "gradient_accumulation_steps": _accumulation(micro, length, cards)}
            preset = Preset(**usual)
            if estimate(load_of(presets, preset)).total <= share * where.memory_gib:
                return preset.model_copy(update={"every_steps": _often(presets, preset)})
    return Preset(**usual)


def _on_cpu(usual: dict, method: Method, sequence_len: int | None) -> Preset:
    if method.load_in_4bit or method.spread:
        raise ConfigError("4 bits, FSDP and DeepSpeed need a GPU.\n    fix: METHOD=lora with GPU=cpu")
    usual = {key: value for key, value in usual.items() if key not in ("epochs", "early_stopping_patience")}
    return Preset(
        **usual
        | {"optimizer": "adamw_torch", "packing": False, "sequence_len": sequence_len or 2048, "micro_batch_size": 1}
        | {"gradient_accumulation_steps": 8, "max_steps": 120, "every_steps": 10, "train_rows": 960, "eval_rows": 32}
    )


def _accumulation(micro: int, length: int, cards: int) -> int:
    return max(1, round(STEP_TOKENS / (micro * length * cards)))


def _often(presets: Presets, preset: Preset) -> int:
    """The most steps that the slow end of the speed makes in ten minutes, or 20: `make train` saves in between."""
    one = minutes_between(presets, preset, steps=1)
    if one is None:
        return preset.every_steps
    return max(
        steps for steps in ROUND_STEPS if steps == ROUND_STEPS[0] or steps * one[1] <= MINUTES_BETWEEN_CHECKPOINTS
    )


def _check_room(presets: Presets, preset: Preset) -> None:
    """Refuse what cannot fit, and name what could."""
    card = presets.cards[preset.card]
    needed = estimate(load_of(presets, preset)).total
    if not card.gpu or needed <= card.memory_gib:
        return
    larger = sorted(
        (name for name, other in presets.cards.items() if other.memory_gib * FITS >= needed),
        key=lambda name: presets.cards[name].memory_gib,
    )
    options = [f"GPU={name}" for name in larger[:2]]
    if not presets.methods[preset.method].load_in_4bit:
        options.append("METHOD=qlora")
    options.append("a smaller model or SEQ")
    raise ConfigError(
        f"{preset.model} by {preset.method} needs about {needed:.0f} GiB, and {card.title} has {card.memory_gib:.0f}.\n"
        f"    fix: {', '.join(options)}"
    )
