"""What the README prints is what the programs print; `UPDATE_README=1 make test` writes it anew."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"


def keep_in_step(mark: str, printed: str) -> None:
    """What stands in the README behind `<!-- mark -->` must be `printed`; UPDATE_README=1 puts it there."""
    text = README.read_text(encoding="utf-8")
    block = f"<!-- {mark} -->\n\n{printed}\n\n<!-- /{mark} -->"
    if os.environ.get("UPDATE_README"):
        text = re.sub(rf"<!-- {mark} -->\n.*?<!-- /{mark} -->", lambda _: block, text, count=1, flags=re.S)
        README.write_text(text, encoding="utf-8")
    assert block in text, f"UPDATE_README=1 make test writes <!-- {mark} --> anew"


def test_the_sample_conversation_is_what_preview_prints():
    command = [sys.executable, "-m", "datagen", "preview", "--category", "tool_calls", "--n", "1"]
    environment = {**os.environ, "COLUMNS": "80"}
    printed = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout
    lines = "\n".join(line.rstrip() for line in printed.rstrip().splitlines())
    keep_in_step("sample", f"```\n{lines}\n```")


def test_the_figures_are_those_of_the_report(full_dataset, full_report):
    card = (full_dataset / "README.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"(\| figure \|.*?)\n\n", card, flags=re.S)
    keep_in_step("figures", table)


def test_the_reading_is_that_of_the_card(full_dataset, full_report):
    card = (full_dataset / "README.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"## Read by people\n\n(.*?)\n\n##", card, flags=re.S)
    keep_in_step("reading", text)


def test_the_readme_names_the_targets_of_the_makefile_and_no_others():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):.*## ", makefile, flags=re.M)) - {"help"}
    table = README.read_text(encoding="utf-8").partition("## The targets")[2].partition("Variables:")[0]
    assert targets == set(re.findall(r"`make ([a-z]+)", table))


def test_bare_make_explains_every_target():
    printed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in "help setup dataset lint check preview configs preflight train test clean".split():
        assert re.search(rf"^  make {target} +\S", printed, flags=re.M), target
    for variable in "PACK ROWS SEED OUT CONFIG ADAPTER RANK ALPHA".split():
        assert f"{variable}=" in printed


def test_local_links_lead_somewhere():
    for page in (README, ROOT / "templates/README.md"):
        for link in re.findall(r"\]\((?!http)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), link
