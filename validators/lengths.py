"""How many tokens each row has, counted once, into a file beside the rows that the trainer's preflight reads.

    python -m validators lengths data/unimed_natal/*.jsonl --tokenizer tokenizer.json

Exact with a `tokenizer.json`, whose hash is recorded; without one an upper bound, and the file says so. Its form:
{"tokenizer": {"name", "sha256"} or null, "template": "qwen_25", "files": {"train.jsonl": {"sha256", "method":
"exact" or "upper bound", "tokens": [one a row], "trained": [one a row]}}}
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from validators.beside import file_hash, write_beside
from validators.finding import UsageError
from validators.rows import read_blocks, read_lines
from validators.template import render

LENGTHS_FILE = "lengths.json"
REPLY = "<|im_start|>assistant\n"
END = "<|im_end|>"
MARKS = re.compile(r"<\|im_start\|>|<\|im_end\|>")

Count = Callable[[str], int]
"""A rendered text to its tokens."""


def write_lengths(files: list[str], out: str | None = None, tokenizer: str | None = None) -> dict[str, Any]:
    """Count every row of `files` into `out` (`lengths.json` beside the first file); gives the figures.

    Raises UsageError: a file cannot be read, a row cannot be rendered, the tokenizer is none.
    """
    count, known = counter(tokenizer)
    method = "exact" if known else "upper bound"
    counted: dict[str, dict[str, Any]] = {}
    for file in files:
        rows = list(_rows(file, count))
        tokens, trained = [number for number, _ in rows], [number for _, number in rows]
        mark = file_hash(file)
        counted[Path(file).name] = {"sha256": mark, "method": method, "tokens": tokens, "trained": trained}
    if len(counted) < len(files):
        raise UsageError("two files of one name: count them one folder at a time")
    path = Path(out) if out else Path(files[0]).with_name(LENGTHS_FILE)
    write_beside(path, {"tokenizer": known, "template": "qwen_25", "files": counted})
    return {"written": path, "method": method, **_figures(counted)}


def _figures(counted: dict[str, dict[str, Any]]) -> dict[str, Any]:
    tokens = sorted(number for entry in counted.values() for number in entry["tokens"])
    trained = sum(sum(entry["trained"]) for entry in counted.values())
    if not tokens:
        return {"rows": 0}
    middle, rare = tokens[len(tokens) // 2], tokens[int(len(tokens) * 0.99)]
    share = f"{trained / sum(tokens):.1%}"
    figures = {"rows": len(tokens), "tokens": sum(tokens), "trained": share}
    return figures | {"median": middle, "p99": rare, "longest": tokens[-1]}


def _rows(file: str, count: Count) -> Iterator[tuple[int, int]]:
    """Each row's tokens, and those of them that are trained: the assistant's words, calls and end marks."""
    for block in read_blocks(file):
        for line in read_lines(block):
            try:
                text = render(line.row["messages"], line.row.get("tools"))  # type: ignore[index, union-attr]
            except (TypeError, ValueError, KeyError, AttributeError) as reason:
                message = f"{file}:{line.number}: cannot be rendered ({reason}); `python -m validators check` says more"
                raise UsageError(message) from None
            replies = (part.partition(END)[0] + END for part in text.split(REPLY)[1:])
            yield count(text), sum(map(count, replies))


def counter(tokenizer: str | None) -> tuple[Count, dict[str, str] | None]:
    """How to count, and with which tokenizer: a `tokenizer.json`, or, without, an upper bound."""
    if tokenizer is None:
        return at_most, None
    try:
        mark = sha256(Path(tokenizer).read_bytes()).hexdigest()
        from tokenizers import Tokenizer

        encode = Tokenizer.from_file(tokenizer).encode
    except OSError as reason:
        raise UsageError(f"{tokenizer}: cannot be read: {reason.strerror or reason}") from None
    except ImportError:
        raise UsageError("counting needs the package tokenizers; run it with .venv-train/bin/python") from None
    except Exception as reason:  # tokenizers raises no narrower kind for a file that is no tokenizer
        raise UsageError(f"{tokenizer}: is no tokenizer.json: {reason}") from None
    name = Path(tokenizer).absolute().parent.name
    return lambda text: len(encode(text, add_special_tokens=False).ids), {"name": name, "sha256": mark}


def at_most(text: str) -> int:
    """Tokens that no byte-level tokenizer exceeds: a mark is one, a byte at most one."""
    marks = MARKS.findall(text)
    return len(text.encode()) - sum(map(len, marks)) + len(marks)
