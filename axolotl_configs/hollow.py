"""A model of the right shape that weighs nothing on the disk: sparse files of zeros, filled with noise when loaded.

A rehearsal needs the architecture and not the knowledge, so nothing is downloaded. The weights' files have the right
header and a hole for a body; `plugins.Rehearsal` puts random numbers into the loaded model, since a card multiplies
zeros faster than it ever will multiply weights.

    python -c "from axolotl_configs.hollow import tensors; print(len(tensors(model)))"
"""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path

from axolotl_configs.errors import ConfigError
from axolotl_configs.presets import Model

FOLDER = Path("build/hollow")
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "special_tokens_map.json")
BF16_BYTES = 2


def make_hollow(model: Model, tokenizer: Path, folder: Path = FOLDER) -> Path:
    """Lay the model out below a folder, with the tokenizer of another; `ConfigError` where the disk cannot."""
    target = folder / Path(model.hub).name
    shutil.rmtree(target, ignore_errors=True)
    try:
        target.mkdir(parents=True)
        for name in TOKENIZER_FILES:
            if (tokenizer / name).is_file():
                shutil.copyfile(tokenizer / name, target / name)
        (target / "config.json").write_text(json.dumps(architecture(model), indent=1) + "\n", encoding="utf-8")
        _write_weights(model, target / "model.safetensors")
    except OSError as error:
        raise ConfigError(
            f"{target}: cannot be made ({error.strerror}).\n    fix: work on a disk that knows sparse files"
        ) from error
    return target


def architecture(model: Model) -> dict:
    """The model's config.json."""
    own = {"qwen2": {"use_sliding_window": False}, "qwen3": {"attention_bias": False, "head_dim": model.head_size}}
    return {
        "architectures": [f"{model.family.capitalize()}ForCausalLM"],
        "model_type": model.family,
        "hidden_act": "silu",
        "hidden_size": model.hidden_size,
        "intermediate_size": model.intermediate_size,
        "num_hidden_layers": model.layers,
        "num_attention_heads": model.attention_heads,
        "num_key_value_heads": model.key_value_heads,
        "vocab_size": model.vocabulary,
        "max_position_embeddings": 32768,
        "rms_norm_eps": 1e-06,
        "rope_theta": 1000000.0,
        "tie_word_embeddings": model.tied_embeddings,
        "torch_dtype": "bfloat16",
        **own[model.family],
    }


def tensors(model: Model) -> dict[str, list[int]]:
    """Every weight of the model with its shape, named as on the hub."""
    hidden, inner, query, key_value = (
        model.hidden_size,
        model.intermediate_size,
        model.query_width,
        model.key_value_width,
    )
    found = {"model.embed_tokens.weight": [model.vocabulary, hidden], "model.norm.weight": [hidden]}
    if not model.tied_embeddings:
        found["lm_head.weight"] = [model.vocabulary, hidden]
    for layer in range(model.layers):
        place = f"model.layers.{layer}"
        found |= {
            f"{place}.self_attn.q_proj.weight": [query, hidden],
            f"{place}.self_attn.k_proj.weight": [key_value, hidden],
            f"{place}.self_attn.v_proj.weight": [key_value, hidden],
            f"{place}.self_attn.o_proj.weight": [hidden, query],
            f"{place}.mlp.gate_proj.weight": [inner, hidden],
            f"{place}.mlp.up_proj.weight": [inner, hidden],
            f"{place}.mlp.down_proj.weight": [hidden, inner],
            f"{place}.input_layernorm.weight": [hidden],
            f"{place}.post_attention_layernorm.weight": [hidden],
        }
        if model.family == "qwen2":
            for name, width in (("q_proj", query), ("k_proj", key_value), ("v_proj", key_value)):
                found[f"{place}.self_attn.{name}.bias"] = [width]
        else:
            size = model.head_size or hidden // model.attention_heads
            found |= {f"{place}.self_attn.q_norm.weight": [size], f"{place}.self_attn.k_norm.weight": [size]}
    return found


def _write_weights(model: Model, path: Path) -> None:
    """Write a safetensors file whose body is a hole."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, shape in tensors(model).items():
        size = BF16_BYTES
        for side in shape:
            size *= side
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as stream:
        stream.write(struct.pack("<Q", len(text)) + text)
        stream.truncate(8 + len(text) + end)
