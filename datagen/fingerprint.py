"""What a dataset depends on, as one hash: the pack, its base, the code that renders and judges, rows and seed.

Standard library only, so that an up-to-date dataset is recognised in a blink.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

_CODE = Path(__file__).parent.parent
_SUFFIXES = {".yaml", ".j2", ".py", ".json", ".jsonl"}


def pack_hash(pack: Path) -> str:
    """sha256 over the names and bytes of a pack and of the shared `_*` folders beside it."""
    folders = [pack, *sorted(path for path in pack.parent.glob("_*") if path.is_dir() and path.name != "_starter")]
    return _hash(folders)


def dataset_fingerprint(pack: Path, **settings: object) -> str:
    """sha256 over pack, code and settings (rows, seed, …): equal means that rendering would give the same bytes."""
    digest = hashlib.sha256(pack_hash(pack).encode())
    digest.update(_hash([_CODE / "datagen", _CODE / "validators"]).encode())
    for name, value in sorted(settings.items()):
        digest.update(f"{name}={value}\n".encode())
    return digest.hexdigest()


def file_hash(path: Path) -> str:
    """sha256 of one file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _hash(folders: list[Path]) -> str:
    digest = hashlib.sha256()
    for folder in folders:
        for path in _files(folder):
            digest.update(f"{folder.name}/{path.relative_to(folder)}\0{file_hash(path)}\n".encode())
    return digest.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    return iter(sorted(path for path in folder.rglob("*") if path.suffix in _SUFFIXES and path.is_file()))
