"""Which keys a config may have: Axolotl 0.19's own list, vendored, so that no Axolotl is needed to find a typo.

Axolotl drops keys that it does not know without a word. `schemas/` is made by `vendor.py`; look a key up with

    python -c "from axolotl_configs.keys import known_keys, nearest; print(nearest('lora_rank', known_keys()))"
"""

from __future__ import annotations

import difflib
import functools
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator

AXOLOTL_VERSION = "0.19.0"

DATASET_LISTS = ("datasets", "test_datasets")

# What people write who come from transformers, peft or an older Axolotl, where spelling alone would mislead.
USUAL_NAMES = {
    "dataset_path": "datasets",
    "eval_accumulation_steps": "gradient_accumulation_steps",
    "evaluation_steps": "eval_steps",
    "lora_rank": "lora_r",
    "max_length": "sequence_len",
    "max_seq_length": "sequence_len",
    "num_train_epochs": "num_epochs",
    "per_device_eval_batch_size": "eval_batch_size",
    "per_device_train_batch_size": "micro_batch_size",
    "qwen": "qwen_25",
    "qwen2.5": "qwen_25",
    "qwen25": "qwen_25",
    "r": "lora_r",
    "rank": "lora_r",
    "target_modules": "lora_target_modules",
    "train_on_split": "split",
    "use_dora": "peft_use_dora",
    "use_rslora": "peft_use_rslora",
}


class Misfit(NamedTuple):
    """A key or value that Axolotl's schema has no room for."""

    kind: str
    """`unknown` or `type`"""
    place: tuple[str | int, ...]
    message: str
    fix: str


@functools.cache
def schema() -> dict[str, Any]:
    """Give the vendored schema; see `vendor.collect` for its parts."""
    file = Path(__file__).parent / "schemas" / f"axolotl-{AXOLOTL_VERSION}.json"
    return json.loads(file.read_text(encoding="utf-8"))


@functools.cache
def plugin_of() -> dict[str, str]:
    """Map each plugin's key to the plugin that must be listed, or Axolotl drops the key."""
    return {key: plugin for plugin, keys in schema()["plugins"].items() for key in keys}


@functools.cache
def known_keys() -> dict[str, Any]:
    """Map every key that may stand at the top of a config to the schema of its value."""
    properties = dict(schema()["properties"])
    for alias, name in schema()["aliases"].items():
        properties.setdefault(name, properties[alias])
    for keys in schema()["plugins"].values():
        properties.update(keys)
    return properties


def nearest(key: str, keys: Iterable[str]) -> str | None:
    """Guess the key that was meant."""
    keys = list(keys)
    if USUAL_NAMES.get(key) in keys:
        return USUAL_NAMES[key]
    matches = difflib.get_close_matches(key, keys, n=1, cutoff=0.75)
    return matches[0] if matches else None


def misfits(config: dict[str, Any]) -> Iterator[Misfit]:
    """Find unknown keys and values of the wrong type, at the top, in datasets and in every nested block."""
    known = known_keys()
    for key, value in config.items():
        if str(key) not in known:
            yield _unknown((str(key),), known)
        elif key in DATASET_LISTS and isinstance(value, list):
            for index, entry in enumerate(value):
                yield from _block(entry, {"$ref": "#/$defs/SFTDataset"}, (key, index))
        else:
            yield from _block(value, known[key], (key,))


def _block(value: Any, wanted: dict[str, Any], place: tuple[str | int, ...]) -> Iterator[Misfit]:
    """Compare one value with its schema, and go into it where it is a block of keys."""
    shape = _only_object(wanted) if isinstance(value, dict) else None
    if shape is not None:
        for key, item in value.items():
            name = str(key)
            if name in shape:
                yield from _block(item, shape[name], (*place, name))
            elif place != ("fsdp_config",) or name.removeprefix("fsdp_") not in {*shape, "version"}:
                yield _unknown((*place, name), shape)  # Axolotl itself strips `fsdp_` inside fsdp_config
    elif not any(_validator(wanted).is_valid(reading) for reading in _readings(value)):
        message = f"`{_name(place)}` is {_shown(value)}, but must be {describe(wanted)}"
        yield Misfit("type", place, message, _value_fix(value, wanted))


def _unknown(place: tuple[str | int, ...], keys: Iterable[str]) -> Misfit:
    meant = nearest(str(place[-1]), keys)
    message = f"Axolotl {AXOLOTL_VERSION} has no key `{_name(place)}` and would drop it in silence"
    return Misfit("unknown", place, message, f"did you mean `{meant}`?" if meant else "remove it")


def _only_object(wanted: dict[str, Any]) -> dict[str, Any] | None:
    """Give the properties of a schema's one kind of block; None where it takes no block, or any keys at all."""
    if "$ref" in wanted:
        return schema()["$defs"][wanted["$ref"].rpartition("/")[2]].get("properties")
    shapes = [shape for choice in wanted.get("anyOf", []) if (shape := _only_object(choice)) is not None]
    return shapes[0] if len(shapes) == 1 else None


def _validator(wanted: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({**wanted, "$defs": schema()["$defs"]})


def _readings(value: Any) -> Iterator[Any]:
    """Give a value as written and as pydantic would also read it: YAML takes `1e-4` for text, Axolotl for a number."""
    yield value
    if isinstance(value, str):
        if re.fullmatch(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*", value):
            yield float(value)
        if value.strip().lower() in ("true", "false", "yes", "no", "on", "off"):
            yield value.strip().lower() in ("true", "yes", "on")
    elif value in (0, 1) and not isinstance(value, bool):
        yield bool(value)


def describe(wanted: dict[str, Any]) -> str:
    """Say in words what a schema wants: `a whole number`, `one of drop, truncate, raise`."""
    words = {
        "string": "text",
        "integer": "a whole number",
        "number": "a number",
        "boolean": "true or false",
        "array": "a list",
        "object": "a block of keys",
    }
    if "$ref" in wanted:
        return describe(schema()["$defs"][wanted["$ref"].rpartition("/")[2]])
    if "anyOf" in wanted:
        parts = [describe(choice) for choice in wanted["anyOf"] if choice.get("type") != "null"]
        return " or ".join(dict.fromkeys(parts))
    if "enum" in wanted:
        names = [str(name) for name in wanted["enum"]]
        return "one of " + ", ".join(names[:6]) + (f" … ({len(names)} in all)" if len(names) > 6 else "")
    if "const" in wanted:
        return f"`{wanted['const']}`"
    if "pattern" in wanted:
        return f"text that matches {wanted['pattern']}"
    types = wanted.get("type", [])
    types = [types] if isinstance(types, str) else types
    return " or ".join(words[name] for name in types if name != "null") or "something else"


def _value_fix(value: Any, wanted: dict[str, Any]) -> str:
    """Name the allowed word that is nearest to a misspelt one."""
    choices = [word for part in [wanted, *wanted.get("anyOf", [])] for word in _choices(part)]
    meant = nearest(value, choices) if isinstance(value, str) else None
    return f"did you mean `{meant}`?" if meant else f"write {describe(wanted)}"


def _choices(part: dict[str, Any]) -> list[str]:
    if "$ref" in part:
        part = schema()["$defs"][part["$ref"].rpartition("/")[2]]
    return [word for word in part.get("enum", []) if isinstance(word, str)]


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _name(place: tuple[str | int, ...]) -> str:
    """Write a place as people say it: `datasets[0].path`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place).removeprefix(".")
