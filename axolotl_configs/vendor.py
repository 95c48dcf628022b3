"""Asks an installed Axolotl which keys it knows, and writes them down for machines that have none.

Names and types only: no description text is copied. To be run, by the trainer's Python, when Axolotl's version changes:

    .venv-train/bin/python -m axolotl_configs vendor-schema
"""

from __future__ import annotations

import argparse
import importlib
import json
import re
from importlib import metadata
from pathlib import Path
from typing import Any

from axolotl_configs.errors import ConfigError
from axolotl_configs.files import write_text

PLUGINS = {
    "axolotl.integrations.liger.LigerPlugin": "axolotl.integrations.liger.LigerArgs",
    "axolotl.integrations.cut_cross_entropy.CutCrossEntropyPlugin": "axolotl.integrations.cut_cross_entropy."
    "CutCrossEntropyArgs",
}
"""The plugins whose keys are vendored, and the class that declares them. Axolotl drops such keys without the plugin."""

PROSE = ("description", "title", "default", "examples", "deprecated", "format", "discriminator")
"""What is left out of every schema: texts, and what no check here asks for."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `vendor-schema`."""
    parser.add_argument(
        "--out", type=Path, help="the file to write (default: axolotl_configs/schemas/axolotl-VERSION.json)"
    )


def main(args: argparse.Namespace) -> int:
    """Write the schema of the Axolotl that this interpreter has."""
    version = _installed_version()
    out = args.out or Path(__file__).parent / "schemas" / f"axolotl-{version}.json"
    schema = collect(version)
    write_text(out, as_text(schema))
    plugin_keys = sum(len(keys) for keys in schema["plugins"].values())
    print(f"{out}: {len(schema['properties'])} keys of Axolotl {version}, {plugin_keys} of its plugins")
    return 0


def _installed_version() -> str:
    try:
        return metadata.version("axolotl")
    except metadata.PackageNotFoundError as error:
        raise ConfigError(
            "this Python has no Axolotl to ask.\n"
            "    fix: run `.venv-train/bin/python -m axolotl_configs vendor-schema` (`make setup` makes it)"
        ) from error


def collect(version: str) -> dict[str, Any]:
    """Gather keys, types, aliases, and the names that Axolotl checks late: optimizers, schedulers, attention."""
    from axolotl.utils.schemas.config import AxolotlInputConfig
    from axolotl.utils.schemas.enums import CANONICAL_ATTN_IMPLS, CustomSupportedOptimizers
    from transformers.trainer_utils import SchedulerType
    from transformers.training_args import OptimizerNames

    schema = _bare(_json_schema(AxolotlInputConfig))
    optimizers = {item.value for item in OptimizerNames} | {item.value for item in CustomSupportedOptimizers}
    return {
        "axolotl": version,
        "made_by": "python -m axolotl_configs vendor-schema",
        "required": sorted(schema["required"]),
        "aliases": _aliases(AxolotlInputConfig),
        "attention": sorted(CANONICAL_ATTN_IMPLS),
        "optimizers": sorted(optimizers),
        "schedulers": sorted({item.value for item in SchedulerType} | {"one_cycle", "rex"}),
        "plugins": {plugin: _bare(_json_schema(_load(name)))["properties"] for plugin, name in PLUGINS.items()},
        "properties": schema["properties"],
        "$defs": schema["$defs"],
    }


def as_text(schema: dict[str, Any]) -> str:
    """Write one key a line, so that a new version of Axolotl gives a diff that can be read."""
    parts = []
    for name, value in schema.items():
        if name in ("properties", "$defs", "plugins"):
            rows = ",\n".join(
                f"  {json.dumps(key)}: {json.dumps(item, sort_keys=True)}" for key, item in sorted(value.items())
            )
            parts.append(f" {json.dumps(name)}: {{\n{rows}\n }}")
        else:
            parts.append(f" {json.dumps(name)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _load(name: str) -> type:
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def _json_schema(model: type) -> dict[str, Any]:
    """Pydantic's schema of a model, made to survive the torch types that Axolotl uses as defaults and enum values."""
    from pydantic.json_schema import GenerateJsonSchema
    from pydantic_core import PydanticSerializationError

    class Tolerant(GenerateJsonSchema):
        def encode_default(self, dft: Any) -> Any:
            try:
                return super().encode_default(dft)
            except PydanticSerializationError:  # a torch.dtype; defaults are thrown away below anyway
                return None

        def default_schema(self, schema: Any) -> Any:
            return self.generate_inner(schema["schema"])

        def enum_schema(self, schema: Any) -> Any:
            values = [getattr(member, "value", member) for member in schema["members"]]
            names = [value if isinstance(value, str) else str(value).removeprefix("torch.") for value in values]
            return {"type": "string", "enum": names}

    return model.model_json_schema(schema_generator=Tolerant)


def _bare(node: Any) -> Any:
    """Strip prose from a schema, and write `anyOf` of mere types as one `type`; a property called `format` stays."""
    if isinstance(node, list):
        return [_bare(item) for item in node]
    if not isinstance(node, dict):
        return node
    bare = {
        key: {name: _bare(item) for name, item in value.items()} if key in ("properties", "$defs") else _bare(value)
        for key, value in node.items()
        if key not in PROSE
    }
    choices = bare.get("anyOf", [])
    if len(bare) == 1 and choices and all(choice.keys() == {"type"} for choice in choices):
        return {"type": [choice["type"] for choice in choices]}
    return bare


def _aliases(model: type) -> dict[str, str]:
    """Give the other name of each field that has two; Axolotl reads both (`model_revision`, `revision_of_model`)."""
    return {
        field.alias: name
        for name, field in model.model_fields.items()
        if field.alias and re.fullmatch(r"\w+", field.alias)
    }
