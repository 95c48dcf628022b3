"""Whether this machine can train: driver, card, torch, disk, memory, the hub or the cached model, the attention kernel.

    python -m axolotl_configs doctor axolotl_configs/qwen2.5-32b_qlora_a100-80gb.yaml       (`make doctor CONFIG=…`)

Looks and changes nothing. Preflight asks the quick half of it wherever a card is found. Exit code 100 if a line is red.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from axolotl_configs.choose import card_here, find_gpus
from axolotl_configs.keys import AXOLOTL_VERSION
from axolotl_configs.prepare import HUB, cache_folder, cached
from axolotl_configs.presets import GIB
from axolotl_configs.problem import Config, Problem, amber, green, red
from axolotl_configs.reading import read_yaml
from axolotl_configs.run import versions
from axolotl_configs.speed import adapter_gib, checkpoint_gib
from axolotl_configs.toy import TOY_PATH
from axolotl_configs.workload import find_model, read, spread_of

SECONDS_FOR_THE_HUB = 5
FREE_ENOUGH = 0.93
"""Of a card's memory, before training: the driver itself keeps some."""
KERNEL = "kernels-community/flash-attn2"
"""What Axolotl fetches from the hub for `flash_attention_2` where the flash-attn package is not installed."""
ASK_TORCH = """
import json, torch
cuda = torch.cuda.is_available()
print(json.dumps({"torch": torch.__version__, "cuda": torch.version.cuda, "seen": cuda,
    "bf16": cuda and torch.cuda.is_bf16_supported(), "cards": torch.cuda.device_count() if cuda else 0,
    "capability": list(torch.cuda.get_device_capability()) if cuda else None,
    "free": list(torch.cuda.mem_get_info()) if cuda else None}))
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `doctor`."""
    parser.add_argument("config", nargs="?", type=Path, help="see whether this config can be trained here")


def main(args: argparse.Namespace) -> int:
    """Print what was found; 100 if something is red."""
    from axolotl_configs.preflight import Check, print_table

    config = read_yaml(args.config).data if args.config else {}
    found = [*examine(config), *environment(config)]
    checks = [Check("machine", problem.level, None, problem.message, problem.fix) for problem in found]
    checks.sort(key=lambda check: ("red", "amber", "green").index(check.level))
    print_table("this machine", checks)
    return 100 if any(check.level == "red" for check in checks) else 0


def examine(config: Config) -> Iterator[Problem]:
    """The quick half: what nvidia-smi, the disk and the cache tell."""
    yield from _cards(config)
    yield from _memory(config)
    yield from _disk(config)
    yield from _model(config)


def environment(config: Config) -> Iterator[Problem]:
    """The slow half: torch, the packages, the attention kernel, the hub."""
    yield from _packages(config)
    yield from _torch(config)
    yield from _kernel(config)
    yield from _habits()


def _cards(config: Config) -> Iterator[Problem]:
    gpus = find_gpus()
    needs_one = config.get("bf16") is True or bool(config.get("load_in_4bit"))
    if not gpus:
        build = red if needs_one else amber
        message = "nvidia-smi shows no card: no driver, no card, or a container that was not given one"
        yield build((), message, "rent one, or train the smoke on the CPU: make train")
        return
    driver = _ask_driver()
    told = ", ".join(f"{gpu.name} ({gpu.memory_gib:.0f} GiB)" for gpu in gpus)
    yield green((), f"{len(gpus)} × {told}, driver {driver[0]}; in presets.yaml: {card_here() or 'not listed'}")
    if driver[1] is not None and driver[1] < FREE_ENOUGH:
        message = f"only {driver[1]:.0%} of the card's memory is free: something else is using it"
        yield red((), message, "see nvidia-smi, and end what it names")
    if spread_of(config) and len(gpus) == 1:
        yield amber((), "the config is for several cards, and there is one", "take the config for one card")


def _ask_driver() -> tuple[str, float | None]:
    """The driver's version, and the free share of the fullest card's memory."""
    query = ["nvidia-smi", "--query-gpu=driver_version,memory.free,memory.total", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=20, check=False).stdout
        rows = [[part.strip() for part in line.split(",")] for line in answer.splitlines()]
        return rows[0][0], min(float(free) / float(total) for _, free, total in rows)
    except (OSError, subprocess.TimeoutExpired, ValueError, IndexError, ZeroDivisionError):
        return "unknown", None


def _memory(config: Config) -> Iterator[Problem]:
    """The machine's own memory: FSDP and ZeRO-3 read the whole model into it before they share it out."""
    try:
        own = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    except (ValueError, OSError):
        return
    model = find_model(config) if config else None
    if model and spread_of(config) in ("fsdp2", "zero3") and own < model.download_gib * 1.2:
        message = f"{own:.0f} GiB of own memory, and the model of {model.download_gib:.0f} GiB is read into it first"
        yield red((), message, "a machine with more memory, or METHOD=qlora-zero2")
    else:
        yield green((), f"{own:.0f} GiB of own memory")


def _disk(config: Config) -> Iterator[Problem]:
    model = find_model(config) if config else None
    here, cache = Path.cwd(), cache_folder()
    while not cache.exists():
        cache = cache.parent
    free = {place: shutil.disk_usage(place).free / GIB for place in (here, cache)}
    download = model.download_gib if model and not cached(config) else 0.0
    work = read(config) if config else None
    kept = 5 * checkpoint_gib(work) + adapter_gib(work) + 1 if work else 1.0
    same = here.stat().st_dev == cache.stat().st_dev
    needs = {here: kept + (download if same else 0), cache: download + (kept if same else 0)}
    for place, need in needs.items():
        told = f"{free[place]:.0f} GiB free in {'this folder' if place == here else 'the model cache'}"
        if free[place] < need:
            message = f"{told}, and {need:.0f} are needed for model, checkpoints and adapter"
            yield red((), message, "a larger disk, or HF_HOME=… on another one")
        else:
            yield green((), f"{told}, {need:.0f} needed")
        if same:
            break


def _model(config: Config) -> Iterator[Problem]:
    base = config.get("base_model")
    if not base or base == TOY_PATH:
        return
    if folder := cached(config):
        yield green((), f"{base} lies here ({folder.name})")
        return
    if os.environ.get("HF_HUB_OFFLINE") == "1":
        message = f"{base} is not in the cache, and HF_HUB_OFFLINE=1 forbids to fetch it"
        yield red((), message, "unset HF_HUB_OFFLINE, or copy the model into the cache")
        return
    model = find_model(config)
    size = f", {model.download_gib:.0f} GiB" if model else ""
    try:
        request = urllib.request.Request(f"{HUB}/api/models/{base}", method="HEAD")
        with urllib.request.urlopen(request, timeout=SECONDS_FOR_THE_HUB):
            yield green((), f"the hub can be reached; {base} will be downloaded{size}")
    except urllib.error.HTTPError as error:
        if error.code in (401, 403) and not os.environ.get("HF_TOKEN"):
            yield red((), f"{base} wants a token", "HF_TOKEN=…, and accept its licence on its page")
        else:
            yield red((), f"the hub answers {error.code} for {base}", "look for a typo in base_model")
    except (OSError, ValueError):
        yield red((), f"{base} is not in the cache, and the hub cannot be reached", "mend the network, or copy it here")


def _packages(config: Config) -> Iterator[Problem]:
    found = versions()
    if "axolotl" not in found:
        message = "this Python has no Axolotl: it is not the trainer's"
        yield amber((), message, "`make setup` makes .venv-train, and `make doctor` then uses it")
        return
    if found["axolotl"] != AXOLOTL_VERSION:
        message = f"Axolotl {found['axolotl']} is installed, and this toolkit knows {AXOLOTL_VERSION}"
        yield red((), message, "`make setup`; or `python -m axolotl_configs vendor-schema` for a new version")
    yield green((), ", ".join(f"{name} {version}" for name, version in found.items()))
    if config.get("deepspeed") and "deepspeed" not in found:
        yield red((), "the config wants DeepSpeed, which is not installed", "`make setup` installs it")


def _torch(config: Config) -> Iterator[Problem]:
    if importlib.util.find_spec("torch") is None:
        return
    try:
        done = subprocess.run(
            [sys.executable, "-c", ASK_TORCH], capture_output=True, text=True, timeout=120, check=False
        )
        told = json.loads(done.stdout.strip().splitlines()[-1])
    except (subprocess.TimeoutExpired, ValueError, IndexError):
        yield red((), "torch cannot be imported", "make .venv-train anew: rm -r .venv-train && make setup")
        return
    if find_gpus() and not told["seen"]:
        message = f"torch {told['torch']} does not see the card that nvidia-smi shows"
        yield red((), message, "a torch built for CUDA, not newer than the driver: rm -r .venv-train && make setup")
    elif not told["seen"]:
        yield green((), f"torch {told['torch']}, for the CPU")
    else:
        free = told["free"][0] / GIB
        capability = "sm_" + "".join(map(str, told["capability"]))
        yield green((), f"torch {told['torch']} with CUDA {told['cuda']}, {capability}, {free:.1f} GiB free")
        if config.get("bf16") is True and not told["bf16"]:
            yield red((), "this card has no bf16", "a card from Ampere on (A100, RTX 30, L4)")


def _kernel(config: Config) -> Iterator[Problem]:
    if not find_gpus() or not str(config.get("attn_implementation", "")).startswith("flash_attention"):
        return
    if importlib.util.find_spec("flash_attn"):
        yield green((), f"flash-attn {metadata.version('flash-attn')} is installed")
    elif (cache_folder() / f"models--{KERNEL.replace('/', '--')}").is_dir():
        yield green((), f"the attention kernel {KERNEL} is in the cache")
    elif os.environ.get("HF_HUB_OFFLINE") == "1":
        message = f"no flash-attn package, {KERNEL} is not in the cache, and HF_HUB_OFFLINE=1"
        yield red((), message, "unset HF_HUB_OFFLINE for the first start, or pip install flash-attn")
    else:
        yield amber(
            (), f"no flash-attn package: {KERNEL} will be fetched at the first start", "nothing, with a network"
        )


def _habits() -> Iterator[Problem]:
    """What lies about on a machine and would change a launch or send something out."""
    stray = Path("~/.cache/huggingface/accelerate/default_config.yaml").expanduser()
    if stray.is_file():
        yield amber((), f"{stray.name} of accelerate lies here; `make train` spells everything out", "delete it")
    yield green((), "telemetry of Axolotl and of the hub is switched off by every command here")
