"""Command line of the generator.

    python -m datagen lint|render|preview|report|diff|probe --help

Exit codes: 0 clean, 1 crashed, 2 misuse or a wrong pack, 100 the rendered rows failed the judge or a
gate of the report, 130 interrupted.
"""

from __future__ import annotations

import argparse
import gc
import signal
import sys
from pathlib import Path


def main(argv: list[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    arguments = _parser().parse_args(argv)
    gc.set_threshold(200_000, 50, 50)  # templates and rows are trees: the collector would look through them for nothing
    from datagen.errors import PackError

    try:
        return arguments.run(arguments)
    except PackError as error:
        print(error, file=sys.stderr)
        return 2
    except BrokenPipeError:
        return 0
    except KeyboardInterrupt:
        print("interrupted; nothing was changed", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m datagen", description="Renders conversation templates into rows.")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    for run, text in ((_lint, "prove a pack sound"), (_render, "make a dataset"), (_preview, "show conversations")):
        verb = verbs.add_parser(run.__name__.strip("_"), help=text, description=text)
        verb.add_argument("--pack", default="unimed_natal", help="folder under templates/ (default: %(default)s)")
        verb.add_argument("--allow-unconfirmed", action="store_true", help="say facts that the owner has not confirmed")
        verb.set_defaults(run=run)
        if run is not _lint:
            verb.add_argument(
                "--rows", type=_whole(1), default=12_000, help="rows of all splits (default: %(default)s)"
            )
            verb.add_argument("--seed", type=_whole(0), default=7, help="default: %(default)s")
        if run is _render:
            verb.add_argument("--out", type=Path, help="folder of the dataset (default: data/<pack>)")
            verb.add_argument("--workers", type=_whole(0), default=0, help="processes; 0: one per core")
            verb.add_argument("--force", action="store_true", help="render again even if nothing changed")
        if run is _preview:
            which = verb.add_mutually_exclusive_group()
            which.add_argument("--category", help="one category (default: all)")
            which.add_argument("--flow", help="one flow, by its file or its code")
            verb.add_argument("--n", type=_whole(1), default=3, help="how many (default: %(default)s)")
    _add_report(verbs)
    _add_probe(verbs)
    return parser


def _add_report(verbs: argparse._SubParsersAction) -> None:
    text = "measure a dataset against gates and goals; writes report.json and the dataset card"
    verb = verbs.add_parser("report", help=text, description=text)
    verb.add_argument("--out", type=Path, default=Path("data/unimed_natal"), help="its folder (default: %(default)s)")
    verb.set_defaults(run=_report)
    text = "compare two datasets"
    verb = verbs.add_parser("diff", help=text, description=text)
    verb.add_argument("before", type=Path, metavar="A", help="folder of the one")
    verb.add_argument("after", type=Path, metavar="B", help="folder of the other")
    verb.set_defaults(run=_diff)
    for name in ("report", "diff"):
        verbs.choices[name].add_argument("--packs", type=Path, default=Path("templates"), help="folder of the packs")


def _add_probe(verbs: argparse._SubParsersAction) -> None:
    text = "let a plain classifier learn which act comes next, and show what it cannot learn; writes probe.json"
    verb = verbs.add_parser("probe", help=text, description=text)
    verb.add_argument("--pack", default="unimed_natal", help="folder under templates/ (default: %(default)s)")
    verb.add_argument("--out", type=Path, help="folder of the dataset (default: data/<pack>)")
    verb.add_argument("--on", type=Path, metavar="FILE", help='ask about its lines: {"messages": [...], "act": "..."}')
    verb.add_argument("--n", type=_whole(1), default=20, help="mistakes to show (default: %(default)s)")
    verb.set_defaults(run=_probe)


def _whole(least: int):
    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"'{text}' is not a whole number") from None
        if number < least:
            raise argparse.ArgumentTypeError(f"must be at least {least}")
        return number

    return parse


def _lint(arguments: argparse.Namespace) -> int:
    from datagen.capacity import capacity_lines
    from datagen.errors import PackError
    from datagen.lint import lint
    from datagen.pack import find_pack, load_pack

    pack = load_pack(find_pack(arguments.pack))
    problems, notes = lint(pack, arguments.allow_unconfirmed)
    for note in notes:
        print(f"note: {note}")
    if problems:
        raise PackError(*problems)
    print("distinct conversations that can be made:")
    for line in capacity_lines(pack, arguments.allow_unconfirmed):
        print(f"  {line}")
    wordings = sum(map(len, pack.acts.values()))
    print(f"{arguments.pack}: {len(pack.flows)} flows, {wordings} shared wordings, {len(pack.facts)} facts: sound")
    return 0


def _render(arguments: argparse.Namespace) -> int:
    from rich.console import Console

    from datagen.pack import find_pack
    from datagen.workshop import Settings
    from datagen.writer import JudgedBad, die_of_signal, is_current, read_manifest, render, summary_lines

    signal.signal(signal.SIGTERM, die_of_signal)
    settings = Settings(
        pack=find_pack(arguments.pack),
        rows=arguments.rows,
        seed=arguments.seed,
        out=arguments.out or Path("data") / arguments.pack,
        allow_unconfirmed=arguments.allow_unconfirmed,
        workers=arguments.workers,
    )
    if not arguments.force and is_current(settings):
        print(f"{settings.out}: up to date ({read_manifest(settings.out)['rows']} rows)")
        return 0
    try:
        manifest = render(settings, Console(stderr=True))
    except JudgedBad as bad:
        print(*bad.args, sep="\n", file=sys.stderr)
        print(f"{len(bad.args)} findings in rendered rows: mend these templates; nothing was written", file=sys.stderr)
        return 100
    print(*summary_lines(manifest, settings.out), sep="\n")
    return 0


def _preview(arguments: argparse.Namespace) -> int:
    from rich.console import Console

    from datagen.pack import find_pack
    from datagen.preview import preview
    from datagen.workshop import Settings

    settings = Settings(find_pack(arguments.pack), arguments.rows, arguments.seed, Path(), arguments.allow_unconfirmed)
    preview(settings, arguments.category, arguments.flow, arguments.n, Console())
    return 0


def _report(arguments: argparse.Namespace) -> int:
    from rich.console import Console

    from datagen.report import report

    failed = report(arguments.out, arguments.packs, Console())
    if failed:
        print(f"{len(failed)} gates failed: {', '.join(failed)}", file=sys.stderr)
        return 100
    return 0


def _diff(arguments: argparse.Namespace) -> int:
    from rich.console import Console

    from datagen.diff import diff

    diff(arguments.before, arguments.after, arguments.packs, Console())
    return 0


def _probe(arguments: argparse.Namespace) -> int:
    from datagen.pack import find_pack, load_pack
    from datagen.probe import probe, probe_on
    from datagen.probe_figures import shares_line, told, told_score

    pack = load_pack(find_pack(arguments.pack))
    out = arguments.out or Path("data") / arguments.pack
    if arguments.on:
        scores = probe_on(arguments.on, out, pack)
        print(f"{arguments.on}: {shares_line(scores)}")
        print(*told_score(scores, arguments.n, arguments.on.name), sep="\n")
    else:
        print(*told(probe(out, pack), pack, arguments.n), sep="\n")
        print(f"all of them: {out}/probe.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
