"""The presets: which models, cards and methods there are, and the numbers of each config that is generated from them.

python -m axolotl_configs build --list
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from axolotl_configs.errors import ConfigError
from axolotl_configs.reading import Document, read_yaml

PRESETS_FILE = Path(__file__).parent / "presets.yaml"
GIB = 1024**3
NF4_BYTES = (4 + 8 / 64 + 32 / (64 * 256)) / 8
"""Bytes of a 4-bit weight: its bits, an 8-bit scale for every 64, a 32-bit one for every 256 of those."""


TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""The seven matrices of a layer, all of which the presets adapt."""


class Strict(BaseModel):
    """What all entries share: unknown keys and wrong types are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Model(Strict):
    """A dense base model of the Qwen2.5 or Qwen3 kind."""

    title: str
    hub: str
    """Its name on the hub, or the folder of a model that is made here."""
    revision: str | None = None
    """The commit on the hub; None for a model that is made here."""
    family: Literal["qwen2", "qwen3"] = "qwen2"
    """The architecture: Qwen3 has no attention biases, norms its queries and keys, and names its head size."""
    hidden_size: int = Field(gt=0)
    layers: int = Field(gt=0)
    intermediate_size: int = Field(gt=0)
    attention_heads: int = Field(gt=0)
    key_value_heads: int = Field(gt=0)
    head_size: int | None = Field(default=None, gt=0)
    """None where it is hidden_size / attention_heads."""
    vocabulary: int = Field(gt=0)
    tied_embeddings: bool = False
    """Whether input and output embeddings are one matrix, as in the smallest models."""
    gated: bool = False
    """Whether the hub asks for a token."""
    others_say: dict[str, str] = {}
    """Minimum memory that other projects publish for `qlora` and `lora`; shown, never computed with."""
    chat_template: str = "qwen_25"
    eos_token: str = "<|im_end|>"
    pad_token: str = "<|endoftext|>"

    @property
    def decoder_layer(self) -> str:
        """Name of the class that FSDP wraps."""
        return {"qwen2": "Qwen2DecoderLayer", "qwen3": "Qwen3DecoderLayer"}[self.family]

    @property
    def query_width(self) -> int:
        """Width of all query heads together; equal to hidden_size in Qwen2.5."""
        return self.attention_heads * (self.head_size or self.hidden_size // self.attention_heads)

    @property
    def key_value_width(self) -> int:
        """Width of all key heads together, and of all value heads."""
        return self.key_value_heads * (self.head_size or self.hidden_size // self.attention_heads)

    @property
    def linear_parameters(self) -> int:
        """Count the weights of the seven matrices of all layers: what QLoRA turns into 4 bits."""
        attention = 2 * self.hidden_size * (self.query_width + self.key_value_width)
        return self.layers * (attention + 3 * self.hidden_size * self.intermediate_size)

    @property
    def embedding_parameters(self) -> int:
        """Count the weights that stay in 16 bits: the embeddings and, where it is another matrix, the output head."""
        return self.vocabulary * self.hidden_size * (1 if self.tied_embeddings else 2)

    @property
    def parameters(self) -> int:
        """Count the weights, biases and norms."""
        if self.family == "qwen2":
            small = self.query_width + 2 * self.key_value_width
        else:
            small = 2 * (self.head_size or self.hidden_size // self.attention_heads)
        norms = self.layers * (small + 2 * self.hidden_size) + self.hidden_size
        return self.linear_parameters + norms + self.embedding_parameters

    @property
    def download_gib(self) -> float:
        """Size of the bf16 weights on the hub; nothing for a model that is made here."""
        return self.parameters * 2 / GIB if self.revision else 0.0

    @property
    def nf4_gib(self) -> float:
        """Memory of the weights as QLoRA loads them: the layers in 4 bits with their scales, the embeddings in bf16."""
        return ((self.parameters - self.embedding_parameters) * NF4_BYTES + self.embedding_parameters * 2) / GIB

    def adapter_parameters(self, rank: int, targets: tuple[str, ...] = TARGETS) -> int:
        """Count the adapter's weights on the target modules: rank times the sides of each matrix."""
        hidden, inner, query, key_value = (
            self.hidden_size,
            self.intermediate_size,
            self.query_width,
            self.key_value_width,
        )
        sides = {
            "q_proj": hidden + query,
            "k_proj": hidden + key_value,
            "v_proj": hidden + key_value,
            "o_proj": query + hidden,
            "gate_proj": hidden + inner,
            "up_proj": hidden + inner,
            "down_proj": inner + hidden,
        }
        return rank * self.layers * sum(sides[target] for target in targets if target in sides)


class Card(Strict):
    """What the training runs on."""

    title: str
    memory_gib: float = Field(ge=0)
    """What PyTorch really gets of the memory; 0 for a CPU."""
    known_as: list[str] = []
    """Parts of the names under which nvidia-smi shows such cards."""
    capability: str | None = None
    """CUDA compute capability such as `sm_80`; None for a CPU."""
    attention: Literal["flash_attention_2", "sdpa", "eager"]
    peak_tflops: float | None = Field(default=None, gt=0)
    """Dense bf16 peak of the data sheet; None for a CPU or for cards of several kinds."""
    reached_tflops: list[float] | None = Field(default=None, min_length=2, max_length=2)
    """What LoRA training gets out of one, from slow to fast, counted as 6 operations a weight and token."""

    @property
    def gpu(self) -> bool:
        """Whether this is a CUDA card: bf16, fused kernels and 4 bits only work there."""
        return self.capability is not None


class Method(Strict):
    """How the model is adapted, and how it is laid over several cards."""

    title: str
    adapter: Literal["lora", "qlora"]
    load_in_4bit: bool
    spread: Literal["fsdp2", "zero2", "zero3"] | None = None
    """How several cards share the work; None for one card."""

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
    cards: int = Field(default=1, gt=0, le=64)
    """How many cards the estimates are for; a config for several runs on any number of them."""
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
    usual: dict[str, Any]
    """The numbers of every preset that does not give its own."""
    presets: dict[str, Preset]

    def model_of(self, base_model: object) -> Model | None:
        """Find the model that a config's `base_model` means: its name on the hub, its folder, or its name here."""
        found = (model for name, model in self.models.items() if base_model in (model.hub, name))
        return next(found, None)


@functools.cache
def load_presets(file: Path = PRESETS_FILE) -> Presets:
    """Read the presets; `ConfigError` with file and line for anything wrong in them."""
    document = read_yaml(file)
    try:
        presets = Presets.model_validate(_with_usual(document.data))
    except ValidationError as error:
        said = dict.fromkeys(_spoken(document, problem) for problem in error.errors())  # `usual` errs in every preset
        raise ConfigError("\n".join(said)) from error
    for name, preset in presets.presets.items():
        for key in ("model", "method", "card"):
            offered = getattr(presets, f"{key}s")
            if getattr(preset, key) not in offered:
                line = document.line("presets", name, key)
                message = f"{file}:{line}: presets.{name}.{key}: there is no {key} `{getattr(preset, key)}`"
                raise ConfigError(f"{message}.\n    fix: one of {', '.join(offered)}, or add it under `{key}s:`")
    return presets


def _with_usual(data: dict[str, Any]) -> dict[str, Any]:
    """Lay every preset over the usual numbers; what is no mapping is left for pydantic to name."""
    usual, presets = data.get("usual"), data.get("presets")
    if not isinstance(usual, dict) or not isinstance(presets, dict):
        return data
    laid = {name: {**usual, **preset} if isinstance(preset, dict) else preset for name, preset in presets.items()}
    for preset in laid.values():
        if isinstance(preset, dict) and "max_steps" in preset:
            preset.pop("epochs", None)
    return {**data, "presets": laid}


def _spoken(document: Document, problem: dict) -> str:
    """Turn one pydantic error into `file:line: field: what is wrong` and a remedy."""
    place = tuple(problem["loc"])
    if place[0] == "presets" and place not in document.lines and ("usual", *place[2:]) in document.lines:
        place = ("usual", *place[2:])
    fix = {
        "extra_forbidden": "remove it, or look for a typo",
        "missing": "add it; the other entries show how",
    }.get(problem["type"], "see the field's meaning in axolotl_configs/presets.py")
    message = problem["msg"].removeprefix("Value error, ")
    return f"{document.path}:{document.line(*place)}: {'.'.join(map(str, place))}: {message}.\n    fix: {fix}"
