"""Judges JSONL files, row by row and then together. `python -m validators check FILE...`; check_files() in Python.

Rows are judged in several processes at once, in blocks of lines, and put together in the order of the files: the
findings are the same for any number of workers. `judge_row` judges one row in the process that calls it, for whoever
makes rows in processes of their own; `Corpus.add` then compares them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from validators import behaviour, calls, claims, context, contract, convert, grounding, privacy, structure, template
from validators.corpus import Corpus, Minimums
from validators.finding import Finding, UsageError, key, make
from validators.knowledge import Knowledge
from validators.parallel import in_order
from validators.profiles import OFF, Selection, selection
from validators.rows import Block, count_crlf, load, read_blocks, read_lines
from validators.trace import Trace, trace

CHECKS = (
    *structure.CHECKS,
    *calls.CHECKS,
    *grounding.CHECKS,
    *claims.CHECKS,
    *contract.CHECKS,
    *behaviour.CHECKS,
    *privacy.CHECKS,
    *structure.LAST_CHECKS,
    *template.CHECKS,
)
DEFAULT_LEVELS = selection()
MOST_KEPT = 100_000
"""So many findings are kept to be printed; all are counted."""

__all__ = ["Judged", "Minimums", "Report", "Settings", "UsageError", "check_files", "judge_row"]


@dataclass(frozen=True)
class Report:
    """The judgement of some files: how many rows, every finding (at most MOST_KEPT), and counts."""

    rows: int
    findings: list[Finding]
    summary: dict[str, Any]

    @property
    def failed(self) -> bool:
        """Whether at least one finding is an error."""
        return bool(self.summary["errors"])


@dataclass(frozen=True)
class Settings:
    """How rows are judged, the same for every row.

    `profile` and `levels` say how hard. `tools` judges the calls of rows that declare none; `closed` says that there
    are no other functions. `compared` is for several files at once. `fictional` is the provenance: row id to what
    stands under its `fictional`. `baseline` holds keys of findings that are known.
    """

    profile: str = "rendered"
    levels: Selection = DEFAULT_LEVELS
    knowledge: Knowledge | None = None
    tools: str | None = None
    closed: bool = False
    compared: bool = False
    fictional: dict[str, Any] | None = None
    baseline: frozenset[str] = frozenset()


class Judged(NamedTuple):
    """A line's findings, and its row's trace when there is a row."""

    findings: list[Finding]
    trace: Trace | None


def judge_row(row: dict[str, Any], settings: Settings, file: str = "", line: int = 1) -> Judged:
    """Judge one row by itself; `Corpus.add` takes the trace, and compares it with the others."""
    seen = context.build(row, file, line)
    seen.knowledge = settings.knowledge
    seen.fictional = (settings.fictional or {}).get(seen.row_id or "")
    if settings.tools and "tools" not in row and any(turn.calls for turn in seen.turns):
        seen.tools, seen.closed = context.read_tools(settings.tools)[0], settings.closed
    levels = _levels(settings.levels)
    for check, codes in CHECKS_AND_CODES:
        if codes is None or any(levels[code] != OFF for code in codes):
            seen.found.extend(check(row, seen))
    return Judged(list(_levelled(seen.found, settings)), trace(row, seen, settings.compared))


CHECKS_AND_CODES = tuple((check, {privacy.check_identifiers: ("privacy.identifier",)}.get(check)) for check in CHECKS)


@lru_cache(maxsize=8)
def _levels(chosen: Selection) -> dict[str, str]:
    return chosen.as_dict()


def _levelled(findings: Iterable[Finding], settings: Settings) -> Iterator[Finding]:
    """The findings at the level that they have here, without those that are switched off or known."""
    levels = _levels(settings.levels)
    for found in findings:
        level = levels[found.code]
        if level != OFF and not (settings.baseline and key(found) in settings.baseline):
            yield found if level == found.level else replace(found, level=level)


def check_files(
    paths: Sequence[str | Path],
    minimums: Minimums | None = None,
    tools: str | None = None,
    workers: int = 0,
    settings: Settings | None = None,
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
    settings = _completed(settings or Settings(), names, tools)
    corpus = Corpus(names)
    findings: list[Finding] = []
    levels: Counter[tuple[str, str]] = Counter()
    codes: Counter[str] = Counter()
    for found in judge_blocks(names, _tasks(names), settings, corpus, minimums or Minimums(), workers):
        levels[found.file, found.level] += 1
        codes[found.code] += 1
        if len(findings) < MOST_KEPT:
            findings.append(found)
    summary: dict[str, Any] = {f"{level}s": 0 for level in ("error", "warning")} | corpus.summary()
    for file in summary["files"]:
        for level in ("error", "warning"):
            file[f"{level}s"] = levels[file["file"], level]
            summary[f"{level}s"] += file[f"{level}s"]
    summary["codes"] = dict(sorted(codes.items()))
    return Report(sum(corpus.rows), findings, summary)


def _completed(settings: Settings, names: list[str], tools: str | None) -> Settings:
    """The settings with the tools that rows without `tools` are judged by."""
    settings = replace(settings, compared=len(names) > 1)
    known = settings.knowledge.tools if settings.knowledge else None
    if tools is not None:
        if problem := context.read_tools(tools)[1]:
            raise UsageError(f"--tools: {problem}")
        return replace(settings, tools=tools, closed=True)
    if known is not None:
        if problem := context.read_tools(known)[1]:
            raise UsageError(f"the knowledge's tools: {problem}")
        return replace(settings, tools=known)
    return replace(settings, tools=next(filter(None, map(_first_declared, names)), None))


def judge_blocks(
    names: list[str],
    tasks: Iterable[tuple[int, str, Block]],
    settings: Settings,
    corpus: Corpus,
    minimums: Minimums,
    workers: int,
) -> Iterator[Finding]:
    """Every finding in blocks of the named files, in their order; the corpus gets every row."""
    return _levelled(_everything(names, tasks, settings, corpus, minimums, workers), settings)


def _everything(
    names: list[str],
    tasks: Iterable[tuple[int, str, Block]],
    settings: Settings,
    corpus: Corpus,
    minimums: Minimums,
    workers: int,
) -> Iterator[Finding]:
    crlf = [(0, 0)] * len(names)
    conventions: Counter[tuple[int, str]] = Counter()
    for number, done in in_order(partial(_judge_block, settings), tasks, workers):
        crlf[number] = (crlf[number][0] + done.crlf[0], crlf[number][1] or done.crlf[1])
        conventions.update((number, name) for name in done.conventions)
        for findings, row in done.judged:
            yield from findings
            if row is not None:
                yield from corpus.add(row, number)
    for (number, form), count in conventions.items():
        message = f"{count} row(s) are {convert.NAMES[form]}; they are judged as what they become in our form"
        yield make("file.convention", names[number], 1, None, "$", message)
    for number, name in enumerate(names):
        ends, first = crlf[number]
        if ends:
            yield make("line.crlf", name, first, None, "$", f"CR LF at the end of {ends} line(s), here the first")
        if not corpus.rows[number]:
            yield make("file.empty", name, 1, None, "$", "no row in this file")
    yield from corpus.finish(minimums)


def _tasks(names: list[str]) -> Iterator[tuple[int, str, Block]]:
    for number, name in enumerate(names):
        for block in read_blocks(name):
            yield number, name, block


class Done(NamedTuple):
    """What a worker hands back for a block."""

    judged: list[Judged]
    crlf: tuple[int, int]
    conventions: list[str]


def _judge_block(settings: Settings, task: tuple[int, str, Block]) -> tuple[int, Done]:
    number, name, block = task
    conventions: list[str] = []
    judged = list(_judge_lines(settings, name, block, conventions))
    return number, Done(judged, count_crlf(block), conventions)


def _judge_lines(settings: Settings, name: str, block: Block, conventions: list[str]) -> Iterator[Judged]:
    for line in read_lines(block):
        row_id = line.row.get("id") if line.row else None
        row_id = row_id if isinstance(row_id, str) else None
        problems = [make(code, name, line.number, row_id, "$", message) for code, message in line.problems]
        if line.row is None:
            yield Judged(problems, None)
            continue
        row = line.row
        if settings.profile == "foreign" and (form := convert.recognise(row)) != "ours":
            conventions.append(form)
            row = convert.to_ours(row, line.number)[0]
        findings, remembered = judge_row(row, settings, name, line.number)
        yield Judged([*problems, *findings], remembered)


def _first_declared(file: str) -> str | None:
    """The first `tools` of a file that are sound; a pipe is read once, so not here."""
    if not Path(file).is_file():
        return None
    for block in read_blocks(file):
        for raw in block.lines:
            row = load(raw)[0] if raw and b'"tools"' in raw else None
            tools = row.get("tools") if isinstance(row, dict) else None
            text = orjson.dumps(tools).decode() if isinstance(tools, list) else tools
            if isinstance(text, str) and context.read_tools(text)[0]:
                return text
    return None
