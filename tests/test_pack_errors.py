"""Every mistake an author makes is told with file, line, cause and remedy, before anything is rendered."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from datagen.errors import PackError
from datagen.lint import lint
from datagen.pack import load_pack

ROOT = Path(__file__).parent.parent
HELLO = "flows/greetings/hello.yaml"
EMERGENCY = "flows/edge_cases/emergency.yaml"
AT_ONCE = "flows/tool_calls/at_once.yaml"


@pytest.fixture
def pack(tmp_path):
    """A copy of the invented insurer's pack that a test may break."""
    shutil.copytree(ROOT / "tests/packs/_ptbr", tmp_path / "templates/_ptbr")
    return shutil.copytree(ROOT / "tests/packs/plano_aurora", tmp_path / "templates/plano_aurora")


def problems_of(pack: Path) -> str:
    try:
        problems, _ = lint(load_pack(pack))
    except PackError as error:
        problems = error.problems
    return "\n".join(map(str, problems))


def test_the_sound_pack_has_no_problem(pack):
    assert problems_of(pack) == ""


BREAKAGES = [
    # name, file, text to replace, replacement, what the message must hold
    ("unknown key", "pack.yaml", "title: Plano Aurora", "titel: Plano Aurora", ["pack.yaml:2", "titel: unknown key"]),
    ("missing key", "pack.yaml", "title: Plano Aurora\n", "", ["pack.yaml:1", "title: is missing"]),
    ("other name", "pack.yaml", "name: plano_aurora", "name: aurora", ["pack.yaml:1", "plano_aurora"]),
    ("unknown category", "pack.yaml", "greetings: 1", "greeting: 1", ["pack.yaml:4", "greeting"]),
    ("number as text", "acts/acts.yaml", '"valeu"', "52998224725", ["acts.yaml:2", "double quotes"]),
    ("empty text", "acts/acts.yaml", '"valeu"', '""', ["acts.yaml:2", "empty"]),
    ("unquoted braces", HELLO, '["{{ opening }}", ', "[{{ opening }}, ", ["hello.yaml:4", "double quotes"]),
    ("colon in a text", HELLO, "summary: O cliente cumprimenta.", "summary: O cliente: cumprimenta.", ["hello.yaml:1", "quote"]),
    ("key twice", HELLO, "steps:", "steps: []\nsteps:", ["hello.yaml:3", "twice"]),
    ("no step", HELLO, "  - follow: thanks_and_close", "  - folow: thanks_and_close", ["hello.yaml:7", "begins with one of"]),
    ("wrong type", HELLO, "summary:", "weight: many\nsummary:", ["hello.yaml:1", "weight"]),
    ("undeclared variable", HELLO, "{{ politeness }}", "{{ politness }}", ["hello.yaml:4", "politness", "did you mean 'politeness'"]),
    ("template syntax", HELLO, "{{ politeness }}", "{{ politeness }", ["hello.yaml:4", "template"]),
    ("unknown filter", HELLO, "{{ politeness }}", "{{ politeness | lowre }}", ["hello.yaml:4", "lowre"]),
    ("unknown act", HELLO, "- follow: thanks_and_close", "- user: thank", ["hello.yaml:7", "did you mean 'thanks'"]),
    ("unknown fragment", HELLO, "thanks_and_close", "thanks_close", ["hello.yaml:7", "did you mean 'thanks_and_close'"]),
    ("ends on the customer", HELLO, "  - follow: thanks_and_close", "  - user: thanks", ["hello.yaml", "end every branch"]),
    ("attendant twice", HELLO, "  - follow: thanks_and_close", "  - assistant: close", ["hello.yaml:7", "twice in a row"]),
    ("variant of a CPF", "flows/edge_cases/ten_digits.yaml", "{{ cpf.short }}", "{{ cpf.shrt }}", ["ten_digits.yaml:5", "did you mean 'short'"]),
    ("result before a consult", HELLO, "Em que posso ajudar?", "{{ result.plan }}", ["hello.yaml:6", "no consult has found"]),
    ("answer of no fact", HELLO, "Em que posso ajudar?", "{{ answer }}", ["hello.yaml:6", "without a fact"]),
    ("relative without one", AT_ONCE, "relative: [mãe, pai]\n", "", ["at_once.yaml", "relative"]),
    ("unknown kinship", AT_ONCE, "relative: [mãe, pai]", "relative: [mãee]", ["at_once.yaml:2", "mãee"]),
    ("ages the wrong way round", HELLO, "summary:", "age: [60, 18]\nsummary:", ["hello.yaml:1", "the younger first"]),
    ("unknown gender", HELLO, "summary:", "gender: x\nsummary:", ["hello.yaml:1", "gender"]),
    ("unknown answer", AT_ONCE, "answers: [found, down]", "answers: [found, dwn]", ["at_once.yaml", "did you mean 'down'"]),
    ("branch missing", AT_ONCE, "      not_found: [{assistant: neutral}]\n", "", ["at_once.yaml", "no branch for not_found"]),
    ("no words on a path nobody takes", AT_ONCE, "      not_found: [{assistant: neutral}]\n", "      not_found: [{assistant: neutral}]\n      busy: [{assistant: neutrall}]\n", ["at_once.yaml:", "did you mean 'neutral'"]),
    ("unknown fact", "flows/facts/question.yaml", "fact: unknown", "fact: garage", ["question.yaml:11", "garage"]),
    ("unconfirmed fact", "facts.yaml", "source: law\n  confirmed: true", "source: owner\n  confirmed: false", []),
    ("record field", "tools.yaml", "{{ record.plan }}", "{{ record.plano }}", ["tools.yaml", "plano", "did you mean 'plan'"]),
    ("same text twice", "acts/acts.yaml", '"Imagina! Qualquer coisa é só chamar."', '"Por nada!"', ["acts.yaml:6", "same text"]),
    ("slot of a slot", "slots.yaml", '"se puder"', '"{{ politeness }} mesmo"', ["slots.yaml:2", "contains itself"]),
    ("no such kind of draw", "tools.yaml", "{days: [2, 25]}", "{dayz: [2, 25]}", ["tools.yaml:16", "dayz"]),
    ("consult without a CPF", "flows/tool_calls/at_once.yaml", "{{ relative.cpf }}", "12", ["at_once.yaml:", "nobody has told the CPF", "{{ relative.cpf }}"]),
    ("consult without a date", "flows/edge_cases/ten_digits.yaml", " e nasci em {{ birth_date }}", "", ["ten_digits.yaml:13", "nobody has told the birth date"]),
    ("flow that does not exist", "pack.yaml", "unseen_percent: 15", "unseen_percent: 15, unseen_flows: [greetings/helo]", ["pack.yaml:", "did you mean 'greetings/hello'"]),
    ("rule nobody can check", EMERGENCY, "must: [send_to_192_first]", "must: [send_to_193_first]", ["emergency.yaml:2", "did you mean 'send_to_192_first'"]),
    ("code twice", EMERGENCY, "bleeding:", "cpf_ten_digits:", ["code 'cpf_ten_digits' also stands at"]),
    ("words for no step", EMERGENCY, "      send_to_samu:", "      send_to_sam:", ["emergency.yaml:13", "did you mean 'send_to_samu'"]),
    ("edge case without a code", "flows/edge_cases/ten_digits.yaml", "code: cpf_ten_digits\n", "", ["ten_digits.yaml", "without a code"]),
    ("contrast without its edit", "contrasts/digits.yaml", "cpf {{ edit }}, nasci", "cpf, nasci", ["digits.yaml:4", "{{ edit }} is not in"]),
    ("contrast of one way", "contrasts/digits.yaml", "  user: give_everything", "  uzer: give_everything", ["digits.yaml:3", "unknown key"]),
    ("unknown dial", "../_ptbr/noise.yaml", "abbreviations:", "registers: {hurried: {weight: 1, dials: {lowercaze: 9}}}\nabbreviations:", ["noise.yaml:1", "there is no dial 'lowercaze'"]),
    ("category without flows", "flows/greetings/hello.yaml", None, None, ["greetings", "has a share but no flow"]),
    ("missing file", "tools.yaml", None, None, ["tools.yaml", "file not found"]),
]  # fmt: skip


@pytest.mark.parametrize("file, old, new, told", [case[1:] for case in BREAKAGES], ids=[case[0] for case in BREAKAGES])
def test_a_broken_pack_is_told_with_line_and_remedy(pack, file, old, new, told):
    path = pack / file
    if old is None:
        path.unlink()
    else:
        source = path.read_text(encoding="utf-8")
        assert old in source, "the breakage must break something"
        path.write_text(source.replace(old, new, 1), encoding="utf-8")
    message = problems_of(pack)
    for part in told:
        assert part in message
    if told:
        assert "fix: " in message


@pytest.mark.parametrize("text", ["no", "12:30", "2024-01-01", "yes", "on"])
def test_words_that_yaml_is_known_to_misread_are_texts(pack, text):
    path = pack / "acts/acts.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace('"valeu"', text, 1), encoding="utf-8")
    assert problems_of(pack) == ""
    assert (text,) in load_pack(pack).acts["user", "thanks"]


def test_a_fact_that_its_owner_has_not_confirmed_is_not_said(pack):
    path = pack / "facts.yaml"
    path.write_text(path.read_text().replace("source: law\n  confirmed: true", "source: owner\n  confirmed: false"))
    facts = load_pack(pack)
    notes = list(lint(facts)[1])
    assert any("'emergency'" in note and "not said until confirmed" in note for note in notes)
    assert any("'phone'" in note and "it is said" in note for note in notes)


def test_an_act_that_nobody_uses_is_noted_and_stops_nothing(pack):
    path = pack / "acts/acts.yaml"
    path.write_text(path.read_text().replace("  neutral:", '  lonely: ["Oi."]\n  neutral:'))
    problems, notes = lint(load_pack(pack))
    assert not problems and any("acts.yaml:7" in note and "no flow uses it" in note for note in notes)


def run(cwd: Path, *arguments: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=cwd, env=environment, capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize(
    "arguments, told",
    [
        (["lint", "--pack", "plano_arora"], "did you mean 'plano_aurora'"),
        (["render", "--pack", "plano_aurora", "--rows", "many"], "not a whole number"),
        (["render", "--pack", "plano_aurora", "--rows", "0"], "at least 1"),
        (["render", "--pack", "plano_aurora", "--seed", "x"], "not a whole number"),
        (["render", "--pack", "plano_aurora", "--rows", "90000"], "flows can make only"),
        (["preview", "--pack", "plano_aurora", "--category", "greeting"], "is no category"),
        (["preview", "--pack", "plano_aurora", "--flow", "nedd"], "did you mean 'need'"),
        (["rendr"], "invalid choice"),
        ([], "required"),
    ],
)
def test_misuse_exits_with_2_and_one_clear_message(pack, arguments, told):
    done = run(pack.parent.parent, "datagen", *arguments)
    assert done.returncode == 2
    assert told in done.stderr and "Traceback" not in done.stderr
    assert not (pack.parent.parent / "data").exists(), "nothing half written"


def test_a_flow_that_cannot_fill_its_quota_is_named_with_its_capacity(pack):
    done = run(pack.parent.parent, "datagen", "render", "--pack", "plano_aurora", "--rows", "90000")
    assert "missing_data/need" in done.stderr and "rows wanted" in done.stderr


def test_help_of_every_verb():
    for verb in ([], ["lint"], ["render"], ["preview"]):
        done = run(ROOT, "datagen", *verb, "--help")
        assert done.returncode == 0 and "usage: python -m datagen" in done.stdout
