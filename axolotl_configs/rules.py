"""What Axolotl 0.19 accepts in silence, or refuses only after the model has been loaded: one small generator a rule.

A rule reads the config and yields problems; its docstring is what `preflight` prints when it finds none. See them all:

    python -m axolotl_configs preflight axolotl_configs/cpu_smoke.yaml

Each was reproduced on Axolotl 0.19.0, or read in its source; each has a config that passes and one that is red in
tests/cases/configs.json.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from axolotl_configs import data_rules
from axolotl_configs.keys import nearest, plugin_of, schema
from axolotl_configs.problem import Config, Problem, amber, items, number, red

KERNELS = ("lora_mlp_kernel", "lora_qkv_kernel", "lora_o_kernel", "lora_embedding_kernel")
RETIRED = {
    "dataset_processes": "write `dataset_num_proc`",
    "evaluation_strategy": "write `eval_strategy`, or better `eval_steps`",
    "flash_attn_rms_norm": "remove it: Axolotl refuses it",
    "fsdp": "write `fsdp_version: 2` and `fsdp_config`",
    "gc_steps": "write `gc_collect_steps`",
    "max_packed_sequence_len": "write `sequence_len`: Axolotl refuses the old key",
    "noisy_embedding_alpha": "write `neftune_noise_alpha`",
    "rope_scaling": "remove it: Axolotl refuses it",
    "s2_attention": "remove it: Axolotl refuses it",
}
NAMED = {"optimizer": "optimizers", "lr_scheduler": "schedulers", "attn_implementation": "attention"}
LOSSES = ("liger_fused_linear_cross_entropy", "liger_cross_entropy", "cut_cross_entropy", "chunked_cross_entropy")


def adapter_and_bits(config: Config) -> Iterator[Problem]:
    """The adapter and the bits belong together"""
    adapter, four, eight = config.get("adapter"), config.get("load_in_4bit"), config.get("load_in_8bit")
    if adapter == "lora" and four:
        message = "`adapter: lora` with `load_in_4bit` is not quantised: four times the memory, and merged wrongly"
        yield red("adapter", message, "write `adapter: qlora`")
    if adapter == "qlora" and not four:
        yield red("adapter", "`adapter: qlora` without `load_in_4bit` is refused", "add `load_in_4bit: true`")
    if eight and (adapter == "qlora" or four):
        yield red("load_in_8bit", "8 bits besides 4 bits are refused", "remove `load_in_8bit`")
    if adapter not in ("lora", "qlora"):
        message = (
            f"`adapter: {adapter}` is none that this toolkit trains" if adapter else "all weights would be trained"
        )
        yield red("adapter", message, "write `adapter: qlora` with `load_in_4bit: true`, or `adapter: lora` without")


def rank_and_alpha(config: Config) -> Iterator[Problem]:
    """Rank, alpha and the target modules are given"""
    if config.get("adapter") not in ("lora", "qlora"):
        return
    for key, usual in (("lora_r", 32), ("lora_alpha", 64)):
        value = number(config.get(key))
        if config.get(key) is None:
            yield red(key, f"no `{key}`: Axolotl crashes while it builds the adapter", f"add `{key}: {usual}`")
        elif value is not None and value <= 0:
            yield red(key, f"`{key}: {config[key]}` makes no adapter", f"write something like `{key}: {usual}`")
    if not (config.get("lora_target_modules") or config.get("lora_target_linear")):
        fix = "list the seven: q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj"
        yield amber("lora_target_modules", "no target modules: PEFT would adapt q and v alone", fix)


def kernels_are_explicit(config: Config) -> Iterator[Problem]:
    """The four LoRA kernels are switched on or off by the config, not by Axolotl"""
    if config.get("adapter") not in ("lora", "qlora"):
        return
    missing = [key for key in KERNELS if config.get(key) is None]
    if missing:
        message = f"{', '.join(missing)} not set: Axolotl switches kernels on by itself, and they crash without CUDA"
        yield red(missing[0], message, "set all four lora_*_kernel keys to true or false")
    used = [key for key in KERNELS if config.get(key)]
    if used and config.get("load_in_8bit"):
        yield red(used[0], "the LoRA kernels do not work with 8 bits", "set the lora_*_kernel keys to false")
    if used and config.get("trust_remote_code"):
        yield red(used[0], "the LoRA kernels are refused with `trust_remote_code`", "remove `trust_remote_code`")


def saving(config: Config) -> Iterator[Problem]:
    """Checkpoints are written at known steps and can be resumed from"""
    if config.get("save_steps") and config.get("saves_per_epoch"):
        yield red("saves_per_epoch", "`save_steps` and this exclude each other", "remove `saves_per_epoch`")
    if config.get("save_steps") and config.get("save_strategy") not in (None, "steps"):
        yield red("save_strategy", "`save_strategy` contradicts `save_steps`", "remove `save_strategy`")
    if config.get("save_only_model"):
        message = "`save_only_model` leaves no optimizer state: a run that was interrupted cannot go on"
        yield red("save_only_model", message, "remove it")


def best_checkpoint(config: Config) -> Iterator[Problem]:
    """Early stopping and the best checkpoint have the steps they need"""
    save, evaluate = number(config.get("save_steps")), number(config.get("eval_steps"))
    fits = bool(save and evaluate) and save % evaluate == 0
    fix = "give `eval_steps` and `save_steps`, the second a multiple of the first"
    if config.get("early_stopping_patience") and not fits:
        yield red("early_stopping_patience", "early stopping needs `save_steps` divisible by `eval_steps`", fix)
    if config.get("load_best_model_at_end") and not fits:
        yield red("load_best_model_at_end", "ignored in silence unless `save_steps` is divisible by `eval_steps`", fix)


def batch_and_schedule(config: Config) -> Iterator[Problem]:
    """Batch size, warmup and learning rate are each given in one way"""
    if config.get("batch_size"):
        message = "`batch_size` is refused with `gradient_accumulation_steps`, and is a mere warning without"
        yield red("batch_size", message, "write `micro_batch_size` and `gradient_accumulation_steps`")
    if config.get("warmup_steps") and config.get("warmup_ratio"):
        yield red("warmup_steps", "`warmup_steps` and `warmup_ratio` exclude each other", "keep one of them")
    rate = number(config.get("learning_rate"))
    if config.get("learning_rate") is not None and (rate is None or not 0 < rate < 1):
        message = f"`learning_rate: {config['learning_rate']}` is no learning rate"
        yield red("learning_rate", message, "write something like 1.0e-4")


def names(config: Config) -> Iterator[Problem]:
    """Optimizer, scheduler and attention are names that exist"""
    for key, known in NAMED.items():
        value = config.get(key)
        from_hub = key == "attn_implementation" and "/" in str(value)
        if isinstance(value, str) and value not in schema()[known] and not from_hub:
            meant = nearest(value, schema()[known])
            fix = f"did you mean `{meant}`?" if meant else f"one of {', '.join(schema()[known][:8])} …"
            yield red(key, f"there is no {key} `{value}`, and Axolotl may say so only after loading the model", fix)
    flags = [flag for flag in data_rules.ATTENTION_FLAGS if config.get(flag)]
    if flags:
        build = red if config.get("attn_implementation") else amber
        yield build(flags[0], f"`{flags[0]}` is the old way", "write `attn_implementation: flash_attention_2` alone")


def plugins(config: Config) -> Iterator[Problem]:
    """Every plugin key has its plugin, and one loss is chosen"""
    listed = items(config.get("plugins"))
    for key in config:
        plugin = plugin_of().get(key)
        if plugin and config[key] is not None and not any(_same_plugin(plugin, name) for name in listed):
            message = f"`{key}` is dropped in silence: its plugin is not listed"
            yield red(key, message, f"add `plugins: [{plugin}]`, or remove the key")
    for index, name in enumerate(listed):
        ours = str(name).startswith("axolotl_configs.plugins.")
        if not ours and not any(_same_plugin(plugin, name) for plugin in schema()["plugins"]):
            meant = nearest(str(name), schema()["plugins"])
            fix = f"did you mean `{meant}`?" if meant else "make sure that it can be imported on the training machine"
            yield (red if meant else amber)(("plugins", index), f"`{name}` is no plugin known here", fix)
    losses = [key for key in LOSSES if config.get(key)]
    cut = "axolotl.integrations.cut_cross_entropy.CutCrossEntropyPlugin"
    if "cut_cross_entropy" not in config and any(_same_plugin(cut, name) for name in listed):
        losses.append("cut_cross_entropy (on by default with its plugin)")
    if len(losses) > 1:
        fix = "keep liger_fused_linear_cross_entropy"
        yield red("plugins", f"{' and '.join(losses)}: only one loss can be used", fix)


def several_cards(config: Config) -> Iterator[Problem]:
    """FSDP and DeepSpeed are not mixed, and fit the adapter"""
    fsdp, deepspeed = config.get("fsdp_config") or config.get("fsdp"), config.get("deepspeed")
    if fsdp and deepspeed:
        yield red("deepspeed", "FSDP and DeepSpeed together; Axolotl does not notice", "remove one of the two")
    if isinstance(deepspeed, str) and not Path(deepspeed).is_file():
        yield red("deepspeed", f"{deepspeed} is not there; Axolotl notices late", "name an existing JSON file")
    elif isinstance(deepspeed, str) and (wrong := _deepspeed_problem(Path(deepspeed))):
        yield red("deepspeed", f"{deepspeed} {wrong}", "take one of axolotl_configs/deepspeed/")
    if not fsdp:
        return
    if str(config.get("fsdp_version")) != "2":
        yield red("fsdp_config", "without `fsdp_version: 2` Axolotl takes the old FSDP 1", "add `fsdp_version: 2`")
    block = config.get("fsdp_config") if isinstance(config.get("fsdp_config"), dict) else {}
    if config.get("load_in_4bit") and block.get("cpu_ram_efficient_loading"):
        place = ("fsdp_config", "cpu_ram_efficient_loading")
        yield red(place, "with 4 bits this loads mismatched shapes", "write `cpu_ram_efficient_loading: false`")
    if config.get("optimizer") in ("adamw_8bit", "adamw_bnb_8bit", "paged_adamw_8bit"):
        fix = "write `optimizer: adamw_torch_fused`"
        yield red("optimizer", "8-bit optimizers of bitsandbytes fail under FSDP", fix)


def precision_and_memory(config: Config) -> Iterator[Problem]:
    """Precision and checkpointing do not contradict each other"""
    if config.get("bf16") is True and config.get("fp16"):
        yield red("fp16", "`bf16` and `fp16` together: Axolotl would take bf16 in silence", "remove `fp16`")
    if config.get("activation_offloading") and not config.get("gradient_checkpointing"):
        fix = "add `gradient_checkpointing: true`"
        yield red("activation_offloading", "offloading needs gradient checkpointing", fix)
    if config.get("gradient_checkpointing") in ("offload", "offload_disk"):
        fix = "write `gradient_checkpointing: true` and `activation_offloading: true`"
        yield amber("gradient_checkpointing", "`offload` here is the old way", fix)
    tokens = config.get("special_tokens")
    if isinstance(tokens, dict) and tokens.get("pad_token") and tokens.get("pad_token") == tokens.get("eos_token"):
        message = "padding and end of turn are one token: the model may never learn to stop"
        yield red(("special_tokens", "pad_token"), message, 'write `pad_token: "<|endoftext|>"`')


def retired_keys(config: Config) -> Iterator[Problem]:
    """No key of an older Axolotl"""
    for key, fix in RETIRED.items():
        if config.get(key) is not None:
            yield (red if "refuses" in fix else amber)(key, f"`{key}` is no longer in use", fix)


def _deepspeed_problem(path: Path) -> str:
    """Say what is wrong with a DeepSpeed file, as far as it can be seen without DeepSpeed."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return f"cannot be read ({error})"
    stage = content.get("zero_optimization", {}).get("stage") if isinstance(content, dict) else None
    return "" if stage in (0, 1, 2, 3) else "names no stage of ZeRO"


def _same_plugin(plugin: str, name: Any) -> bool:
    """Take `axolotl.integrations.liger.plugin.LigerPlugin` for the same as without `.plugin`."""
    return str(name).replace(".plugin.", ".") == plugin


RULES = (
    adapter_and_bits,
    rank_and_alpha,
    kernels_are_explicit,
    data_rules.packing,
    data_rules.length,
    data_rules.evaluation,
    saving,
    best_checkpoint,
    batch_and_schedule,
    names,
    data_rules.chat_templates,
    data_rules.masks,
    plugins,
    several_cards,
    precision_and_memory,
    retired_keys,
)
