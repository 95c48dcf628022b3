"""What is known of rows, in a file beside them: whole or not there, and of no other rows than those it names.

python -m validators check FILE... --verdict
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from validators.finding import UsageError

VERDICT_FILE = "verdict.json"


def write_verdicts(profile: str, judged: list[dict[str, Any]]) -> None:
    """Write the judge's word on files into each folder that holds some of them.

    `judged` has for each file its path (`file`), `rows`, `errors` and `warnings`. What is written: {"profile", "files":
    {name: {"sha256", "rows", "errors", "warnings"}}}. Raises UsageError.
    """
    folders: dict[Path, dict[str, dict[str, Any]]] = {}
    for entry in judged:
        path = Path(entry["file"])
        counts = {name: entry[name] for name in ("rows", "errors", "warnings")}
        folders.setdefault(path.parent, {})[path.name] = {"sha256": file_hash(path), **counts}
    for folder, files in folders.items():
        write_beside(folder / VERDICT_FILE, {"profile": profile, "files": files})


def file_hash(path: str | Path) -> str:
    """sha256 of a file. Raises UsageError where it cannot be read."""
    digest = hashlib.sha256()
    try:
        with Path(path).open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as reason:
        raise UsageError(f"{path}: cannot be read: {reason.strerror or reason}") from None
    return digest.hexdigest()


def write_beside(path: Path, content: dict[str, Any]) -> None:
    """Write JSON in one step: a reader sees the old file or the new one. Raises UsageError."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        new.write_text(json.dumps(content, ensure_ascii=False) + "\n", encoding="utf-8")
        new.replace(path)
    except OSError as reason:
        new.unlink(missing_ok=True)
        raise UsageError(f"{path}: cannot be written: {reason.strerror or reason}") from None
