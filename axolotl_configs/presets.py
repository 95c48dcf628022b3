"""The presets: which models, cards and methods there are, and the numbers of each config that is generated from them.

python -m axolotl_configs build --list
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from axolotl_configs.errors import ConfigError
from axolotl_configs.reading import Document, read_yaml

PRESETS_FILE = Path(__file__).parent / "presets.yaml"
GIB = 1024**3
NF4_BYTES = (4 + 8 / 64 + 32 / (64 * 256)) / 8
"""Bytes of a 4-bit weight: its bits, an 8-bit scale for every 64, a 32-bit one for every 256 of those."""


class Strict(BaseModel):
    """What all entries share: unknown keys and wrong types are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Model(Strict):
    """A base model of the Qwen2.5 kind."""

    title: str
    hub: str
    """Its name on the hub, or the folder of a model that is made here."""
    revision: str | None = None
    """The commit on the hub; None for a model that is made here."""
    hidden_size: int = Field(gt=0)
    layers: int = Field(gt=0)
    intermediate_size: int = Field(gt=0)
    attention_heads: int = Field(gt=0)
    key_value_heads: int = Field(gt=0)
    vocabulary: int = Field(gt=0)
    tied_embeddings: bool = False
    """Whether input and output embeddings are one matrix, as in the smallest models."""
    chat_template: str = "qwen_25"
    eos_token: str = "<|im_end|>"
    pad_token: str = "<|endoftext|>"

    @property
    def parameters(self) -> int:
        """Count the weights, biases and norms."""
        hidden, inner = self.hidden_size, self.intermediate_size
        key_value = self.key_value_heads * hidden // self.attention_heads
        attention = 2 * hidden * hidden + 2 * hidden * key_value + hidden + 2 * key_value
        layer = attention + 3 * hidden * inner + 2 * hidden
        return self.layers * layer + hidden + self.vocabulary * hidden * (1 if self.tied_embeddings else 2)

    @property
    def download_gib(self) -> float:
        """Size of the bf16 weights on the hub; nothing for a model that is made here."""
        return self.parameters * 2 / GIB if self.revision else 0.0

    @property
    def nf4_gib(self) -> float:
        """Memory of the weights as QLoRA loads them: the layers in 4 bits with their scales, the embeddings in bf16."""
        embeddings = self.vocabulary * self.hidden_size * (1 if self.tied_embeddings else 2)
        return ((self.parameters - embeddings) * NF4_BYTES + embeddings * 2) / GIB

    def adapter_parameters(self, rank: int) -> int:
        """Count the adapter's weights on the seven target modules."""
        hidden, inner = self.hidden_size, self.intermediate_size
        key_value = self.key_value_heads * hidden // self.attention_heads
        return rank * self.layers * (2 * (hidden + hidden) + 2 * (hidden + key_value) + 3 * (hidden + inner))


class Card(Strict):
    """What the training runs on."""

    title: str
    memory_gib: float = Field(ge=0)
    """Usable memory; 0 for a CPU."""
    capability: str | None = None
    """CUDA compute capability such as `sm_80`; None for a CPU."""
    attention: Literal["flash_attention_2", "sdpa", "eager"]

    @property
    def gpu(self) -> bool:
        """Whether this is a CUDA card: bf16, fused kernels and 4 bits only work there."""
        return self.capability is not None


class Method(Strict):
    """How the model is adapted."""

    title: str
    adapter: Literal["lora", "qlora"]
    load_in_4bit: bool

    @model_validator(mode="after")
    def _bits_fit(self) -> Method:
        if (self.adapter == "qlora") != self.load_in_4bit:
            raise ValueError("qlora needs load_in_4bit: true, and lora needs false; Axolotl would not say so")
        return self


class Preset(Strict):
    """One generated config."""

    purpose: str
    model: str
    method: str
    card: str
    rank: int = Field(gt=0, le=512)
    alpha: int = Field(gt=0)
    dropout: float = Field(ge=0, lt=1)
    learning_rate: float = Field(gt=0, lt=1)
    epochs: int | None = Field(default=None, gt=0)
    max_steps: int | None = Field(default=None, gt=0)
    optimizer: str
    sequence_len: int = Field(gt=0)
    packing: bool
    micro_batch_size: int = Field(gt=0)
    gradient_accumulation_steps: int = Field(gt=0)
    every_steps: int = Field(gt=0)
    """Optimizer steps between two checkpoints; each is evaluated."""
    early_stopping_patience: int | None = Field(default=None, gt=0)
    """Evaluations without improvement after which the training ends."""
    train_rows: int | None = Field(default=None, gt=0)
    """Only the first so many rows are trained; None for all."""
    eval_rows: int | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _length_is_given_once(self) -> Preset:
        if (self.epochs is None) == (self.max_steps is None):
            raise ValueError("give either epochs or max_steps")
        return self


class Presets(Strict):
    """The whole of presets.yaml."""

    models: dict[str, Model]
    cards: dict[str, Card]
    methods: dict[str, Method]
    presets: dict[str, Preset]


@functools.cache
def load_presets(file: Path = PRESETS_FILE) -> Presets:
    """Read the presets; `ConfigError` with file and line for anything wrong in them."""
    document = read_yaml(file)
    try:
        presets = Presets.model_validate(document.data)
    except ValidationError as error:
        raise ConfigError("\n".join(_spoken(document, problem) for problem in error.errors())) from error
    for name, preset in presets.presets.items():
        for key in ("model", "method", "card"):
            offered = getattr(presets, f"{key}s")
            if getattr(preset, key) not in offered:
                line = document.line("presets", name, key)
                message = f"{file}:{line}: presets.{name}.{key}: there is no {key} `{getattr(preset, key)}`"
                raise ConfigError(f"{message}.\n    fix: one of {', '.join(offered)}, or add it under `{key}s:`")
    return presets


def _spoken(document: Document, problem: dict) -> str:
    """Turn one pydantic error into `file:line: field: what is wrong` and a remedy."""
    place = tuple(problem["loc"])
    fix = {
        "extra_forbidden": "remove it, or look for a typo",
        "missing": "add it; the other entries show how",
    }.get(problem["type"], "see the field's meaning in axolotl_configs/presets.py")
    message = problem["msg"].removeprefix("Value error, ")
    return f"{document.path}:{document.line(*place)}: {'.'.join(map(str, place))}: {message}.\n    fix: {fix}"
