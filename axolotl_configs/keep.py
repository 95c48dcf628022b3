"""A second home for checkpoints (`KEEP=`): a folder that outlives the machine, such as a mounted bucket.

Every whole checkpoint is copied there while training goes on; a fresh machine takes the newest one back and goes on.
Copies appear under their name only when they are whole.

    make train KEEP=/mnt/bucket
"""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

from axolotl_configs.errors import ConfigError
from axolotl_configs.run import checkpoints, last_step, set_aside

KEPT = 2
"""Checkpoints that stay in the second home."""
BESIDE = ("config.yaml", "fingerprint.json", "manifest.json", "run.json", "train.log", "curves.svg")
ADAPTER = ("adapter_config.json", "adapter_model.safetensors", "samples.jsonl")


class Keeper:
    """Copies the checkpoints of one run; nothing at all where no second home was named."""

    def __init__(self, run_dir: Path, home: Path | None) -> None:
        self.run_dir = run_dir
        self.home = home / run_dir.name if home else None
        self._thread: threading.Thread | None = None
        self.trouble = ""
        """The last copy's failure, in words; training goes on all the same."""

    def check(self) -> None:
        """Find out now, and not at the first checkpoint, whether the second home can be written."""
        if self.home is None:
            return
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            probe = self.home / ".probe"
            probe.write_text("", encoding="utf-8")
            probe.unlink()
        except OSError as error:
            message = f"KEEP={self.home.parent}: cannot be written ({error.strerror})"
            raise ConfigError(f"{message}.\n    fix: mount it, or name another folder") from error

    def restore(self) -> int:
        """Take the newest checkpoint back where this machine has none or an older one; gives its step, 0 for none."""
        if self.home is None or last_step(self.home) <= last_step(self.run_dir):
            return 0
        newest = checkpoints(self.home)[-1]
        try:
            self.run_dir.mkdir(parents=True, exist_ok=True)
            _copy_folder(newest, self.run_dir / newest.name)
            for name in BESIDE:
                if (self.home / name).is_file() and not (self.run_dir / name).exists():
                    shutil.copyfile(self.home / name, self.run_dir / name)
        except OSError as error:
            message = f"{newest}: cannot be taken back ({error.strerror or error})"
            raise ConfigError(f"{message}.\n    fix: make room, or begin anew with RESUME=no") from error
        return last_step(self.run_dir)

    def set_aside(self) -> None:
        """Move an older run of this name out of the way, when training begins anew."""
        if self.home is not None and self.home.exists():
            set_aside(self.home)

    def tick(self) -> None:
        """Begin to copy the newest checkpoint, unless it is there or being copied."""
        if self.home is None or (self._thread and self._thread.is_alive()):
            return
        if last_step(self.run_dir) > last_step(self.home):
            self._thread = threading.Thread(target=self._copy, daemon=True)
            self._thread.start()

    def finish(self) -> None:
        """Wait for a copy under way, then copy what is newest, the adapter and what lies beside it."""
        if self.home is None:
            return
        if self._thread:
            self._thread.join()
        self._copy(adapter=True)

    def _copy(self, adapter: bool = False) -> None:
        try:
            for checkpoint in checkpoints(self.run_dir)[-1:]:
                if not (self.home / checkpoint.name / "trainer_state.json").is_file():
                    _copy_folder(checkpoint, self.home / checkpoint.name)
            for name in BESIDE + (ADAPTER if adapter else ()):
                if (self.run_dir / name).is_file():
                    temporary = self.home / f".{name}.tmp"
                    shutil.copyfile(self.run_dir / name, temporary)
                    temporary.replace(self.home / name)
            for old in checkpoints(self.home)[:-KEPT]:
                shutil.rmtree(old)
            self.trouble = ""
        except OSError as error:  # a full or vanished bucket must not end a training that goes well
            self.trouble = f"{self.home}: not copied ({error.strerror or error})"


def _copy_folder(source: Path, target: Path) -> None:
    temporary = target.with_name(f".{target.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    shutil.copytree(source, temporary)
    shutil.rmtree(target, ignore_errors=True)
    temporary.rename(target)
