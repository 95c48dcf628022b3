"""Plugins of ours that the trainer loads into Axolotl; they run in the trainer's environment and nowhere else.

`make train` lists one in the resolved config where it is needed; nobody writes them into a config by hand.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from axolotl.integrations.base import BasePlugin

REHEARSAL_FILE = "rehearsal.json"
BLOCK_OF_NOISE = 1_000_003
"""Numbers drawn for a weight; a prime, so that no two rows of a matrix are alike."""
SCALE_OF_NOISE = 0.05
"""The largest weight of each block of 64 in a 4-bit matrix of noise."""


class Seeded(BasePlugin):
    """Makes `seed` hold for the adapter's first weights too: Axolotl 0.19 draws them before anything is seeded."""

    def pre_lora_load(self, cfg: Any, model: Any) -> None:
        """Seed every generator, in every process alike, just before the adapter is made."""
        from transformers import set_seed

        set_seed(42 if cfg.seed is None else cfg.seed)


class SeveralCpus(BasePlugin):
    """Lets several processes train on CPUs: Axolotl 0.19 sends each to the card of its own number, there or not."""

    def register(self, cfg: dict) -> None:
        """Put the model of every process on the CPU."""
        from axolotl.loaders.model import ModelLoader

        place = ModelLoader._set_device_map_config

        def place_on_cpu(loader: Any) -> None:
            place(loader)
            loader.model_kwargs["device_map"] = "cpu"

        ModelLoader._set_device_map_config = place_on_cpu


class Rehearsal(BasePlugin):
    """Fills a hollow model with noise, and notes time, tokens and memory of every step."""

    def post_model_build(self, cfg: Any, model: Any) -> None:
        """Put random numbers where the sparse files gave zeros; a model that already has weights keeps them."""
        import torch

        with torch.no_grad():
            for name, weight in model.named_parameters():
                if weight.device.type != "meta" and not _has_numbers(weight):
                    _fill(name, weight)

    def add_callbacks_post_trainer(self, cfg: Any, trainer: Any) -> list:
        """Watch every step."""
        return [_stopwatch(Path(cfg.output_dir) / REHEARSAL_FILE)]


def _has_numbers(weight: Any) -> bool:
    """Whether there is anything but zeros; 4-bit weights of a hollow model have a scale of zero."""
    state = getattr(weight, "quant_state", None)
    if state is None:
        return bool(weight.any())
    inner = state.state2.absmax if state.nested else state.absmax
    return bool(inner.any())


def _fill(name: str, weight: Any) -> None:
    """Fill one weight as a trained one would be: norms near one, the rest small and random."""
    import torch

    state = getattr(weight, "quant_state", None)
    if state is not None:
        weight.data.view(torch.uint8).random_(0, 256)
        if state.nested:
            state.offset = torch.full_like(state.state2.absmax[:1].squeeze(), SCALE_OF_NOISE)
        else:
            state.absmax.fill_(SCALE_OF_NOISE)
    elif "norm" in name:
        weight.fill_(1.0)
    elif not name.endswith("bias"):
        # One block again and again: drawing 32 billion numbers takes a CPU, where FSDP loads, many minutes.
        block = torch.randn(min(weight.numel(), BLOCK_OF_NOISE), device=weight.device).mul_(0.02).to(weight.dtype)
        for part in weight.data.view(-1).split(BLOCK_OF_NOISE):
            part.copy_(block[: part.numel()])


def _stopwatch(path: Path) -> Any:
    """A callback that writes down what each step took; built here, since transformers is only there when it runs."""
    import torch
    from transformers import TrainerCallback

    class Stopwatch(TrainerCallback):
        def __init__(self) -> None:
            self.seconds: list[float] = []
            self.began = 0.0
            self.peak = [0, 0]
            """Bytes reserved and allocated at most; Axolotl forgets them at every log line."""

        def now(self) -> float:
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            return time.perf_counter()

        def on_step_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
            self.began = self.now()

        def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
            self.seconds.append(self.now() - self.began)
            self.look_at_memory()

        def on_evaluate(self, args: Any, state: Any, control: Any, **more: Any) -> None:
            self.look_at_memory()

        def look_at_memory(self) -> None:
            if torch.cuda.is_available():
                now = torch.cuda.max_memory_reserved(), torch.cuda.max_memory_allocated()
                self.peak = [max(pair) for pair in zip(self.peak, now, strict=True)]

        def on_train_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
            if not state.is_world_process_zero:
                return
            cuda = torch.cuda.is_available()
            report = {
                "seconds": self.seconds,
                "tokens": [entry["tokens/total"] for entry in state.log_history if "tokens/total" in entry],
                "losses": [entry["loss"] for entry in state.log_history if "loss" in entry],
                "device": torch.cuda.get_device_name() if cuda else "CPU",
                "peak_bytes": self.peak[0] or None,
                "allocated_bytes": self.peak[1] or None,
            }
            path.write_text(json.dumps(report) + "\n", encoding="utf-8")

    return Stopwatch()
