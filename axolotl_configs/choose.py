"""Which config suits this machine: the largest preset whose card is no bigger than the one that is here.

python -c "from axolotl_configs.choose import choose; print(choose().reason)"
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from axolotl_configs.build import FOLDER, checkpoint_gib
from axolotl_configs.files import near
from axolotl_configs.presets import Presets, load_presets

TOLERANCE = 0.97
"""Cards of one kind differ by a little memory, and drivers keep some of it."""
KEPT_CHECKPOINTS = 5
"""Three that stay, the one being written, and room for the adapter."""


@dataclass(frozen=True)
class Gpu:
    """A card as nvidia-smi names it."""

    name: str
    memory_gib: float


@dataclass(frozen=True)
class Choice:
    """The config for this machine."""

    config: Path
    reason: str
    """One sentence for the user: what was found, and what follows."""
    download_gib: float
    disk_gib: float
    """Download, checkpoints and tokenized rows; the environment is not counted."""
    on_gpu: bool


def find_gpus() -> list[Gpu]:
    """Ask nvidia-smi; no driver, no answer or an odd one means no GPU."""
    query = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    gpus = []
    for line in answer.stdout.splitlines() if answer.returncode == 0 else []:
        name, comma, megabytes = line.rpartition(",")
        if comma and megabytes.strip().isdigit():
            gpus.append(Gpu(name.strip(), int(megabytes) / 1024))
    return gpus


def card_here(presets: Presets | None = None, gpus: list[Gpu] | None = None) -> str | None:
    """Name this machine's largest card as presets.yaml does; None without a card, or with one that it does not list."""
    presets = presets or load_presets()
    largest = max(find_gpus() if gpus is None else gpus, key=lambda gpu: gpu.memory_gib, default=None)
    if largest is None:
        return None
    alike = {
        name: card.memory_gib
        for name, card in presets.cards.items()
        if any(part in largest.name for part in card.known_as) and largest.memory_gib >= card.memory_gib * TOLERANCE
    }
    return max(alike, key=lambda name: alike[name], default=None)


def choose(gpus: list[Gpu] | None = None, presets: Presets | None = None) -> Choice:
    """Choose by the memory of the largest card and the number of its like; without one that fits, the CPU smoke."""
    presets = presets or load_presets()
    gpus = find_gpus() if gpus is None else gpus
    largest = max(gpus, key=lambda gpu: gpu.memory_gib, default=Gpu("no NVIDIA card", 0.0))
    alike = sum(gpu == largest for gpu in gpus)
    needs = {name: need for name, need in _needs(presets).items() if need and largest.memory_gib >= need * TOLERANCE}
    several = {name for name in needs if presets.presets[name].cards > 1}
    fitting = several if alike > 1 and several else needs.keys() - several
    if fitting:
        # Of equals the first in the file: presets.yaml lists the safer one before the one with less room.
        name = max(
            (name for name in needs if name in fitting),
            key=lambda name: (presets.models[presets.presets[name].model].parameters, needs[name]),
        )
        found = f"{alike} × {largest.name}" if name in several else largest.name
        reason = f"Found {found} with {largest.memory_gib:.0f} GiB: {name} fits."
    else:
        name = next(name for name, need in _needs(presets).items() if not need)
        smallest = min(need for need in _needs(presets).values() if need)
        here = f"{largest.name} with {largest.memory_gib:.0f} GiB" if gpus else "no NVIDIA card"
        reason = (
            f"Found {here}, and no preset for less than {smallest:.0f} GiB: taking {name}, which proves the chain on "
            "the CPU with a toy model and learns nothing useful."
        )
    return Choice(near(FOLDER / f"{name}.yaml"), reason, *room_needed(name, presets), on_gpu=bool(fitting))


def room_needed(name: str, presets: Presets | None = None) -> tuple[float, float]:
    """Give the GiB to download and the GiB of disk that a preset needs."""
    presets = presets or load_presets()
    preset = presets.presets[name]
    model = presets.models[preset.model]
    return model.download_gib, model.download_gib + KEPT_CHECKPOINTS * checkpoint_gib(preset.rank, model) + 1


def _needs(presets: Presets) -> dict[str, float]:
    """Map each preset to the memory of its card, 0 for a CPU."""
    return {name: presets.cards[preset.card].memory_gib for name, preset in presets.presets.items()}
