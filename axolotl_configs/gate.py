"""What stands between `make train` and the card: the choice of a config, preflight, the machine, one run at a time.

Used by `python -m axolotl_configs train` and `rehearse`.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from axolotl_configs.choose import card_here, choose, find_gpus
from axolotl_configs.errors import ConfigError
from axolotl_configs.preflight import examine
from axolotl_configs.problem import Config
from axolotl_configs.reading import YamlError, read_yaml
from axolotl_configs.workload import spread_of

SEEDED, SEVERAL_CPUS = "axolotl_configs.plugins.Seeded", "axolotl_configs.plugins.SeveralCpus"
TOLD = ("steps", "memory", "time_and_money")
"""Forecasts that are repeated before training begins."""


def processes(config: dict, asked: int | None, on_gpu: bool) -> int:
    """How many processes to start; lists the plugins of ours that the config needs for that."""
    there = len(find_gpus()) if on_gpu else None
    if there is not None and asked and asked > there:
        raise ConfigError(f"CARDS={asked}: this machine has {there}.\n    fix: CARDS={there}, or leave it out")
    cards = asked or (there if there and spread_of(config) else 1)
    needed = [SEEDED, SEVERAL_CPUS] if cards > 1 and not on_gpu else [SEEDED]
    config["plugins"] = [*(config.get("plugins") or []), *needed]
    return cards


def choose_config(config: str | None) -> tuple[Path, bool]:
    """The config to train and whether it runs on a GPU."""
    if config:
        return Path(config), bool(find_gpus())
    choice = choose()
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    print(choice.reason)
    print(
        f"Config: {choice.config} · download about {choice.download_gib:.0f} GiB"
        f" · disk about {choice.disk_gib:.0f} GiB of {free:.0f} GiB free"
    )
    if free < choice.disk_gib:
        print("Careful: there may be too little disk for the download, the checkpoints and the adapter.")
    return choice.config, choice.on_gpu


def passes(
    config_path: Path,
    data_dir: Path | None,
    changes: Config,
    cards: int | None,
    cost: float | None,
    *,
    force: bool,
) -> bool:
    """Say what preflight found, if it is not all well; false when something is red and nobody insists."""
    checks = examine(
        config_path, data_dir, card=card_here(), cards=cards or _all_cards(config_path), cost=cost, changes=changes
    )
    for check in checks:
        if check.level != "green":
            where = f"{config_path}:{check.line}" if check.line else f"{config_path}"
            stream = sys.stderr if check.level == "red" else sys.stdout
            print(f"{where}: {check.level}: {check.message}\n    fix: {check.fix}", file=stream)
    reds = sum(check.level == "red" for check in checks)
    if reds and not force:
        print(f"Not started: preflight of {config_path} is red ({reds}). FORCE=1 would train anyway.", file=sys.stderr)
        return False
    print(f"Preflight: {len(checks)} checks of {config_path}, {reds or 'nothing'} red{' (forced)' if reds else ''}.")
    for check in checks:
        if check.level == "green" and check.code in TOLD:
            print(f"  {check.message}")
    return True


def _all_cards(config_path: Path) -> int | None:
    """How many cards a config for several would get here; None where its own number stands."""
    try:
        spread = spread_of(read_yaml(config_path).data)
    except YamlError:  # preflight says it better
        return None
    return (len(find_gpus()) or None) if spread else None


def check_machine(config: dict, on_gpu: bool) -> None:
    """Refuse here and now what would fail only after the download."""
    if importlib.util.find_spec("axolotl") is None:
        raise ConfigError(
            "this Python has no Axolotl.\n    fix: `make train` makes the trainer's environment and uses it"
        )
    needs = [key for key in ("load_in_4bit", "load_in_8bit", "lora_mlp_kernel", "lora_qkv_kernel") if config.get(key)]
    needs += ["bf16"] if config.get("bf16") is True else []
    if needs and not on_gpu:
        raise ConfigError(
            f"this config needs an NVIDIA GPU ({', '.join(needs)}), and nvidia-smi shows none here.\n"
            "    fix: run it on a machine with the card of its name; without CONFIG the CPU smoke is taken"
        )


@contextlib.contextmanager
def alone(run_dir: Path) -> Iterator[None]:
    """Hold the run's lock: two trainings in one folder would destroy each other's checkpoints."""
    lock = run_dir.with_name(f".{run_dir.name}.lock")
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        handle = lock.open("w")
    except OSError as error:
        raise ConfigError(f"{lock}: cannot be written ({error.strerror}).\n    fix: mend the folder") from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigError(f"{run_dir}: is being trained right now.\n    fix: wait for it, or stop it") from error
        yield
