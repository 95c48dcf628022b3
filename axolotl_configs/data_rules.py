"""Rules on the conversations' way into the model: packing, length, evaluation, chat template and what is trained.

They work like those of `rules.py`, which lists them:

    python -m axolotl_configs preflight axolotl_configs/cpu_smoke.yaml
"""

from __future__ import annotations

from collections.abc import Iterator

from axolotl_configs.problem import Config, Problem, amber, datasets_of, items, number, red

ATTENTION_FLAGS = (
    "flash_attention",
    "sdp_attention",
    "xformers_attention",
    "flex_attention",
    "sage_attention",
    "eager_attention",
)
"""How attention was chosen before `attn_implementation`."""


def packing(config: Config) -> Iterator[Problem]:
    """Packing is for training, and evaluation rows are not padded for nothing"""
    if not config.get("sample_packing"):
        return
    if config.get("eval_sample_packing") is None:
        message = (
            "`eval_sample_packing` is not set and becomes true: a small evaluation set stops the run after loading"
        )
        yield red("sample_packing", message, "add `eval_sample_packing: false`")
    elif config["eval_sample_packing"]:
        message = "evaluation packs too: a set that does not fill one batch stops the run after the model was loaded"
        yield amber("eval_sample_packing", message, "write `eval_sample_packing: false`")
    elif config.get("pad_to_sequence_len") is not False and _is_evaluated(config):
        message = (
            "each unpacked evaluation row is padded to sequence_len (true is the default with packing): paid padding"
        )
        yield amber("pad_to_sequence_len", message, "write `pad_to_sequence_len: false`")
    if not config.get("attn_implementation") and not any(config.get(flag) for flag in ATTENTION_FLAGS):
        message = "packing without an attention backend: the conversations in one sequence see each other"
        yield red("sample_packing", message, "add `attn_implementation: flash_attention_2`")


def length(config: Config) -> Iterator[Problem]:
    """A conversation that is too long stops the run instead of vanishing"""
    strategy = config.get("excess_length_strategy")
    if strategy != "raise":
        lost = "cuts off the end, the answer" if strategy == "truncate" else "drops such conversations in silence"
        message = f"`excess_length_strategy: {strategy or 'drop (the default)'}` {lost}"
        yield red("excess_length_strategy", message, "write `excess_length_strategy: raise`")
    if config.get("sequence_len") is None:
        yield red("sequence_len", "no `sequence_len`: the default is 512, too short", "add `sequence_len: 4096`")


def evaluation(config: Config) -> Iterator[Problem]:
    """There is one evaluation set, and it is evaluated at known steps"""
    share = number(config.get("val_set_size")) or 0
    tests = config.get("test_datasets")
    if tests and share > 0:
        yield red("val_set_size", "`val_set_size` besides `test_datasets` is refused", "remove `val_set_size`")
    if not tests and not share:
        wants = config.get("eval_steps") or config.get("eval_strategy") or config.get("evals_per_epoch")
        build = red if wants else amber
        yield build("test_datasets", "nothing to evaluate with", "add `test_datasets` with eval.jsonl")
    if config.get("eval_steps") and config.get("evals_per_epoch"):
        yield red(
            "evals_per_epoch", "`eval_steps` and `evals_per_epoch` exclude each other", "remove `evals_per_epoch`"
        )
    if config.get("eval_steps") and config.get("eval_strategy") not in (None, "steps"):
        yield red("eval_strategy", "`eval_strategy` contradicts `eval_steps`", "remove `eval_strategy`")


def chat_templates(config: Config) -> Iterator[Problem]:
    """One chat template, named at the top and on every dataset"""
    top = config.get("chat_template")
    if not top and not config.get("chat_template_jinja"):
        yield red(
            "chat_template", "no `chat_template`: whatever the tokenizer brings is used", "add `chat_template: qwen_25`"
        )
    if top == "jinja" and not config.get("chat_template_jinja"):
        yield red("chat_template", "`jinja` needs `chat_template_jinja`", "write `chat_template: qwen_25`")
    for place, entry in datasets_of(config):
        own = entry.get("chat_template")
        if own is None:
            message = "without `chat_template` here Axolotl writes `tokenizer_default`"
            yield amber(place, message, f"add `chat_template: {top or 'qwen_25'}`")
        elif own != top:
            message = f"`chat_template: {own}` here, but `{top}` at the top; names are checked late or never here"
            yield red((*place, "chat_template"), message, f"write `chat_template: {top or 'qwen_25'}`")


def masks(config: Config) -> Iterator[Problem]:
    """The attendant's words are trained, and nothing else"""
    if config.get("train_on_inputs"):
        yield red("train_on_inputs", "the client's words would be trained too", "remove `train_on_inputs`")
    for place, entry in datasets_of(config):
        if str(entry.get("type")).startswith("sharegpt") or not entry.get("type"):
            yield red(
                (*place, "type"), f"`type: {entry.get('type')}` cannot read these rows", "write `type: chat_template`"
            )
        if "conversation" in entry:
            yield red((*place, "conversation"), "`conversation` has no effect any more", "remove it")
        if "field_tools" in entry:
            build = red if entry["field_tools"] != "tools" else amber
            message = "`field_tools` has no effect: only a column named `tools` is shown to the model"
            yield build((*place, "field_tools"), message, "call the column `tools` and remove this key")
        for key in ("roles_to_train", "train_on_eos"):
            if key in entry and not entry[key]:
                message = f"an empty `{key}` trains the last message alone"
                yield red((*place, key), message, "write `roles_to_train: [assistant]`, `train_on_eos: turn`")
        others = [role for role in items(entry.get("roles_to_train")) if role != "assistant"]
        if others:
            message = f"{', '.join(map(str, others))} would be trained too"
            yield red((*place, "roles_to_train"), message, "write `roles_to_train: [assistant]`")
        if entry.get("train_on_eos") in ("none", "last"):
            message = f"`train_on_eos: {entry['train_on_eos']}`: the model does not learn to end every turn"
            yield red((*place, "train_on_eos"), message, "write `train_on_eos: turn`")


def _is_evaluated(config: Config) -> bool:
    return bool(config.get("test_datasets") or number(config.get("val_set_size")))
