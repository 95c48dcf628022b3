"""Asks the real Axolotl whether it accepts a config, for the card it is meant for, and whether it forgets any key.

    .venv-train/bin/python -m axolotl_configs validate axolotl_configs/cpu_smoke.yaml

Prints one JSON object a config: {"config", "keys_in", "keys_lost", "values_changed", "error"}.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

from axolotl_configs import workload
from axolotl_configs.errors import ConfigError
from axolotl_configs.keys import schema
from axolotl_configs.reading import read_yaml


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `validate`."""
    parser.add_argument("config", nargs="+", type=Path, help="config files")


def main(args: argparse.Namespace) -> int:
    """Validate the configs; 100 if Axolotl refuses one or forgets a key of it."""
    results = [validate(path) for path in args.config]
    for result in results:
        print(json.dumps(result, ensure_ascii=False))
    return 100 if any(result["error"] or result["keys_lost"] for result in results) else 0


def validate(path: Path) -> dict[str, Any]:
    """Run one config through Axolotl's own validation and compare what went in with what came out."""
    config = read_yaml(path).data
    before = dict(_flat(config))
    result = {"config": str(path), "keys_in": len(before), "keys_lost": [], "values_changed": {}, "error": None}
    try:
        with contextlib.redirect_stdout(sys.stderr):  # Axolotl greets on stdout
            after = _axolotl(config, path.read_text(encoding="utf-8"))
    except ValueError as error:  # pydantic's errors are ValueErrors, and so are those of Axolotl's own checks
        return {**result, "error": str(error)}
    aliases = schema()["aliases"]
    for name, value in before.items():
        top, dot, rest = name.partition(".")
        new = aliases.get(top, top) + dot + rest
        if new not in after and name not in after:
            result["keys_lost"].append(name)
        elif (changed := after.get(new, after.get(name))) != value:
            result["values_changed"][name] = [value, changed]
    return result


def _axolotl(config: dict[str, Any], text: str) -> dict[str, Any]:
    """Give the config as Axolotl understands it; `text` is the file, whose head names the card."""
    os.environ.update(AXOLOTL_DO_NOT_TRACK="1", DO_NOT_TRACK="1", HF_HUB_OFFLINE="1")
    try:
        from axolotl.cli.config import prepare_plugins
        from axolotl.utils.config import validate_config
        from axolotl.utils.dict import DictDefault
    except ImportError as error:
        raise ConfigError(
            "this Python has no Axolotl to ask.\n    fix: run it with .venv-train/bin/python (`make setup` makes it)"
        ) from error
    import torch

    # Declared, not probed: the config is judged for the card it is meant for, on whatever machine this is.
    cuda = config.get("bf16") is True
    work = workload.read(config, text=text)
    capability = (work.card.capability if work.card else "sm_80") if cuda else None
    capabilities = {
        "bf16": cuda,
        "tf32": cuda,
        "fp8": capability == "sm_90",
        "n_gpu": work.cards,
        "compute_capability": capability,
    }
    cfg = DictDefault(config)
    prepare_plugins(cfg)
    torch_version = {"torch_version": torch.__version__.partition("+")[0]}
    return dict(_flat(validate_config(cfg, capabilities=capabilities, env_capabilities=torch_version).to_dict()))


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Name every value by its way through the blocks: `datasets.0.path`; enums by their value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if _of_blocks(value) else None
    if items is None:
        if value is not None:
            yield name, value.value if isinstance(value, Enum) else value
        return
    for key, item in items:
        yield from _flat(item, f"{name}.{key}" if name else str(key))


def _of_blocks(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(item, dict) for item in value)
