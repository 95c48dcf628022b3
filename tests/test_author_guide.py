"""Every example in the author's guide works as it is written."""

import re
import shutil
from pathlib import Path

import pytest

from datagen.lint import lint
from datagen.pack import load_pack

ROOT = Path(__file__).parent.parent
GUIDE = (ROOT / "templates/README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"\*\*`([\w/.]+)`\*\*([^\n]*)\n+```\w*\n(.*?)```", GUIDE, flags=re.S)


@pytest.mark.parametrize("pack", ["unimed_natal", "plano_sol"])
def test_a_pack_with_the_examples_of_the_guide_is_sound(tmp_path, pack):
    shutil.copytree(ROOT / "templates", tmp_path / "templates")
    examples = [example for example in EXAMPLES if example[0].startswith(f"{pack}/")]
    assert len(examples) >= 5
    for name, remark, text in examples:
        path = tmp_path / "templates" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_text(encoding="utf-8") if "no fim" in remark else ""
        path.write_text(before + text, encoding="utf-8")
    problems, _ = lint(load_pack(tmp_path / "templates" / pack))
    assert not problems, "\n".join(map(str, problems))
