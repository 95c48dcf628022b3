"""Puts a finished folder in the place of the old one in a single step.

`OUT` is a link to a folder beside it, `.<name>.<fingerprint>.<process id>`: moving a link is atomic on every file
system, so a kill at any moment leaves either the old dataset or the new one. What killed runs left behind goes with the
next publication.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from datagen.errors import PackError, Problem


def check_target(out: Path) -> None:
    """Refuse to replace anything that an earlier run did not make. Raises PackError."""
    ours = _is_ours(out, out.readlink().name) if out.is_symlink() else out.is_dir() and not any(out.iterdir())
    if not ours and (out.exists() or out.is_symlink()):
        message = "is there already and was not made by this command"
        raise PackError(Problem(str(out), message, "choose another OUT=, or move it away"))


def _is_ours(out: Path, name: str) -> bool:
    """Whether `name` is that of a folder which a run for `out` made: .<name>.<fingerprint>.<process id>."""
    return re.fullmatch(rf"\.{re.escape(out.name)}\.[0-9a-f]{{12}}\.\d+", name) is not None


def new_folder(out: Path, fingerprint: str) -> Path:
    """An empty folder beside `out` to write into. Raises PackError where nothing can be written."""
    check_target(out)
    folder = out.parent / f".{out.name}.{fingerprint[:12]}.{os.getpid()}"
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        problem = f"cannot write here: {error.strerror}"
        raise PackError(Problem(str(out.parent), problem, "choose another OUT=")) from None
    return folder


def publish(folder: Path, out: Path) -> None:
    """Move the link `out` to `folder`, then delete what it pointed to before and what killed runs left behind."""
    if out.is_dir() and not out.is_symlink():
        out.rmdir()
    link = out.parent / f".{out.name}.link.{os.getpid()}"
    link.symlink_to(folder.name)
    link.replace(out)
    for stale in out.parent.iterdir():
        if _is_ours(out, stale.name) and stale.name != folder.name and not _alive(stale):
            shutil.rmtree(stale, ignore_errors=True)


def _alive(folder: Path) -> bool:
    """Whether another run is still writing into `folder` (its name ends with the process id)."""
    process = int(folder.suffix.removeprefix("."))
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return process != os.getpid()
