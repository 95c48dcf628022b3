"""What a rehearsal measured, kept beside the estimates: found again by the settings that decide memory and speed.

python -c "from axolotl_configs.measured import FOLDER; print(FOLDER)"
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from axolotl_configs.files import write_text
from axolotl_configs.problem import Config
from axolotl_configs.workload import Workload

FOLDER = Path("build/rehearsals")
SWITCHES = (
    "lora_mlp_kernel",
    "lora_qkv_kernel",
    "lora_o_kernel",
    "liger_rope",
    "liger_rms_norm",
    "attn_implementation",
)
"""Keys of the config that change speed or memory and are not in the workload."""


@dataclass(frozen=True)
class Measured:
    """The figures of one rehearsal."""

    device: str
    tokens_per_second: float
    """Of all cards together, evaluation left out."""
    peak_gib: float | None
    """PyTorch's reserved memory on the fullest card; None on a CPU."""
    seconds_per_step: float
    steps: int
    mfu: float | None = None
    when: str = ""


def key(config: Config, work: Workload) -> str:
    """Name the settings that decide memory and speed."""
    facts = {
        "model": work.model.parameters if work.model else str(config.get("base_model")),
        "work": [
            *(work.sequence_len, work.micro_batch, work.accumulation, work.rank, sorted(work.targets), work.four_bit),
            *(work.optimizer, work.checkpointing, work.offloaded, work.fused_loss, work.half, work.packing),
            *(work.spread, work.cards),
        ],
        "switches": {name: config.get(name) for name in SWITCHES},
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def find(config: Config, work: Workload, folder: Path = FOLDER) -> Measured | None:
    """Give the rehearsal of these settings, if there was one; a file that cannot be read counts as none."""
    try:
        found = json.loads((folder / f"{key(config, work)}.json").read_text(encoding="utf-8"))
        return Measured(**found["measured"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep(config: Config, work: Workload, measured: Measured, folder: Path = FOLDER) -> Path:
    """Write a rehearsal down for the next preflight."""
    path = folder / f"{key(config, work)}.json"
    write_text(path, json.dumps({"measured": asdict(measured)}, indent=2, ensure_ascii=False) + "\n")
    return path
