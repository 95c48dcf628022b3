"""Whether the card that a config is meant for can do what the config asks of it.

python -m axolotl_configs preflight axolotl_configs/cpu_smoke.yaml --gpu a100-80gb
"""

from __future__ import annotations

from collections.abc import Iterator

from axolotl_configs.problem import Config, Problem, amber, red
from axolotl_configs.workload import Workload

CUDA_ONLY = (
    "load_in_4bit",
    "load_in_8bit",
    "lora_mlp_kernel",
    "lora_qkv_kernel",
    "lora_o_kernel",
    "lora_embedding_kernel",
    "liger_rope",
    "liger_rms_norm",
    "liger_fused_linear_cross_entropy",
    "tf32",
)


def card_rules(config: Config, work: Workload) -> Iterator[Problem]:
    """Find what a CPU or an older card cannot do, and FSDP or DeepSpeed on a single card."""
    card = work.card
    if card is None:
        return
    flash = str(config.get("attn_implementation")).startswith("flash_attention")
    if not card.gpu:
        for key in CUDA_ONLY:
            if config.get(key) is True:
                yield red(key, f"`{key}` needs a CUDA card, and this config is for a CPU", f"write `{key}: false`")
        if config.get("bf16") is True:
            yield red("bf16", "`bf16: true` is refused on a CPU", "write `bf16: false`")
        if flash:
            yield red("attn_implementation", "FlashAttention needs CUDA", "write `attn_implementation: sdpa`")
        return
    if "flash_attention_3" in str(config.get("attn_implementation")) and card.capability != "sm_90":
        message = f"FlashAttention 3 needs an H100 or H200, not {card.title}"
        yield red("attn_implementation", message, "write `attn_implementation: flash_attention_2`")
    if config.get("sample_packing") and config.get("attn_implementation") == "sdpa" and card.capability != "sm_90":
        message = "packing with sdpa in bf16 before Hopper: the loss can be 0.0"
        yield red("attn_implementation", message, "write `attn_implementation: flash_attention_2`")
    if config.get("fp16"):
        yield amber("fp16", f"{card.title} has bf16, which does not overflow", "write `bf16: true` and remove `fp16`")
    if work.spread and work.cards == 1:
        key = "deepspeed" if config.get("deepspeed") else "fsdp_config"
        yield amber(key, f"`{key}` on one card only costs time, or fails", "take the config for one card, or CARDS=2")
