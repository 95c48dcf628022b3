"""Judges JSONL files, row by row and then together. `python -m validators check FILE...`; check_files() in Python."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from validators import calls, context, grounding, structure
from validators.corpus import Corpus, Minimums
from validators.finding import Finding, UsageError, make
from validators.rows import MAX_LINE, load, read_lines

CHECKS = (*structure.CHECKS, *calls.CHECKS, *grounding.CHECKS)

__all__ = ["Minimums", "Report", "UsageError", "check_files"]


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


def check_files(paths: Sequence[str | Path], minimums: Minimums | None = None, tools: str | None = None) -> Report:
    """Judge every row of every file, then the files together.

    `minimums` are asked of the first file. `tools` is a JSON text in the form of a row's `tools`; it judges the calls
    of rows that declare none. Without it such rows are judged by the first `tools` that the files declare, as far as
    their function is declared there. Raises UsageError when a file or `tools` cannot be read.
    """
    names = [str(path) for path in paths]
    if len({Path(name).resolve() for name in names}) < len(names):
        raise UsageError("the same file is given twice")
    offered = _Tools(names, tools)
    findings: list[Finding] = []
    corpus = Corpus(names)
    for number, name in enumerate(names):
        findings.extend(_check_file(name, number, corpus, offered))
    findings.extend(corpus.finish(minimums or Minimums()))
    levels = Counter(found.level for found in findings)
    summary = {"errors": levels["error"], "warnings": levels["warning"], **corpus.summary()}
    summary["codes"] = dict(sorted(Counter(found.code for found in findings).items()))
    return Report(sum(corpus.rows), findings, summary)


def _check_file(name: str, number: int, corpus: Corpus, tools: _Tools) -> Iterator[Finding]:
    for line in read_lines(name):
        row_id = line.row.get("id") if line.row else None
        for code, message in line.problems:
            yield make(code, name, line.number, row_id if isinstance(row_id, str) else None, "$", message)
        if line.row is not None:
            yield from _check_row(line.row, name, line.number, number, corpus, tools)
    if not corpus.rows[number]:
        yield make("file.empty", name, 1, None, "$", "no row in this file")


def _check_row(
    row: dict[str, Any], name: str, line: int, number: int, corpus: Corpus, tools: _Tools
) -> Iterator[Finding]:
    seen = context.build(row, name, line)
    if "tools" not in row and any(turn.calls for turn in seen.turns):
        seen.tools, seen.closed = tools.known(), tools.closed
    for check in CHECKS:
        seen.found.extend(check(row, seen))
    seen.found.extend(structure.check_schema(row, seen))
    seen.found.extend(corpus.add(row, seen, number))
    yield from seen.found


class _Tools:
    """The functions that a row without `tools` is judged by."""

    def __init__(self, files: list[str], given: str | None) -> None:
        self.files, self.closed = files, given is not None
        self.tools: dict[str, context.Tool] | None = None
        self.looked = given is not None
        if given is not None:
            self.tools, problem = context.read_tools(given)
            if problem:
                raise UsageError(f"--tools: {problem}")

    def known(self) -> dict[str, context.Tool] | None:
        """The given tools, or the first that a row of the files declares; looked for once."""
        if not self.looked:
            self.looked = True
            self.tools = next(filter(None, map(_first_declared, self.files)), None)
        return self.tools


def _first_declared(file: str) -> dict[str, context.Tool] | None:
    if not Path(file).is_file():  # a pipe is read once
        return None
    with Path(file).open("rb") as stream:
        while raw := stream.readline(MAX_LINE):
            row = load(raw)[0] if b'"tools"' in raw else None
            text = row.get("tools") if isinstance(row, dict) else None
            if isinstance(text, str) and (tools := context.read_tools(text)[0]):
                return tools
    return None
