"""The act probe: what it reads of a conversation, what it learns, what it says about contradictions and bad files."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sklearn")

from datagen.decisions import labels, situations
from datagen.errors import PackError
from datagen.pack import load_pack
from datagen.probe import probe, probe_on, read_questions
from datagen.probe_figures import told

ROOT = Path(__file__).parent.parent
CASES = ROOT / "tests/cases/probe.jsonl"


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """A folder with the invented insurer's pack and 400 rows of it."""
    folder = tmp_path_factory.mktemp("probe")
    for name in ("_ptbr", "plano_aurora"):
        shutil.copytree(ROOT / "tests/packs" / name, folder / "templates" / name)
    done = command(folder, "render", "--rows", "400")
    assert done.returncode == 0, done.stderr
    return folder


def command(folder: Path, verb: str, *arguments: str) -> subprocess.CompletedProcess:
    line = [sys.executable, "-m", "datagen", verb, "--pack", "plano_aurora", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


def pack_of(folder: Path):
    return load_pack(folder / "templates/plano_aurora")


@pytest.fixture
def dataset(rendered, tmp_path):
    """A copy of the dataset that a test may change."""
    return Path(shutil.copytree(rendered / "data/plano_aurora", tmp_path / "dataset"))


def test_the_same_dataset_gives_the_same_figures(rendered, dataset):
    pack = pack_of(rendered)
    first = probe(dataset, pack)
    assert json.loads((dataset / "probe.json").read_text()) == first
    assert probe(dataset, pack) == first
    assert set(first["splits"]) == {"test_unseen", "eval", "test"}
    scores = first["splits"]["test"]
    assert scores["accuracy"] > 0.8
    assert scores["decisions"] == sum(found["decisions"] for found in scores["by_kind"].values())
    assert sum(m["times"] for m in scores["mistakes"]) == sum(c["count"] for c in scores["confusions"])
    assert first["contradictions"] == []


def test_without_kinds_each_act_is_its_own_kind_and_consulting_is_a_call(rendered, dataset):
    kinds = probe(dataset, pack_of(rendered))["train"]["kinds"]
    assert {"call", "greet_back", "ask_birth_date"} <= set(kinds)
    acts = ["user.ask", "consult.client:active", "assistant.answer_fact:phone"]
    assert labels(acts, lambda name: None) == [
        ("consult.client:active", "call"),
        ("assistant.answer_fact:phone", "answer_fact"),
    ]


def test_an_act_that_no_kind_names_is_told(rendered, dataset, tmp_path):
    shutil.copytree(rendered / "templates", tmp_path / "templates")
    (tmp_path / "templates/plano_aurora/kinds.yaml").write_text("ask: [ask_*]\nclose: [close]\n")
    figures = probe(dataset, load_pack(tmp_path / "templates/plano_aurora"))
    assert "ask" in figures["train"]["kinds"] and "ask_both" not in figures["train"]["kinds"]
    assert "greet_back" in figures["without_kind"] and "ask_both" not in figures["without_kind"]


def test_a_planted_contradiction_is_found(rendered, dataset):
    said = {"ask_both": ("Ana Lima", "529.982.247-25"), "greet_back": ("Rui Dantas Melo", "168.995.350-09")}
    with (dataset / "train.jsonl").open("a") as train, (dataset / "provenance.jsonl").open("a") as side_car:
        for number, (act, (name, cpf)) in enumerate(said.items()):
            user = {"role": "user", "content": f"sou {name}, cpf {cpf}, e gosto de jabuticaba"}
            messages = [user, {"role": "assistant", "content": "Certo."}]
            row = {"id": f"planted-{number}", "category": "greetings", "messages": messages}
            train.write(json.dumps(row) + "\n")
            provenance = {"id": row["id"], "acts": ["user.say", f"assistant.{act}"], "before_noise": [None, None]}
            provenance |= {
                "lines": [f"a.yaml:{number + 1}", f"b.yaml:{number + 1}"],
                "people": {"client": {"name": name}},
            }
            side_car.write(json.dumps(provenance) + "\n")
    pack = pack_of(rendered)
    figures = probe(dataset, pack)
    (found,) = figures["contradictions"]
    assert [(kind["kind"], kind["row"], kind["place"], kind["answer"]) for kind in found["kinds"]] == [
        ("ask_both", "planted-0", "a.yaml:1", "b.yaml:1"),
        ("greet_back", "planted-1", "a.yaml:2", "b.yaml:2"),
    ]
    lines = list(told(figures, pack, 5))
    assert any("1 contexts are alike" in line for line in lines) and any("jabuticaba" in line for line in lines)


def test_the_command_prints_the_goal_and_ends_well(rendered):
    done = command(rendered, "probe")
    assert done.returncode == 0, done.stderr
    assert "test_unseen: " in done.stdout and "goal 95.0%" in done.stdout and "kinds.yaml" in done.stdout
    assert (rendered / "data/plano_aurora/probe.json").is_file()


def test_a_file_of_questions_is_asked(rendered, tmp_path):
    asked = tmp_path / "asked.jsonl"
    questions = [
        ("greet_back", [("user", "Bom dia, tudo bem?")]),
        ("ask_birth_date", [("user", "meu cpf é 529.982.247-25, meu plano tá ativo?")]),
        ("close", [("user", "Bom dia, tudo bem?")]),
    ]
    lines = [{"messages": [{"role": r, "content": c} for r, c in said], "act": act} for act, said in questions]
    asked.write_text("\n".join(map(json.dumps, lines)) + "\n\n")
    scores = probe_on(asked, rendered / "data/plano_aurora", pack_of(rendered))
    assert scores["decisions"] == 3 and scores["accuracy"] == pytest.approx(2 / 3, abs=1e-3)
    (mistake,) = scores["mistakes"]
    assert (mistake["place"], mistake["expected"], mistake["predicted"]) == (f"{asked}:3", "close", "greet_back")


@pytest.mark.parametrize(
    "line, message",
    [
        ("{", "is no JSON"),
        ("[]", "needs `messages`, a list, and `act`, a text"),
        ('{"messages": [], "act": "call"}', "must end with a user or a tool message"),
        ('{"messages": [{"role": "assistant", "content": "Oi"}], "act": "call"}', "must end with a user or a tool message"),
        ('{"messages": [{"role": "boss", "content": "Oi"}], "act": "call"}', "messages[0] needs a `role`"),
        ('{"messages": [{"role": "user", "content": null}], "act": "call"}', "messages[0] needs `content`"),
        ('{"messages": [{"role": "user", "content": "Oi"}], "act": "dance"}', "train knows no act 'dance'; it has ask_both"),
    ],
)  # fmt: skip
def test_a_bad_line_is_told_with_its_place(line, message, tmp_path):
    asked = tmp_path / "asked.jsonl"
    asked.write_text('{"messages": [{"role": "user", "content": "Oi"}], "act": "call"}\n' + line + "\n")
    pack = load_pack(ROOT / "tests/packs/plano_aurora")
    with pytest.raises(PackError) as error:
        read_questions(asked, pack, {"call", "ask_both"})
    (problem,) = error.value.problems
    assert problem.place == f"{asked}:2" and message in problem.message


def test_the_command_ends_with_2_on_misuse(rendered, tmp_path):
    asked = tmp_path / "asked.jsonl"
    asked.write_text("{\n")
    for arguments, message in (
        (("--on", str(asked)), f"{asked}:1: is no JSON"),
        (("--on", str(tmp_path / "none.jsonl")), "cannot be read"),
        (("--out", str(tmp_path)), "make dataset"),
    ):
        done = command(rendered, "probe", *arguments)
        assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr


def test_the_questions_of_the_first_pack_reach_every_kind():
    pack = load_pack(ROOT / "templates/unimed_natal")
    kinds = {*pack.kinds, "call"}
    questions = read_questions(CASES, pack, kinds)
    assert len(questions) >= 40 and {question.kind for question in questions} == kinds


@pytest.mark.parametrize(
    "said, tokens",
    [
        (["cpf 529.982.247-25"], {"given:whole,none", "turn:1", "last:user", "calls:0"}),
        (["529.982.24", "7-25"], {"given:whole,none"}),
        (["nasci em 31/02/1980"], {"given:none,part", "date:invalid:there_is_no_such_day"}),
        (["cpf 5299822472", "10/05/1980"], {"given:part,whole", "cpf:partial:10_digits", "date:resolved:"}),
        (["cpf 529.982.247-25 ou 168.995.350-09"], {"cpfs:2"}),
    ],
)
def test_the_state_says_what_was_given(said, tokens):
    ((index, situation),) = situations([{"role": "user", "content": text} for text in said])
    assert index == len(said) and tokens <= set(situation.state.split())
    assert not any(character in "123456789" for character in situation.words)


def test_the_state_says_whether_the_tool_found_anything():
    messages = [
        {"role": "user", "content": "meu plano tá ativo?"},
        {"role": "assistant", "content": None, "tool_calls": [{}]},
        {"role": "tool", "content": '{"sucesso": false, "codigo": "NAO_ENCONTRADO"}'},
        {"role": "assistant", "content": "Não encontrei."},
        {"role": "user", "content": "e agora?"},
    ]
    states = [set(situation.state.split()) for _, situation in situations(messages)]
    assert {"nothing", "tool:nao_encontrado", "last:tool", "calls:1"} <= states[1]
    assert {"earlier:nothing", "last:user"} <= states[2] and "nothing" not in states[2]
