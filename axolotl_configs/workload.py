"""What a config asks of which card: the model behind it, the tokens of a step, the card that it is meant for.

python -c "from axolotl_configs.workload import read; print(read({'base_model': 'Qwen/Qwen2.5-7B-Instruct'}))"
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from axolotl_configs.errors import ConfigError
from axolotl_configs.memory import Load
from axolotl_configs.presets import TARGETS, Card, Model, Presets, load_presets
from axolotl_configs.problem import Config, items, positive

CARD_LINE = re.compile(r"^# card: (?:(\d+) × )?(\S+)$", re.MULTILINE)
"""Stands in the head of every generated config: the card that its numbers are for."""
LONG_EVALUATION_ROW = 1536
"""Tokens of the longest evaluation row, where no dataset is at hand."""


@dataclass(frozen=True)
class Workload:
    """A config read for estimates; `model` and `card` are None where nobody knows them."""

    model: Model | None
    card_name: str | None
    card: Card | None
    cards: int
    sequence_len: int
    micro_batch: int
    accumulation: int
    rank: int
    targets: tuple[str, ...]
    four_bit: bool
    optimizer: str
    checkpointing: bool
    offloaded: bool
    fused_loss: bool
    half: bool
    packing: bool
    evaluation_batch: int
    spread: Literal["fsdp2", "zero2", "zero3"] | None
    widened_embeddings: bool

    @property
    def step_tokens(self) -> int:
        """Tokens between two updates of the weights when every sequence is full, all cards together."""
        return self.micro_batch * self.accumulation * self.cards * self.sequence_len

    @property
    def adapter_parameters(self) -> int:
        """Weights that are trained; 0 where the model is not known."""
        return self.model.adapter_parameters(self.rank, self.targets) if self.model else 0

    def load(self, longest_evaluation_row: int = LONG_EVALUATION_ROW, longest_row: int | None = None) -> Load:
        """What must be held in memory; without packing a batch is as long as its longest row."""
        if self.model is None:
            raise ConfigError("no sizes are known of this model.\n    fix: add it to axolotl_configs/presets.yaml")
        length = self.sequence_len if self.packing or not longest_row else min(longest_row, self.sequence_len)
        return Load(
            self.model,
            self.four_bit,
            self.adapter_parameters,
            self.micro_batch * length,
            optimizer=self.optimizer,
            checkpointing=self.checkpointing,
            offloaded=self.offloaded,
            fused_loss=self.fused_loss,
            evaluation_tokens=self.evaluation_batch * min(longest_evaluation_row, self.sequence_len),
            widened_embeddings=self.widened_embeddings,
            half=self.half,
            cards=self.cards,
            spread=self.spread,
        )


def read(config: Config, *, card: str | None = None, cards: int | None = None, text: str = "") -> Workload:
    """Read a config; `card` and `cards` overrule what the head of its file says."""
    presets = load_presets()
    said_cards, said_card = card_line(text)
    name = card or said_card
    if name is None and config.get("bf16") is False and not config.get("load_in_4bit"):
        name = "cpu"  # said outright in our CPU configs, and nowhere else
    if name is not None and name not in presets.cards:
        known = ", ".join(presets.cards)
        raise ConfigError(
            f"GPU={name}: no such card is known.\n    fix: one of {known}, or add it to axolotl_configs/presets.yaml"
        )
    micro = _whole(config, "micro_batch_size", 1)
    # `lora_target_linear` means the same seven in these models.
    targets = tuple(str(target) for target in items(config.get("lora_target_modules"))) or TARGETS
    return Workload(
        model=find_model(config, presets),
        card_name=name,
        card=presets.cards.get(name) if name else None,
        cards=cards or said_cards or 1,
        sequence_len=_whole(config, "sequence_len", 512),
        micro_batch=micro,
        accumulation=_whole(config, "gradient_accumulation_steps", 1),
        rank=_whole(config, "lora_r", 8),
        targets=targets,
        four_bit=bool(config.get("load_in_4bit")) and config.get("adapter") == "qlora",
        optimizer=str(config.get("optimizer") or "adamw_torch_fused"),
        checkpointing=bool(config.get("gradient_checkpointing")),
        offloaded=bool(config.get("activation_offloading")),
        fused_loss=any(
            config.get(key)
            for key in ("liger_fused_linear_cross_entropy", "cut_cross_entropy", "chunked_cross_entropy")
        ),
        half=bool(config.get("bf16") or config.get("fp16")),
        packing=bool(config.get("sample_packing")),
        evaluation_batch=_whole(config, "eval_batch_size", micro),
        spread=spread_of(config),
        widened_embeddings=not config.get("embeddings_skip_upcast"),
    )


def card_line(text: str) -> tuple[int | None, str | None]:
    """The number of cards and the card that the head of a generated config names."""
    found = CARD_LINE.search(text)
    return (int(found[1]) if found[1] else 1, found[2]) if found else (None, None)


def find_model(config: Config, presets: Presets | None = None) -> Model | None:
    """The sizes of a config's base model: from presets.yaml, or from config.json in a local folder."""
    presets = presets or load_presets()
    base = str(config.get("base_model"))
    if known := presets.model_of(base):
        return known
    file = Path(base) / "config.json"
    try:
        if not file.is_file():
            return None
        sizes = json.loads(file.read_text(encoding="utf-8"))
        return Model(
            title=Path(base).name,
            hub=base,
            family="qwen3" if sizes.get("model_type") == "qwen3" else "qwen2",
            hidden_size=sizes["hidden_size"],
            layers=sizes["num_hidden_layers"],
            intermediate_size=sizes["intermediate_size"],
            attention_heads=sizes["num_attention_heads"],
            key_value_heads=sizes["num_key_value_heads"],
            head_size=sizes.get("head_dim"),
            vocabulary=sizes["vocab_size"],
            tied_embeddings=bool(sizes.get("tie_word_embeddings")),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # pydantic's errors are ValueErrors
        return None


def spread_of(config: Config) -> Literal["fsdp2", "zero2", "zero3"] | None:
    """How several cards share the work, by the config's FSDP or DeepSpeed keys."""
    if config.get("fsdp_config"):
        return "fsdp2"
    if not config.get("deepspeed"):
        return None
    return "zero3" if "zero3" in str(config["deepspeed"]) else "zero2"


def _whole(config: Config, key: str, otherwise: int) -> int:
    value = positive(config.get(key))
    return int(value) if value and value >= 1 else otherwise
