"""Proves the judge: clean rows are damaged in every way of the catalogue, and each damage must be found.

    python -m validators prove data/unimed_natal/*.jsonl --pack templates/unimed_natal

Prints per kind how many rows were damaged, how many were found, and by which codes; then the false alarms on rows
that the judge had no part in.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path
from random import Random
from typing import NamedTuple

import orjson

from validators import check
from validators.corpus import Corpus, Minimums
from validators.damage import Damage, Row, Spoilt, catalogue
from validators.finding import CODES, Finding, UsageError
from validators.knowledge import Knowledge, read_knowledge
from validators.parallel import in_order
from validators.privacy import identifiers
from validators.profiles import selection
from validators.rows import Block, read_blocks, read_lines

MOST_FALSE_ALARMS = 0.01
SEED = "prove"


class Proof(NamedTuple):
    """What became of one kind: rows damaged, rows in which it was found, the codes that told, rows missed."""

    kind: str
    damaged: int
    found: int
    codes: Counter[str]
    missed: list[Row]


@lru_cache(maxsize=4)
def _rows(files: tuple[str, ...]) -> list[Row]:
    """The rows of the files, shuffled always in the same way."""
    rows = [line.row for name in files for block in read_blocks(name) for line in read_lines(block) if line.row]
    Random(SEED).shuffle(rows)
    return rows


def prove(files: list[str], knowledge: Knowledge | None, count: int, kinds: list[Damage]) -> Iterator[Proof]:
    """Damage up to `count` clean rows in each way."""
    names = tuple(files)
    _rows(names)  # read before the workers start, so that they have it already
    yield from in_order(partial(_prove, names, knowledge, count), [kind.name for kind in kinds])


def _prove(files: tuple[str, ...], knowledge: Knowledge | None, count: int, name: str) -> Proof:
    kind = next(kind for kind in catalogue() if kind.name == name)
    settings = check.Settings(profile=kind.profile, levels=selection(kind.profile), knowledge=knowledge)
    settings = check._completed(settings, list(files), None)
    random = Random(f"{SEED}:{name}")
    damaged = found = 0
    codes: Counter[str] = Counter()
    missed: list[Row] = []
    for row in _rows(files):
        if damaged == count:
            break
        spoilt = kind.apply(copy.deepcopy(row), random)
        if spoilt is None or spoilt == row:
            continue
        here = (
            check.replace(settings, fictional={row["id"]: _invented(row)}) if kind.profile == "imported" else settings
        )
        if _judge(row, here, kind.files):
            continue  # not clean to begin with
        told = {finding.code for finding in _judge(spoilt, here, kind.files)}
        damaged += 1
        codes.update(told & set(kind.codes))
        if told & set(kind.codes):
            found += 1
        else:
            missed.append(spoilt if isinstance(spoilt, dict) else {"spoilt": str(spoilt)[:2000], "told": sorted(told)})
    return Proof(name, damaged, found, codes, missed)


def _invented(row: Row) -> list[str]:
    """All identifiers of a clean row, as its provenance would list them."""
    turns = check.context.build(row, "", 1).turns
    shown = [turn.content[a:b] for turn in turns if isinstance(turn.content, str) for _, (a, b) in identifiers(turn)]
    return shown + ["".join(filter(str.isdigit, text)) for text in shown]


def _judge(spoilt: Spoilt, settings: check.Settings, files: int) -> list[Finding]:
    """Every finding of a row, of a line, or of rows together."""
    lines = [spoilt] if isinstance(spoilt, (dict, bytes)) else spoilt or []
    raw = [
        line if isinstance(line, bytes) else json.dumps(line, ensure_ascii=False, default=str).encode() + b"\n"
        for line in lines
    ]
    blocks = [Block(1, part.splitlines(keepends=True)) for part in (raw if files > 1 else [b"".join(raw)])]
    names = [f"{number}.jsonl" for number in range(len(blocks))]
    settings = check.replace(settings, compared=files > 1)
    tasks = [(number, names[number], block) for number, block in enumerate(blocks)]
    return list(check.judge_blocks(names, tasks, settings, Corpus(names), Minimums(), 1))


class Alarms(NamedTuple):
    """False alarms on a file of correct rows."""

    file: str
    rows: int
    rows_with_errors: int
    warnings: int
    codes: dict[str, int]
    struck: int


def alarms(files: list[str], knowledge: Knowledge | None) -> Alarms:
    """Judge correct rows; those that are struck beside the file (FILE.struck.json: id to reason) are left out."""
    report = check.check_files(files, settings=check.Settings(knowledge=knowledge))
    struck = {row_id for name in files for row_id in read_struck(name)}
    findings = [finding for finding in report.findings if finding.row_id not in struck]
    wrong = {(finding.file, finding.line) for finding in findings if finding.level == "error"}
    codes = dict(Counter(finding.code for finding in findings))
    warnings = sum(finding.level == "warning" for finding in findings)
    name = files[0] if len(files) == 1 else f"{Path(files[0]).parent} ({len(files)} files)"
    return Alarms(name, report.rows - len(struck), len(wrong), warnings, codes, len(struck))


def _beside(file: str) -> Knowledge | None:
    """What the writers of a file were told, when that stands beside it (FILE.knowledge.yaml)."""
    path = Path(file).with_suffix(".knowledge.yaml")
    return read_knowledge(path) if path.is_file() else None


def read_struck(file: str) -> dict[str, str]:
    """The rows of a file that turned out wrong, with the reason why."""
    path = Path(file).with_suffix(".struck.json")
    return orjson.loads(path.read_bytes()) if path.is_file() else {}


def main(options: argparse.Namespace, knowledge: Knowledge | None) -> int:
    """Print the table and the false alarms; 100 if a damage was missed or there are too many false alarms."""
    kinds = [kind for kind in catalogue() if kind.name.startswith(options.kind or "")]
    if not kinds:
        raise UsageError(f"--kind {options.kind}: no kind begins like this")
    print("| damage | rows | found | by |\n|---|---:|---:|---|")
    proofs = []
    for proof in prove(options.files, knowledge, options.rows, kinds):
        proofs.append(proof)
        by = ", ".join(f"{code} {number}" for code, number in proof.codes.most_common())
        print(f"| {proof.kind} | {proof.damaged} | {proof.found} | {by} |", flush=True)
        for row in proof.missed[: options.missed]:
            print(json.dumps(row, ensure_ascii=False), file=sys.stderr)
    damaged, found = sum(proof.damaged for proof in proofs), sum(proof.found for proof in proofs)
    few = [proof.kind for proof in proofs if proof.damaged < options.rows]
    told = {code for proof in proofs for code in proof.codes}
    print(f"\n{len(proofs)} kinds, {damaged} damaged rows, {found} found: {found / max(damaged, 1):.2%}.")
    print(f"{len(told)} of {len(CODES)} codes took part.")
    if few:
        print(f"Fewer than {options.rows} rows could be damaged in these ways: {', '.join(few)}.")
    failed = found < damaged
    judged = [(options.files, knowledge)]
    if options.hand:
        judged.append(([options.hand], _beside(options.hand) or knowledge))
    for files, known in judged:
        false = alarms(files, known)
        share = false.rows_with_errors / max(false.rows, 1)
        failed = failed or share > MOST_FALSE_ALARMS
        told_codes = ", ".join(f"{code} {number}" for code, number in false.codes.items()) or "none"
        struck = f", {false.struck} struck as wrong" if false.struck else ""
        print(
            f"False alarms on {false.file}: {false.rows_with_errors} of {false.rows} rows have an error ({share:.2%}), "
            f"{false.warnings} warnings ({told_codes}){struck}."
        )
    return 100 if failed else 0
