"""A tiny Qwen2-architecture model and tokenizer, made on the spot from the rows: it proves the chain, it knows nothing.

Same rows, same bytes: seeded weights, and a byte-level BPE trained on the rendered rows, with one token per digit and
Qwen2.5's special tokens and chat template. No model hub is asked.

    python -m axolotl_configs tiny-model --rows data/unimed_natal/train.jsonl
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from axolotl_configs import qwen25
from axolotl_configs.errors import ConfigError
from axolotl_configs.quiet import quiet

TOY_PATH = "build/tiny-qwen2"
"""The `base_model` that is made here rather than downloaded."""

RECIPE = {
    "recipe": 1,  # raise it with any change below: older toys are then made anew
    "vocab_size": 2048,
    "rows_read": 2000,
    "seed": 42,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 4096,
    "rope_theta": 10_000.0,
    "initializer_range": 0.1,  # Qwen's 0.02 leaves the frozen head so faint that an adapter can hardly lower the loss
}
SPECIAL_TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
CALL_TOKENS = ["<tool_call>", "</tool_call>"]
"""Added but not special, as in Qwen2.5: they survive `skip_special_tokens`."""

MARKS = re.compile("|".join(map(re.escape, SPECIAL_TOKENS + CALL_TOKENS)))


def make_toy(rows_file: Path, folder: Path = Path(TOY_PATH)) -> bool:
    """Make the toy from the first rows of a JSONL file, unless this very toy lies there; says whether it was made."""
    made_from = {**RECIPE, "rows_sha256": _fingerprint(rows_file)}
    mark = folder / "made_from.json"
    if mark.is_file() and json.loads(mark.read_text(encoding="utf-8")) == made_from:
        return False
    if folder.exists() and any(folder.iterdir()) and not mark.is_file():
        raise ConfigError(
            f"{folder}: this folder is not a toy model made here, and is left alone.\n"
            f"    fix: name another base_model, or move the folder away"
        )
    _imports_or_error()
    growing = folder.with_name(f"{folder.name}.{os.getpid()}.tmp")
    shutil.rmtree(growing, ignore_errors=True)
    growing.mkdir(parents=True)
    try:
        _write_tokenizer(rows_file, growing)
        _write_model(growing)
        (growing / "made_from.json").write_text(json.dumps(made_from, indent=2) + "\n", encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        growing.rename(folder)
    finally:
        shutil.rmtree(growing, ignore_errors=True)
    return True


def _imports_or_error() -> None:
    try:
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            f"the toy model needs the trainer's environment ({error.name} is missing here).\n"
            f"    fix: run it through `make train`, or with .venv-train/bin/python"
        ) from error


def _fingerprint(rows_file: Path) -> str:
    """The hash of the rows that the tokenizer learns from."""
    try:
        with rows_file.open("rb") as lines:
            return hashlib.sha256(b"".join(islice(lines, RECIPE["rows_read"]))).hexdigest()
    except OSError as error:
        raise ConfigError(f"{rows_file}: {error.strerror}.\n    fix: `make dataset` renders it") from error


def _texts(rows_file: Path) -> Iterator[str]:
    """The first rows as the model will see them."""
    with rows_file.open(encoding="utf-8") as lines:
        for number, line in enumerate(islice(lines, RECIPE["rows_read"]), start=1):
            try:
                row = json.loads(line)
                yield qwen25.render(row["messages"], row.get("tools"))
            except (json.JSONDecodeError, KeyError, TypeError) as error:
                raise ConfigError(
                    f"{rows_file}:{number}: not a row that can be rendered ({error}).\n"
                    f"    fix: `make check DATA={rows_file}` says what is wrong with it"
                ) from error


def _write_tokenizer(rows_file: Path, folder: Path) -> None:
    """Train a byte-level BPE on the rows and save it as the same tokenizer class that Qwen2.5 uses."""
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, trainers
    from transformers import Qwen2Tokenizer

    # Qwen's own splitting: each digit stands alone, so that a CPF is eleven tokens and never a remembered lump.
    qwen = Qwen2Tokenizer().backend_tokenizer
    learner = Tokenizer(models.BPE())
    learner.normalizer, learner.pre_tokenizer = qwen.normalizer, qwen.pre_tokenizer
    trainer = trainers.BpeTrainer(
        vocab_size=RECIPE["vocab_size"] - len(SPECIAL_TOKENS) - len(CALL_TOKENS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    # Without the marks, which are tokens of their own, and in one thread, so that ties fall the same way each time.
    learner.train_from_iterator((piece for text in _texts(rows_file) for piece in MARKS.split(text)), trainer)
    learned = json.loads(learner.to_str())["model"]
    tokenizer = Qwen2Tokenizer(
        vocab=learned["vocab"],
        merges=[tuple(pair) for pair in learned["merges"]],
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        extra_special_tokens=["<|im_start|>"],
        model_max_length=RECIPE["max_position_embeddings"],
        clean_up_tokenization_spaces=False,
    )
    tokenizer.add_tokens([AddedToken(token, special=False, normalized=False) for token in CALL_TOKENS])
    tokenizer.chat_template = qwen25.template_text()
    tokenizer.save_pretrained(str(folder))


def _write_model(folder: Path) -> None:
    """Save a Qwen2 model with seeded random weights for the tokenizer in the folder."""
    import torch
    from transformers import AutoTokenizer, GenerationConfig, Qwen2Config, Qwen2ForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    eos, pad = tokenizer.eos_token_id, tokenizer.pad_token_id
    sizes = {key: value for key, value in RECIPE.items() if key not in ("recipe", "rows_read", "seed", "rope_theta")}
    config = Qwen2Config(
        **sizes,
        rope_parameters={"rope_type": "default", "rope_theta": RECIPE["rope_theta"]},
        tie_word_embeddings=False,
        eos_token_id=eos,
        pad_token_id=pad,
        bos_token_id=None,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(RECIPE["seed"])
        model = Qwen2ForCausalLM(config)
    model.generation_config = GenerationConfig(
        do_sample=False, repetition_penalty=1.0, eos_token_id=[eos, pad], pad_token_id=pad
    )
    model.save_pretrained(str(folder))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `tiny-model`."""
    rows = Path("data/unimed_natal/train.jsonl")
    parser.add_argument("--rows", type=Path, default=rows, metavar="FILE", help="JSONL (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path(TOY_PATH), metavar="DIR", help="default: %(default)s")


def main(args: argparse.Namespace) -> int:
    """Make the toy model and say where it lies."""
    quiet()
    made = make_toy(args.rows, args.out)
    print(f"{args.out}: {'made' if made else 'already there, made from these very rows'}.")
    return 0
