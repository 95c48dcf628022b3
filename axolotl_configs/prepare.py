"""What is done before the card begins to work: Axolotl's own opinion, the download as a step that is seen, the tokens.

python -m axolotl_configs download axolotl_configs/qwen2.5-32b_qlora_a100-80gb.yaml
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from axolotl_configs.errors import ConfigError
from axolotl_configs.lengths import count, lengths_of
from axolotl_configs.problem import Config
from axolotl_configs.reading import read_yaml
from axolotl_configs.rowscan import scan
from axolotl_configs.workload import find_model

WANTED = ["*.safetensors", "*.json", "*.txt", "*.jinja", "*.model"]
SECONDS_FOR_VALIDATION = 300
HUB = "https://huggingface.co"


def cache_folder() -> Path:
    """Where the hub's files lie on this machine."""
    home = os.environ.get("HF_HOME") or Path("~/.cache/huggingface").expanduser()
    return Path(os.environ.get("HF_HUB_CACHE") or Path(home) / "hub")


def cached(config: Config) -> Path | None:
    """The folder of a config's model in the hub's cache, if its weights lie there; a local model is its own folder."""
    base = str(config.get("base_model"))
    if Path(base).is_dir():
        return Path(base)
    repo = cache_folder() / f"models--{base.replace('/', '--')}"
    revision = str(config.get("model_revision") or config.get("revision_of_model") or "main")
    reference = repo / "refs" / revision
    commit = reference.read_text(encoding="utf-8").strip() if reference.is_file() else revision
    snapshot = repo / "snapshots" / commit
    return snapshot if _whole(snapshot) else None


def _whole(snapshot: Path) -> bool:
    """Whether all weights of a snapshot are there, by its own index."""
    if not (snapshot / "config.json").is_file():
        return False
    index = snapshot / "model.safetensors.index.json"
    if not index.is_file():
        return (snapshot / "model.safetensors").is_file()
    try:
        files = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (ValueError, KeyError, AttributeError):
        return False
    return all((snapshot / name).is_file() for name in files)


def download(config: Config) -> Path:
    """Fetch the model where it is not there yet, with the hub's own bars; `ConfigError` if it cannot be had."""
    if folder := cached(config):
        return folder
    base = str(config.get("base_model"))
    model = find_model(config)
    wanted = f"{model.download_gib:.0f} GiB" if model else "its files"
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(cache).free / 2**30
    if model and free < model.download_gib + 1:
        raise ConfigError(
            f"{base}: {wanted} to download, and {cache} has {free:.0f} GiB free.\n"
            "    fix: HF_HOME=… names a folder on a larger disk"
        )
    print(f"Downloading {base}: {wanted} into {cache}", flush=True)
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled
    except ImportError as error:
        raise ConfigError("this Python has no huggingface_hub.\n    fix: `make train` uses the right one") from error
    try:
        found = snapshot_download(base, revision=config.get("model_revision"), allow_patterns=WANTED)
    except (HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise ConfigError(
            f"{base}: could not be downloaded ({reason}).\n"
            f"    fix: see whether {HUB} can be reached and HF_HUB_OFFLINE is not set; HF_TOKEN=… for a gated model"
        ) from error
    return Path(found)


def ask_axolotl(config_path: Path) -> None:
    """Let the installed Axolotl validate a config in its own process; `ConfigError` with what it refuses or drops."""
    command = [sys.executable, "-m", "axolotl_configs", "validate", str(config_path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_FOR_VALIDATION, check=False)
        result = json.loads(done.stdout.strip().splitlines()[-1])
    except (subprocess.TimeoutExpired, ValueError, IndexError) as error:
        raise ConfigError(f"{config_path}: Axolotl could not be asked about it.\n    fix: see `make doctor`") from error
    if result["error"]:
        raise ConfigError(f"{config_path}: Axolotl refuses it: {result['error']}\n    fix: change what it names")
    if result["keys_lost"]:
        lost = ", ".join(result["keys_lost"])
        raise ConfigError(f"{config_path}: Axolotl drops {lost}.\n    fix: remove them, or look for a typo")


def count_tokens(config: Config, model_folder: Path) -> None:
    """Count the rows with the model's own tokenizer, unless that was done, and see that the longest fits."""
    tokenizer = model_folder / "tokenizer.json"
    paths = [Path(block["path"]) for key in ("datasets", "test_datasets") for block in config.get(key) or []]
    if not tokenizer.is_file() or not paths:
        return
    if not lengths_of(paths[0], scan(paths[0])).exact:
        print("Counting the tokens of every row ...", flush=True)
        count(paths[0].parent, tokenizer, tuple(path.name for path in paths))
    limit = config["sequence_len"]
    for path in paths:
        longest = max(lengths_of(path, scan(path)).tokens, default=0)
        if longest > limit:
            raise ConfigError(
                f"{path}: its longest row has {longest:,.0f} tokens, and sequence_len is {limit}.\n"
                f"    fix: write `sequence_len: {int(longest // 512 + 1) * 512}`, or shorten the row"
            )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `download`."""
    parser.add_argument("config", type=Path, help="config file")


def main(args: argparse.Namespace) -> int:
    """Download the config's model and say where it lies."""
    print(download(read_yaml(args.config).data))
    return 0
