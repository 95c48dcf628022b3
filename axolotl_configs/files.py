"""Writing and hashing files: either the old file or the new one lies there, never half of one."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

from axolotl_configs.errors import ConfigError


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with LF line ends through a temporary file beside the target."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(text.encode("utf-8"))
        temporary.replace(path)
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be written ({error.strerror}).\n    fix: mend the folder or name another"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def sha256_of(path: Path) -> str:
    """Hash a file's bytes, 1 MiB at a time, as hexadecimal digits."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}).\n    fix: `make dataset` renders the rows"
        ) from error
    return digest.hexdigest()


def near(path: Path) -> Path:
    """Give a path as seen from here where it lies below, so that no machine's folders get into messages and files."""
    path = path.resolve()
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
