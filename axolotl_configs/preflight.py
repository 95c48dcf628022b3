"""Judges a config and its dataset in about a second, on a machine without GPU, torch or Axolotl.

    python -m axolotl_configs preflight axolotl_configs/cpu_smoke.yaml --data data/unimed_natal

Green is well, amber should be looked at, red would waste paid time: exit code 100. `--json` prints
{"config", "checks": [{"code", "level", "line", "message", "fix"}], "summary": {"red", "amber", "green"}}.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from axolotl_configs.dataset import check_files, move_data
from axolotl_configs.errors import ConfigError
from axolotl_configs.keys import AXOLOTL_VERSION, misfits, nearest, schema
from axolotl_configs.problem import Config, Problem, green, red
from axolotl_configs.reading import Document, YamlError, read_yaml
from axolotl_configs.rules import RULES

LEVELS = ("red", "amber", "green")


@dataclass(frozen=True)
class Check:
    """One line of the report."""

    code: str
    """The rule's name, such as `adapter_and_bits`."""
    level: str
    line: int | None
    message: str
    fix: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `preflight`."""
    parser.add_argument("config", type=Path, help="config file")
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder with train.jsonl and eval.jsonl")
    parser.add_argument("--json", action="store_true", help="print the report for a machine")


def main(args: argparse.Namespace) -> int:
    """Print the report; 100 if anything in it is red."""
    checks = examine(args.config, args.data)
    if args.json:
        print(json.dumps(_as_json(args.config, checks), ensure_ascii=False, indent=1))
    else:
        print_table(args.config, checks)
    return 100 if any(check.level == "red" for check in checks) else 0


def examine(config_path: Path, data_dir: Path | None = None) -> list[Check]:
    """Judge a config; broken YAML is a red line too, `ConfigError` means that there is no such file."""
    try:
        document = read_yaml(config_path)
    except YamlError as error:
        return [Check("yaml", "red", error.line, error.message, error.fix)]
    config, found = document.data, []
    if data_dir:
        try:
            config = move_data(config, data_dir)
        except ConfigError as error:
            message, _, fix = str(error).partition(".\n    fix: ")
            found.append(Check("data_dir", "red", None, message, fix))
    found += [Check(code, p.level, _line(document, p), p.message, p.fix) for code, p in _problems(config)]
    return sorted(found, key=lambda check: LEVELS.index(check.level))


def _problems(config: Config) -> Iterator[tuple[str, Problem]]:
    """Run every check, and give a green word for each that found nothing."""
    for code, check, praise in (
        ("keys", _unknown_keys, f"All {len(config)} keys are known to Axolotl {AXOLOTL_VERSION}"),
        ("types", _wrong_types, "Every value has the type that Axolotl wants"),
        *((rule.__name__, rule, rule.__doc__) for rule in RULES),
        ("dataset", check_files, "The dataset is there"),
    ):
        problems = list(check(config))
        yield from ((code, problem) for problem in problems)
        if not problems:
            yield code, green((), praise)


def _unknown_keys(config: Config) -> Iterator[Problem]:
    for misfit in misfits(config):
        if misfit.kind == "unknown":
            yield red(misfit.place, misfit.message, misfit.fix)


def _wrong_types(config: Config) -> Iterator[Problem]:
    for key in [*schema()["required"], "datasets"]:
        if config.get(key) is None:
            typo = nearest(key, [str(name) for name in config if str(name) not in schema()["properties"]])
            yield red(key, f"`{key}` is missing", f"rename `{typo}`" if typo else f"add `{key}`")
    for misfit in misfits(config):
        if misfit.kind == "type":
            yield red(misfit.place, misfit.message, misfit.fix)


def _line(document: Document, problem: Problem) -> int | None:
    """Give the line to look at; None for what is missing altogether."""
    if not problem.place or str(problem.place[0]) not in document.data:
        return None
    return document.line(*problem.place)


def _as_json(config_path: Path, checks: list[Check]) -> dict:
    count = Counter(check.level for check in checks)
    summary = {level: count[level] for level in LEVELS}
    return {"config": str(config_path), "checks": [asdict(check) for check in checks], "summary": summary}


def print_table(config_path: Path, checks: list[Check]) -> None:
    """Print the report for a person: red first, each with its line and its remedy."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    table = Table(box=None, show_header=False, padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, justify="right")
    table.add_column(overflow="fold")
    colours = {"red": "bold red", "amber": "yellow", "green": "green"}
    for check in checks:
        said = Text(check.message)
        if check.fix:
            said.append(f"\nfix: {check.fix}", style="bold" if check.level == "red" else "")
        line = f"line {check.line}" if check.line and check.level != "green" else ""
        table.add_row(Text(check.level, colours[check.level]), line, said)
    console.print(table)
    count = Counter(check.level for check in checks)
    verdict = "fit to train" if not count["red"] else "not fit to train: mend what is red first"
    console.print(f"{config_path}: {count['red']} red, {count['amber']} amber, {count['green']} green: {verdict}.")
