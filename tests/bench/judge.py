"""Measures the judge: rows per second with and without the template check, beside a plain loop over the same file.

    python -m tests.bench.judge data/unimed_natal/train.jsonl data/unimed_natal/test.jsonl

Start-up is included. Ratios come from one run on one machine; the plain loop (`json.loads` and `jsonschema`, one
process) tells how fast that machine was at the time.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from jsonschema import Draft202012Validator

from tests.bench.__main__ import measured
from validators.structure import SCHEMA_FILE

PACK = "templates/unimed_natal"
PLAIN_ROWS = 1000
"""So many rows the plain loop reads; more would take a minute and say the same."""


def plain_loop(files: list[str]) -> tuple[int, float]:
    """Rows and seconds of what people write first: read, parse, validate."""
    judge = Draft202012Validator(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))
    start, rows = time.perf_counter(), 0
    for name in files:
        with Path(name).open(encoding="utf-8") as file:
            for line in file:
                judge.is_valid(json.loads(line))
                rows += 1
                if rows == PLAIN_ROWS:
                    return rows, time.perf_counter() - start
    return rows, time.perf_counter() - start


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.judge", description=__doc__.partition("\n")[0])
    parser.add_argument("files", nargs="+", metavar="FILE")
    files = parser.parse_args().files
    rows = sum(Path(name).read_bytes().count(b"\n") for name in files)
    print(f"{rows} rows, start-up included")
    for name, options in (
        ("everything but masks", ["--pack", PACK]),
        ("without the template", ["--pack", PACK, "--ignore", "template"]),
        ("in one process", ["--pack", PACK, "--workers", "1"]),
    ):
        seconds, memory = measured("validators", "check", *files, *options)
        print(f"{name:24} {seconds:6.2f} s {rows / seconds:8.0f} rows/s   peak {memory:5.0f} MiB")
    count, seconds = plain_loop(files)
    print(f"{'json.loads + jsonschema':24} {seconds:6.2f} s {count / seconds:8.0f} rows/s   ({count} rows)")
    seconds, _ = measured("validators", "--help")
    print(f"--help {seconds * 1000:.0f} ms")


if __name__ == "__main__":
    sys.exit(main())
