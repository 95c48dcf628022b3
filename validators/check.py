"""Judges JSONL files, row by row and then together. `python -m validators check FILE...`; check_files() in Python.

Rows are judged in several processes at once, in blocks of lines, and put together in the order of the files: the
findings are the same for any number of workers. `judge_row` judges one row in the process that calls it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from validators import calls, context, grounding, structure
from validators.corpus import Corpus, Minimums
from validators.finding import Finding, UsageError, make
from validators.parallel import in_order
from validators.rows import Block, count_crlf, load, read_blocks, read_lines
from validators.trace import Trace, trace

CHECKS = (*structure.CHECKS, *calls.CHECKS, *grounding.CHECKS)

__all__ = ["Minimums", "Report", "Settings", "UsageError", "check_files", "judge_row"]


@dataclass(frozen=True)
class Report:
    """The judgement of some files: how many rows, every finding, and counts."""

    rows: int
    findings: list[Finding]
    summary: dict[str, Any]

    @property
    def failed(self) -> bool:
        """Whether at least one finding is an error."""
        return any(found.level == "error" for found in self.findings)


@dataclass(frozen=True)
class Settings:
    """How rows are judged, the same for every row: what a worker needs to know.

    `tools` judges the calls of rows that declare none; `closed` says that there are no other functions. `compared`
    is for several files at once.
    """

    tools: str | None = None
    closed: bool = False
    compared: bool = False


class Judged(NamedTuple):
    """A line's findings, and its row's trace when there is a row."""

    findings: list[Finding]
    trace: Trace | None


def judge_row(row: dict[str, Any], settings: Settings, file: str = "", line: int = 1) -> Judged:
    """Judge one row by itself; `Corpus.add` takes the trace, and compares it with the others."""
    row_id = row.get("id")
    seen = context.build(row, file, line)
    if settings.tools and "tools" not in row and any(turn.calls for turn in seen.turns):
        seen.tools, seen.closed = context.read_tools(settings.tools)[0], settings.closed
    seen.row_id = row_id if isinstance(row_id, str) else None
    for check in CHECKS:
        seen.found.extend(check(row, seen))
    seen.found.extend(structure.check_schema(row, seen))
    return Judged(seen.found, trace(row, seen, settings.compared))


def check_files(
    paths: Sequence[str | Path], minimums: Minimums | None = None, tools: str | None = None, workers: int = 0
) -> Report:
    """Judge every row of every file, then the files together.

    `minimums` are asked of the first file. `tools` is a JSON text in the form of a row's `tools`; it judges the calls
    of rows that declare none. Without it such rows are judged by the first `tools` that the files declare, as far as
    their function is declared there. `workers` 0 means one for each core. Raises UsageError when a file or `tools`
    cannot be read.
    """
    names = [str(path) for path in paths]
    if len({Path(name).resolve() for name in names}) < len(names):
        raise UsageError("the same file is given twice")
    settings = _settings(names, tools)
    corpus = Corpus(names)
    findings = list(_judge(names, settings, corpus, workers))
    findings.extend(corpus.finish(minimums or Minimums()))
    levels = Counter(found.level for found in findings)
    summary = {"errors": levels["error"], "warnings": levels["warning"], **corpus.summary()}
    summary["codes"] = dict(sorted(Counter(found.code for found in findings).items()))
    return Report(sum(corpus.rows), findings, summary)


def _settings(names: list[str], tools: str | None) -> Settings:
    if tools is not None:
        problem = context.read_tools(tools)[1]
        if problem:
            raise UsageError(f"--tools: {problem}")
        return Settings(tools, True, len(names) > 1)
    return Settings(next(filter(None, map(_first_declared, names)), None), False, len(names) > 1)


def _judge(names: list[str], settings: Settings, corpus: Corpus, workers: int) -> Iterator[Finding]:
    """Every finding in the order of the files; the corpus gets every row."""
    crlf = [(0, 0)] * len(names)
    for number, judged, (ends, first) in in_order(_judge_block, _tasks(names, settings), workers):
        crlf[number] = (crlf[number][0] + ends, crlf[number][1] or first)
        for findings, row in judged:
            yield from findings
            if row is not None:
                yield from corpus.add(row, number)
    for number, name in enumerate(names):
        ends, first = crlf[number]
        if ends:
            yield make("line.crlf", name, first, None, "$", f"CR LF at the end of {ends} line(s), here the first")
        if not corpus.rows[number]:
            yield make("file.empty", name, 1, None, "$", "no row in this file")


def _tasks(names: list[str], settings: Settings) -> Iterator[tuple[Settings, int, str, Block]]:
    for number, name in enumerate(names):
        for block in read_blocks(name):
            yield settings, number, name, block


def _judge_block(task: tuple[Settings, int, str, Block]) -> tuple[int, list[Judged], tuple[int, int]]:
    settings, number, name, block = task
    return number, list(_judge_lines(settings, name, block)), count_crlf(block)


def _judge_lines(settings: Settings, name: str, block: Block) -> Iterator[Judged]:
    for line in read_lines(block):
        row_id = line.row.get("id") if line.row else None
        row_id = row_id if isinstance(row_id, str) else None
        problems = [make(code, name, line.number, row_id, "$", message) for code, message in line.problems]
        if line.row is None:
            yield Judged(problems, None)
        else:
            findings, row = judge_row(line.row, settings, name, line.number)
            yield Judged([*problems, *findings], row)


def _first_declared(file: str) -> str | None:
    """The first `tools` of a file that are sound; a pipe is read once, so not here."""
    if not Path(file).is_file():
        return None
    for block in read_blocks(file):
        for raw in block.lines:
            row = load(raw)[0] if raw and b'"tools"' in raw else None
            text = row.get("tools") if isinstance(row, dict) else None
            if isinstance(text, str) and context.read_tools(text)[0]:
                return text
    return None
