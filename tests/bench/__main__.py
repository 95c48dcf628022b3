"""Measures rendering and judging: rows per second, peak memory, and the ratio to merely writing the same bytes.

    make bench ROWS=12000
    python -m tests.bench --pack unimed_natal --rows 12000

Ratios come from one run on one machine; absolute times vary with it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import orjson


def measured(*command: str) -> tuple[float, float]:
    """Wall seconds and peak memory (MiB, the largest process) of `python -m …`."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", *command], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(command)} failed with status {os.waitstatus_to_exitcode(status)}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__.partition("\n")[0])
    parser.add_argument("--pack", default="unimed_natal")
    parser.add_argument("--rows", type=int, default=12_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "bench"
        render, render_memory = measured(
            "datagen", "render", "--pack", arguments.pack, "--rows", str(arguments.rows), "--out", str(out)
        )
        names = ("train", "eval", "test", "test_unseen")
        splits = [str(out / f"{name}.jsonl") for name in names if (out / f"{name}.jsonl").stat().st_size]
        check, check_memory = measured("validators", "check", *splits)
        lines = [line for path in splits for line in Path(path).read_bytes().splitlines()]
        rows = [json.loads(line) for line in lines]
        start = time.perf_counter()
        with (Path(folder) / "plain.jsonl").open("wb") as file:
            file.writelines(orjson.dumps(row) + b"\n" for row in rows)
        plain = time.perf_counter() - start
    size = sum(map(len, lines))
    print(f"{len(rows)} rows of {size / len(rows):.0f} bytes, {os.cpu_count()} cores, start-up included")
    for name, seconds, memory in (
        ("render, judge, publish", render, render_memory),
        ("judge alone", check, check_memory),
    ):
        print(f"{name:24} {seconds:6.2f} s {len(rows) / seconds:8.0f} rows/s   peak {memory:5.0f} MiB")
    print(
        f"{'orjson writes the bytes':24} {plain:6.2f} s {len(rows) / plain:8.0f} rows/s   ({render / plain:.0f} times faster)"
    )


if __name__ == "__main__":
    main()
