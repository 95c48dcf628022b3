"""The judge's commands: `python -m validators check FILE...`, `codes`, `convert`, `lengths`, `prove`, `masks`.

Exit codes: 0 clean (warnings do not fail), 2 misuse or a file that cannot be read, 100 the data failed, 130 Ctrl-C.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from validators.check import Report, Settings

CLEAN, MISUSE, FAILED, INTERRUPTED = 0, 2, 100, 130
PROFILES = ("rendered", "imported", "played", "foreign")


def main(arguments: list[str] | None = None) -> int:
    """Run one command and give its exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _parser(arguments[:1]).parse_args(arguments)
    gc.set_threshold(200_000, 50, 50)  # rows are trees: the collector would look through them for nothing
    # Imported here so that --help answers at once.
    from validators.finding import UsageError

    try:
        return options.run(options)
    except UsageError as reason:
        print(f"validators: {reason}", file=sys.stderr)
        return MISUSE
    except KeyboardInterrupt:
        print("validators: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (head, less) has gone; keep Python from complaining about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def _parser(command: list[str]) -> argparse.ArgumentParser:
    """All commands; only `masks` brings in a module, when it is the one that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m validators", description="Judge conversations in JSONL files.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_check(commands)
    codes = commands.add_parser(
        "codes", help="print the table of all codes", description="Print every code as Markdown."
    )
    codes.set_defaults(run=_codes)
    convert = commands.add_parser(
        "convert",
        help="turn rows of another convention into ours, and ours into theirs",
        description="Recognise OpenAI fine-tuning rows, TRL/HF dict-argument rows and ShareGPT, and convert them.",
        epilog="What a row loses, or gets made up, is named on stderr. Exit codes: 0, 2, 100 a line was left out.",
    )
    convert.add_argument("file", metavar="FILE")
    convert.add_argument("--to", choices=("ours", "openai", "hf"), default="ours", help="default: ours")
    convert.add_argument("--out", metavar="FILE", help="default: stdout")
    convert.set_defaults(run=_convert)
    lengths = commands.add_parser(
        "lengths",
        help="count each row's tokens once, into a file",
        description="Count tokens of each row as Qwen2.5's template renders it: exactly with a tokenizer.json, else an "
        "upper bound; the file says which.",
    )
    lengths.add_argument("files", nargs="+", metavar="FILE")
    lengths.add_argument("--out", metavar="FILE", help="default: lengths.json beside the first FILE")
    lengths.add_argument("--tokenizer", metavar="tokenizer.json", help="needs the package tokenizers")
    lengths.set_defaults(run=_lengths)
    prove = commands.add_parser(
        "prove",
        help="damage clean rows in every way of the catalogue, and see whether it is found",
        description="Apply every mutation to clean rows of FILE and count which are found; then count false alarms.",
        epilog="Exit codes: 0 all found, 2 misuse, 100 something was missed or too many false alarms.",
    )
    prove.add_argument("files", nargs="+", metavar="FILE", help="clean rows")
    prove.add_argument("--rows", type=_count, default=200, metavar="N", help="rows of each mutation, default: 200")
    prove.add_argument("--hand", metavar="FILE", help="correct rows that the judge had no part in")
    prove.add_argument("--kind", metavar="NAME", help="only the mutations whose names begin like this")
    prove.add_argument("--missed", type=_count, default=0, metavar="N", help="show N rows that were missed, per kind")
    _add_knowledge(prove)
    prove.set_defaults(run=_prove)
    shown = commands.add_parser(
        "masks",
        help="show which words a config would train (trainer's environment)",
        description="Run Axolotl's own preprocessing on FILE and show which words CONFIG would train.",
        epilog="Exit codes: 0 exactly the assistant's turns are trained, 2 misuse, 100 they are not.",
    )
    if command == ["masks"]:
        from validators import masks

        masks.add_arguments(shown)
        shown.set_defaults(run=masks.main)
    return parser


def _add_check(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    check = commands.add_parser(
        "check",
        help="judge JSONL files and print every finding",
        description="Judge each row of each FILE, and the files together: doubles, ids, people that two files share.",
        epilog="Exit codes: 0 no error, 2 misuse or a file that cannot be read, 100 at least one error in the data.",
    )
    check.add_argument("files", nargs="+", metavar="FILE", help="JSONL, one conversation a line, also gzipped")
    check.add_argument("--format", choices=("text", "json", "github"), default="text", help="default: text")
    check.add_argument("--json", action="store_const", const="json", dest="format", help="the same as --format json")
    check.add_argument(
        "--limit", type=_count, metavar="N", help="print at most N findings (text, github); all are counted"
    )
    check.add_argument("--profile", choices=PROFILES, default="rendered", help="where the rows come from")
    check.add_argument("--select", action="append", default=[], metavar="CODE", help="only codes that begin like this")
    check.add_argument("--ignore", action="append", default=[], metavar="CODE", help="no codes that begin like this")
    check.add_argument("--baseline", metavar="FILE", help="findings that are known, and not reported again")
    check.add_argument("--write-baseline", metavar="FILE", help="write the findings there, and exit 0")
    check.add_argument("--verdict", action="store_true", help="write verdict.json beside the files, for the preflight")
    check.add_argument("--provenance", metavar="FILE", help='JSONL of {"id", "fictional"}: whose people are invented')
    check.add_argument("--workers", type=_count, default=0, metavar="N", help="processes; default: one for each core")
    check.add_argument(
        "--tools", metavar="FILE.json", help="a JSON list of functions, for rows that make calls but declare no tools"
    )
    _add_knowledge(check)
    quotas = check.add_argument_group("quotas of the first FILE, the one to train on")
    quotas.add_argument("--min-rows", type=_count, default=0, metavar="N", help="rows in all")
    quotas.add_argument("--min-each", type=_count, default=0, metavar="N", help="rows of each category")
    quotas.add_argument(
        "--min-calls", type=_count, default=0, metavar="N", help="rows with a call, its result, an answer"
    )
    quotas.add_argument("--min-edge", type=_count, default=0, metavar="N", help="rows of category edge_cases")
    check.set_defaults(run=_check)


def _add_knowledge(parser: argparse.ArgumentParser) -> None:
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--knowledge", metavar="FILE", help="YAML or JSON: what may be claimed and promised")
    group.add_argument("--pack", metavar="FOLDER", help="the same, read from a pack: facts.yaml, pack.yaml, tools.yaml")


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number, 0 or more")
    return int(text)


def _check(options: argparse.Namespace) -> int:
    from validators.beside import write_verdicts
    from validators.check import Minimums, check_files
    from validators.finding import as_json, write_baseline

    minimums = Minimums(options.min_rows, options.min_each, options.min_calls, options.min_edge)
    tools = _read(options.tools) if options.tools else None
    report = check_files(options.files, minimums, tools, options.workers, _settings(options))
    if options.verdict:
        write_verdicts(options.profile, report.summary["files"])
    if options.write_baseline:
        print(f"{options.write_baseline}: {write_baseline(options.write_baseline, report.findings)} findings")
        return CLEAN
    if options.format == "json":
        print(as_json(report.rows, report.findings, report.summary))
    else:
        _print_findings(report, options.format, options.limit)
    sys.stdout.flush()
    return FAILED if report.failed else CLEAN


def _settings(options: argparse.Namespace) -> Settings:
    from validators.check import Settings
    from validators.finding import read_baseline
    from validators.profiles import selection
    from validators.rows import read_fictional

    return Settings(
        profile=options.profile,
        levels=selection(options.profile, _codes_of(options.select), _codes_of(options.ignore)),
        knowledge=_knowledge(options),
        fictional=read_fictional(options.provenance) if options.provenance else None,
        baseline=read_baseline(options.baseline) if options.baseline else frozenset(),
    )


def _codes_of(given: list[str]) -> list[str]:
    return [name.strip() for part in given for name in part.split(",") if name.strip()]


def _knowledge(options: argparse.Namespace):
    from validators.knowledge import read_knowledge, read_pack

    if options.pack:
        return read_pack(options.pack)
    return read_knowledge(options.knowledge) if options.knowledge else None


def _read(path: str) -> str:
    from pathlib import Path

    from validators.finding import UsageError

    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as reason:
        raise UsageError(f"{path}: cannot be read: {getattr(reason, 'strerror', None) or reason}") from None


def _print_findings(report: Report, form: str, limit: int | None) -> None:
    from validators.finding import as_github, as_text

    show = as_github if form == "github" else as_text
    for found in report.findings[:limit]:
        print(show(found))
    total = report.summary["errors"] + report.summary["warnings"]
    shown = len(report.findings[:limit])
    if shown < total:
        print(f"... and {total - shown} more" + (f" (--limit {limit})" if limit is not None else ""))
    counts = ", ".join(f"{number} {code}" for code, number in report.summary["codes"].items())
    verdict = f"{report.summary['errors']} errors, {report.summary['warnings']} warnings"
    print(f"{report.rows} rows: {verdict}{f' ({counts})' if counts else ''}")


def _codes(options: argparse.Namespace) -> int:
    from validators.profiles import table

    print(table())
    return CLEAN


def _convert(options: argparse.Namespace) -> int:
    from validators.convert import convert_file

    rows, lost, failed = convert_file(options.file, options.to, options.out)
    for what, count in sorted(lost.items()):
        print(f"{what} ({count} times)", file=sys.stderr)
    for line in failed:
        print(line, file=sys.stderr)
    print(f"{rows} rows written, {len(failed)} lines left out", file=sys.stderr)
    return FAILED if failed else CLEAN


def _lengths(options: argparse.Namespace) -> int:
    from validators.lengths import write_lengths

    for name, value in write_lengths(options.files, options.out, options.tokenizer).items():
        print(f"{name}: {value}")
    return CLEAN


def _prove(options: argparse.Namespace) -> int:
    from validators.prove import main as prove

    return prove(options, _knowledge(options))


if __name__ == "__main__":
    sys.exit(main())
