"""Judges a config and its dataset in about a second, on a machine without GPU, torch or Axolotl.

    python -m axolotl_configs preflight axolotl_configs/cpu_smoke.yaml --data data/unimed_natal --price 1.89

First the config's keys and rules, then the dataset, then what the training will need: memory, hours, money, disk.
Green is well, amber should be looked at, red would waste paid time: exit code 100. `--json` prints
{"config", "checks": [{"code", "level", "line", "message", "fix"}], "summary": {"red", "amber", "green"}}.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from axolotl_configs import doctor, measured, workload
from axolotl_configs.card_rules import card_rules
from axolotl_configs.choose import card_here
from axolotl_configs.dataset import check_files, move_data, survey
from axolotl_configs.errors import ConfigError
from axolotl_configs.forecast import FORECASTS, Situation
from axolotl_configs.keys import AXOLOTL_VERSION, misfits, nearest, schema
from axolotl_configs.overrides import adapter_numbers, price, whole
from axolotl_configs.problem import Config, Problem, green, red
from axolotl_configs.reading import Document, YamlError, read_yaml
from axolotl_configs.resolve import prepared_rows
from axolotl_configs.rules import RULES

LEVELS = ("red", "amber", "green")
VERSION_IN_HEAD = re.compile(r"^#.*\bAxolotl (\d+\.\d+(?:\.\w+)?)", re.MULTILINE)


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
    parser.add_argument("--rank", metavar="N", help="judge it with another lora_r")
    parser.add_argument("--alpha", metavar="N", help="judge it with another lora_alpha")
    parser.add_argument("--gpu", metavar="NAME", help="another card than the file names, as in presets.yaml")
    parser.add_argument("--cards", metavar="N", help="another number of cards")
    parser.add_argument("--price", metavar="P", help="of one card for an hour: tells the cost")
    parser.add_argument("--json", action="store_true", help="print the report for a machine")


def main(args: argparse.Namespace) -> int:
    """Print the report; 100 if anything in it is red."""
    cards, cost = whole("CARDS", args.cards, 64), price(args.price)
    changes = adapter_numbers(args.rank, args.alpha)
    checks = examine(args.config, args.data, card=args.gpu or None, cards=cards, cost=cost, changes=changes)
    if args.json:
        print(json.dumps(_as_json(args.config, checks), ensure_ascii=False, indent=1))
    else:
        print_table(args.config, checks)
    return 100 if any(check.level == "red" for check in checks) else 0


def examine(
    config_path: Path,
    data_dir: Path | None = None,
    *,
    card: str | None = None,
    cards: int | None = None,
    cost: float | None = None,
    changes: Config | None = None,
) -> list[Check]:
    """Judge a config, with `changes` to its keys; broken YAML is a red line too.

    `ConfigError` means that there is no such file, or no such card.
    """
    try:
        document = read_yaml(config_path)
    except YamlError as error:
        return [Check("yaml", "red", error.line, error.message, error.fix)]
    config, found = {**document.data, **(changes or {})}, []
    if data_dir:
        try:
            config = move_data(config, data_dir)
        except ConfigError as error:
            message, _, fix = str(error).partition(".\n    fix: ")
            found.append(Check("data_dir", "red", None, message, fix))
    text = config_path.read_text(encoding="utf-8")
    work = workload.read(config, card=card, cards=cards, text=text)
    situation = Situation(config, work, survey(config), cost, measured.find(config, work))
    found += [Check(code, p.level, _line(document, p), p.message, p.fix) for code, p in _problems(situation, text)]
    return sorted(found, key=lambda check: LEVELS.index(check.level))


def _problems(situation: Situation, text: str) -> Iterator[tuple[str, Problem]]:
    """Run every check, and give a green word for each that found nothing; forecasts have words of their own."""
    config = situation.config
    for code, check, praise in (
        ("version", lambda config: _version(text), f"Written for Axolotl {AXOLOTL_VERSION}"),
        ("keys", _unknown_keys, f"All {len(config)} keys are known to Axolotl {AXOLOTL_VERSION}"),
        ("types", _wrong_types, "Every value has the type that Axolotl wants"),
        *((rule.__name__, rule, rule.__doc__) for rule in RULES),
        ("card", lambda config: card_rules(config, situation.work), "The card can do what the config asks of it"),
        ("prepared", prepared_rows, "Tokenized rows are kept by the content of their files"),
        ("dataset", lambda config: check_files(config, situation.files), "The dataset is there"),
    ):
        problems = list(check(config))
        yield from ((code, problem) for problem in problems)
        if not problems:
            yield code, green((), praise)
    if situation.work.card_name is not None and card_here() == situation.work.card_name:
        yield from (("machine", problem) for problem in doctor.examine(config))
    for forecast in FORECASTS:
        yield from ((forecast.__name__, problem) for problem in forecast(situation))


def _version(text: str) -> Iterator[Problem]:
    """See that the head of the file, where it names an Axolotl, names the one whose keys are known here."""
    head = text.partition("\n\n")[0]
    named = VERSION_IN_HEAD.search(head)
    if named and named[1] != AXOLOTL_VERSION:
        message = f"the file was written for Axolotl {named[1]}, and this toolkit knows {AXOLOTL_VERSION}"
        yield red((), message, "make it anew with `make configs`, or bring it over with `axolotl_configs migrate`")


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


def print_table(
    title: Path | str,
    checks: list[Check],
    well: str = "fit to train",
    ill: str = "not fit to train: mend what is red first",
) -> None:
    """Print the report for a person: red first, each with its line and its remedy; the verdict last."""
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
    verdict = ill if count["red"] else well
    console.print(f"{title}: {count['red']} red, {count['amber']} amber, {count['green']} green: {verdict}.")
