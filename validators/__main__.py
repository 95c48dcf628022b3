"""The judge's commands: `python -m validators check FILE...`, `codes`, and `masks CONFIG FILE`.

Exit codes: 0 clean (warnings do not fail), 2 misuse or a file that cannot be read, 100 the data failed, 130 Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from validators.check import Report

CLEAN, MISUSE, FAILED, INTERRUPTED = 0, 2, 100, 130


def main(arguments: list[str] | None = None) -> int:
    """Run one command and give its exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _parser(arguments[:1]).parse_args(arguments)
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
    check = commands.add_parser(
        "check",
        help="judge JSONL files and print every finding",
        description="Judge each row of each FILE, and the files together: doubles, ids, people that two files share.",
        epilog="Exit codes: 0 no error, 2 misuse or a file that cannot be read, 100 at least one error in the data.",
    )
    check.add_argument("files", nargs="+", metavar="FILE", help="JSONL, one conversation a line")
    check.add_argument("--format", choices=("text", "json", "github"), default="text", help="default: text")
    check.add_argument("--json", action="store_const", const="json", dest="format", help="the same as --format json")
    check.add_argument(
        "--limit", type=_count, metavar="N", help="print at most N findings (text, github); all are counted"
    )
    check.add_argument(
        "--tools", metavar="FILE.json", help="a JSON list of functions, for rows that make calls but declare no tools"
    )
    quotas = check.add_argument_group("quotas of the first FILE, the one to train on")
    quotas.add_argument("--min-rows", type=_count, default=0, metavar="N", help="rows in all")
    quotas.add_argument("--min-each", type=_count, default=0, metavar="N", help="rows of each category")
    quotas.add_argument(
        "--min-calls", type=_count, default=0, metavar="N", help="rows with a call, its result, an answer"
    )
    quotas.add_argument("--min-edge", type=_count, default=0, metavar="N", help="rows of category edge_cases")
    check.set_defaults(run=_check)
    codes = commands.add_parser(
        "codes", help="print the table of all codes", description="Print every code as Markdown."
    )
    codes.set_defaults(run=_codes)
    shown = commands.add_parser(
        "masks",
        help="show which words a config would train (trainer's environment)",
        description="Run Axolotl's own preprocessing on FILE and show which words CONFIG would train.",
        epilog="Exit codes: 0 every row trains something, 2 misuse, 100 a row was lost or trains nothing.",
    )
    if command == ["masks"]:
        from validators import masks

        masks.add_arguments(shown)
        shown.set_defaults(run=masks.main)
    return parser


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number, 0 or more")
    return int(text)


def _check(options: argparse.Namespace) -> int:
    from validators.check import Minimums, check_files
    from validators.finding import as_json

    minimums = Minimums(options.min_rows, options.min_each, options.min_calls, options.min_edge)
    report = check_files(options.files, minimums, _read_tools(options.tools) if options.tools else None)
    if options.format == "json":
        print(as_json(report.rows, report.findings, report.summary))
    else:
        _print_findings(report, options.format, options.limit)
    sys.stdout.flush()
    return FAILED if report.failed else CLEAN


def _read_tools(path: str) -> str:
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
    if limit is not None and len(report.findings) > limit:
        print(f"... and {len(report.findings) - limit} more (--limit {limit})")
    counts = ", ".join(f"{number} {code}" for code, number in report.summary["codes"].items())
    verdict = f"{report.summary['errors']} errors, {report.summary['warnings']} warnings"
    print(f"{report.rows} rows: {verdict}{f' ({counts})' if counts else ''}")


def _codes(options: argparse.Namespace) -> int:
    from validators.finding import table

    print(table())
    return CLEAN


if __name__ == "__main__":
    sys.exit(main())
