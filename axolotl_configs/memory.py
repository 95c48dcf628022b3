"""How much memory a training takes on each card, part by part, computed from the sizes of the model and the config.

The formulas are the usual ones for LoRA with gradient checkpointing; `tests/cases/memory.json` holds them to published
measurements. Everything is GiB on one card.

    python -c "from axolotl_configs.memory import Load, estimate; help(estimate)"
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from axolotl_configs.presets import GIB, Model

CONTEXT_GIB = 1.4
"""CUDA's context, cuBLAS workspaces and loaded kernels."""
FRAGMENTATION = 0.05
"""What the allocator holds beyond what is in use."""
LOSS_BYTES = 10
"""A score of one word for one token: bf16, its 32-bit copy and the gradient of that."""
FUSED_CHUNK = 512
"""Tokens whose scores the fused loss holds at a time."""
EXCHANGE_GIB = 1.0
"""NCCL's buffers, where cards talk to each other."""
OPTIMIZER_BYTES = {"8bit": 2, "adamw": 8}
"""The two moments of Adam for one weight."""


@dataclass(frozen=True)
class Load:
    """What is to be held in memory while training."""

    model: Model
    four_bit: bool
    adapter_parameters: int
    tokens: int
    """Of one forward pass: micro batch times sequence length."""
    optimizer: str = "adamw_torch_fused"
    checkpointing: bool = True
    """Whether a layer's activations are computed again instead of kept."""
    offloaded: bool = False
    """Whether the inputs of the layers wait in the machine's own memory."""
    fused_loss: bool = True
    evaluation_tokens: int = 0
    """Of one evaluation batch: its scores are materialised even with a fused loss."""
    widened_embeddings: bool = True
    """Whether the embeddings pass through 32 bits while the model is loaded, Axolotl's way unless told not to."""
    half: bool = True
    """bf16; False for the 32 bits of a CPU."""
    cards: int = 1
    spread: Literal["fsdp2", "zero2", "zero3"] | None = None


@dataclass(frozen=True)
class Memory:
    """GiB on one card, by what they hold."""

    weights: float
    adapter: float
    """Its weights and gradients, in 32 bits."""
    optimizer: float
    activations: float
    logits: float
    overhead: float
    at: str = "a training step"
    """When the peak is reached."""

    @property
    def parts(self) -> dict[str, float]:
        """Each part by its name, in the order of the fields."""
        return {name: value for name, value in vars(self).items() if name != "at"}

    @property
    def total(self) -> float:
        """GiB at the peak."""
        return sum(self.parts.values())


def estimate(load: Load) -> Memory:
    """Add up what one card holds at its peak: in a training step, an evaluation of long rows, or while loading."""
    model, width = load.model, 2 if load.half else 4
    weights = model.nf4_gib if load.four_bit else model.parameters * width / GIB
    state_bytes = next((size for name, size in OPTIMIZER_BYTES.items() if name in load.optimizer), 8)
    adapter, optimizer = load.adapter_parameters * 8 / GIB, load.adapter_parameters * state_bytes / GIB
    shards = max(1, load.cards)
    if load.spread in ("fsdp2", "zero3"):
        weights = weights / shards + _gathered(load, width)
        adapter, optimizer = adapter / shards, optimizer / shards
    elif load.spread == "zero2":
        adapter, optimizer = adapter / 2 + adapter / 2 / shards, optimizer / shards
    training = (_activations(load, width), _logits(load, width), "a training step")
    # Nothing is kept for a backward pass then, but the fused loss is not used and all scores are there at once.
    evaluation = (
        load.evaluation_tokens * _inside(model, width) / GIB,
        load.evaluation_tokens * model.vocabulary * LOSS_BYTES / GIB,
        "an evaluation",
    )
    activations, logits, at = max(training, evaluation, key=lambda phase: phase[0] + phase[1])
    loading = 1.5 * model.embedding_parameters * width / GIB if load.widened_embeddings and shards == 1 else 0.0
    if loading > adapter + optimizer + activations + logits:
        adapter, optimizer, activations, logits, at = 0.0, 0.0, loading, 0.0, "the loading of the model"
    used = weights + adapter + optimizer + activations + logits
    overhead = CONTEXT_GIB + FRAGMENTATION * used + (EXCHANGE_GIB if load.spread or shards > 1 else 0.0)
    return Memory(weights, adapter, optimizer, activations, logits, overhead, at)


def _gathered(load: Load, width: int) -> float:
    """A layer and the next one that is fetched meanwhile, whole, and the embeddings with the output head."""
    layer = load.model.linear_parameters / load.model.layers
    return (2 * layer * (0.52 if load.four_bit else width) + load.model.embedding_parameters * width) / GIB


def _inside(model: Model, width: int) -> int:
    """Bytes that one live layer makes of one token."""
    return width * (4 * model.intermediate_size + 8 * model.hidden_size + 2 * model.key_value_width)


def _activations(load: Load, width: int) -> float:
    """The inputs of all layers, what one live layer makes of them, and one matrix that is unpacked from 4 bits."""
    model = load.model
    one_layer = load.tokens * _inside(model, width)
    if not load.checkpointing:
        return model.layers * one_layer / GIB
    inputs = 0 if load.offloaded else load.tokens * model.layers * model.hidden_size * width
    unpacked = model.hidden_size * model.intermediate_size * width if load.four_bit else 0
    return (inputs + one_layer + unpacked) / GIB


def _logits(load: Load, width: int) -> float:
    """The scores of all words for every token; with a fused loss, only for a chunk of them."""
    if not load.fused_loss:
        return load.tokens * load.model.vocabulary * LOSS_BYTES / GIB
    chunk = min(FUSED_CHUNK, load.tokens) * load.model.vocabulary * LOSS_BYTES
    return (chunk + load.tokens * load.model.hidden_size * width) / GIB
