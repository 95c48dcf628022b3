"""Writes the complete config files from presets.yaml and the master, and leaves alone what a person has edited.

    python -m axolotl_configs build                                                 (`make configs`)
    python -m axolotl_configs build --model qwen2.5-7b --gpu 24gb --method lora     (`make configs MODEL=… GPU=…`)

A generated file carries a checksum of itself. Where it still fits, the file is rewritten; where it does not, somebody
edited it: it is kept, and the difference to a fresh one is shown. `--force` overwrites.
"""

from __future__ import annotations

import argparse
import difflib
import hashlib
import re
import sys
from enum import Enum
from pathlib import Path

import jinja2

from axolotl_configs.derive import derive, load_of, minutes_between, spares_embeddings
from axolotl_configs.errors import ConfigError
from axolotl_configs.files import near, write_text
from axolotl_configs.keys import AXOLOTL_VERSION
from axolotl_configs.memory import estimate
from axolotl_configs.overrides import LARGEST_ALPHA, LARGEST_RANK, LARGEST_SEQUENCE, whole
from axolotl_configs.presets import GIB, Model, Preset, Presets, load_presets

FOLDER = Path(__file__).parent
MASTER = "master.yaml.j2"
CHECKSUM = re.compile(r"^# checksum: ([0-9a-f]{16})\n", re.MULTILINE)


class Fate(Enum):
    """What became of a config file."""

    WRITTEN = "written"
    UNCHANGED = "up to date"
    KEPT = "edited, kept"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `build`."""
    parser.add_argument("preset", nargs="*", help="presets to write (default: all)")
    parser.add_argument("--model", metavar="NAME", help="another config than the presets: its model")
    parser.add_argument("--gpu", metavar="NAME", help="… its card")
    parser.add_argument("--method", metavar="NAME", help="… how it is adapted (default: qlora, or lora on a CPU)")
    parser.add_argument("--rank", metavar="N", help="… its rank; without --alpha the ratio is kept")
    parser.add_argument("--alpha", metavar="N", help="… its alpha")
    parser.add_argument("--seq", metavar="N", help="… its sequence_len")
    parser.add_argument("--cards", metavar="N", help="… on how many cards")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the files (default: axolotl_configs)")
    parser.add_argument("--force", action="store_true", help="overwrite edited files too")
    parser.add_argument("--list", action="store_true", help="show the presets and write nothing")


def main(args: argparse.Namespace) -> int:
    """Write the configs and say what became of each."""
    presets = load_presets()
    for name in args.preset:
        if name not in presets.presets:
            known = ", ".join(presets.presets)
            raise ConfigError(
                f"there is no preset `{name}`.\n    fix: one of {known}, or add it to {FOLDER.name}/presets.yaml"
            )
    if args.list:
        for name, preset in presets.presets.items():
            print(f"{name}: {preset.purpose}")
        return 0
    for name, preset in _chosen(args, presets).items():
        path = near(args.out / f"{name}.yaml")
        fresh = render(name, presets, preset)
        fate = write(path, fresh, force=args.force)
        print(f"{path}: {fate.value}")
        if fate is Fate.KEPT:
            sys.stdout.writelines(difference(path, fresh))
            print("    FORCE=1 would overwrite it with the fresh one.")
    return 0


def _chosen(args: argparse.Namespace, presets: Presets) -> dict[str, Preset]:
    """The presets to write: those named, one made to measure, or all."""
    numbers = {
        "rank": whole("RANK", args.rank, LARGEST_RANK),
        "alpha": whole("ALPHA", args.alpha, LARGEST_ALPHA),
        "sequence_len": whole("SEQ", args.seq, LARGEST_SEQUENCE),
        "cards": whole("CARDS", args.cards, 64),
    }
    if not any([args.model, args.gpu, args.method, *numbers.values()]):
        return {name: presets.presets[name] for name in args.preset or presets.presets}
    model, gpu = args.model or "qwen2.5-32b", args.gpu or "a100-80gb"
    name, preset = derive(presets, model, gpu, args.method or ("lora" if gpu == "cpu" else "qlora"), **numbers)
    return {name: preset}


def render(name: str, presets: Presets | None = None, preset: Preset | None = None) -> str:
    """Render one preset (of presets.yaml, or one made to measure) to the text of its config file with its checksum."""
    presets = presets or load_presets()
    preset = preset or presets.presets[name]
    card, method = presets.cards[preset.card], presets.methods[preset.method]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters |= {"plain": plain_number, "yesno": _yesno, "checkpoint_gib": checkpoint_gib}
    body = environment.get_template(MASTER).render(
        name=name,
        preset=preset,
        model=presets.models[preset.model],
        card=card,
        method=method,
        axolotl=AXOLOTL_VERSION,
        listed=name in presets.presets,
        toy=presets.models[preset.model].revision is None,
        spares_embeddings=spares_embeddings(card, method),
        memory=estimate(load_of(presets, preset)),
        minutes=minutes_between(presets, preset),
    )
    return sign(body)


def sign(body: str) -> str:
    """Put the checksum line at the end of the leading comment block."""
    header, gap, rest = body.partition("\n\n")
    return f"{header}\n# checksum: {_checksum(body)}{gap}{rest}"


def is_untouched(text: str) -> bool:
    """Tell whether a file is as it was generated: its checksum fits everything else in it."""
    found = CHECKSUM.search(text)
    return found is not None and _checksum(CHECKSUM.sub("", text, count=1)) == found[1]


def write(path: Path, fresh: str, *, force: bool = False) -> Fate:
    """Write a fresh config, unless what lies there was edited."""
    try:
        present = path.read_bytes().decode("utf-8", errors="replace") if path.exists() else None
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}).\n    fix: move it away, or mend its rights"
        ) from error
    if present == fresh:
        return Fate.UNCHANGED
    if present is not None and not is_untouched(present) and not force:
        return Fate.KEPT
    write_text(path, fresh)
    return Fate.WRITTEN


def difference(path: Path, fresh: str) -> list[str]:
    """Show how an edited file differs from the fresh one, as a unified diff without the checksum line."""
    yours = CHECKSUM.sub("", path.read_text(encoding="utf-8", errors="replace")).splitlines(keepends=True)
    ours = CHECKSUM.sub("", fresh).splitlines(keepends=True)
    lines = difflib.unified_diff(ours, yours, f"{path} (fresh)", f"{path} (yours)", n=1)
    return [line if line.endswith("\n") else line + "\n" for line in lines]


def checkpoint_gib(rank: int, model: Model, optimizer: str = "adamw_torch_fused") -> float:
    """Size of a checkpoint: the adapter in 32 bits and the two moments of Adam, in 32 or 8 bits."""
    return round(model.adapter_parameters(rank) * (6 if "8bit" in optimizer else 12) / GIB, 1)


def plain_number(value: float) -> str:
    """Write a number so that YAML reads it back as one: `1.0e-4`, not `1e-04`, and 2 for 2.0."""
    if value and abs(value) < 1e-2:
        digits, _, exponent = f"{value:e}".partition("e")
        return f"{float(digits)}e{int(exponent)}"
    return str(int(value)) if value == int(value) and value else str(value)


def _yesno(value: bool) -> str:
    return "true" if value else "false"


def _checksum(body: str) -> str:
    return hashlib.sha256(body.encode("utf-8")).hexdigest()[:16]
