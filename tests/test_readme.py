"""What the README prints is what the programs print; `UPDATE_README=1 make test` writes it anew."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"


def test_the_sample_conversation_is_what_preview_prints():
    command = [sys.executable, "-m", "datagen", "preview", "--category", "tool_calls", "--n", "1"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.rstrip()
    block = f"<!-- sample -->\n\n```\n{printed}\n```\n"
    text = README.read_text(encoding="utf-8")
    if os.environ.get("UPDATE_README"):
        text = re.sub(r"<!-- sample -->\n(\n```\n.*?```\n)?", lambda _: block, text, count=1, flags=re.S)
        README.write_text(text, encoding="utf-8")
    assert block in text


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
