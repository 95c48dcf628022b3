"""The report: every figure on datasets made by hand, then the commands on a rendered one."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from datagen import counts, figures, heatmap
from datagen.dataset import Dataset
from datagen.diff import diff_of, lines_missing
from datagen.measures import MEASURES, YARDSTICKS, shown
from datagen.pack import load_pack
from datagen.workshop import Settings
from datagen.writer import is_current
from validators.diversity import entropy

ROOT = Path(__file__).parent.parent
PACKS = ROOT / "tests/packs"


# ---------------------------------------------------------------------- datasets made by hand


def call(number: int, cpf: str = "52998224725", date: str = "19800201") -> list[dict]:
    arguments = json.dumps({"cpf": cpf, "data_nascimento": date})
    function = {"name": "consult", "arguments": arguments}
    return [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": f"call_{number}", "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": f"call_{number}", "content": '{"status": "ok"}'},
    ]


def says(role: str, text: str) -> dict:
    return {"role": role, "content": text}


def dataset(*rows: tuple, sha: str = "a") -> Dataset:
    """Rows as (split, category, messages, what is special in the provenance)."""
    data, provenance = [], []
    for number, (split, category, messages, special) in enumerate(rows):
        data.append({"id": str(number), "category": category, "messages": messages})
        made = {
            "id": str(number),
            "split": split,
            "flow": f"{category}/only",
            "code": None,
            "group": None,
            "context": "none",
            "acts": [],
            "people": {},
            "shape": "compact",
            "lines": [f"acts.yaml:{at}" for at in range(len(messages))],
            "before_noise": [None] * len(messages),
            "register": "neutral",
            "noise": [],
        }
        provenance.append(made | special)
    return Dataset(Path("nowhere"), {"pack_sha256": sha, "files": {}}, data, provenance)


def plain(text: str, split: str = "train", **special) -> tuple:
    return split, "greetings", [says("user", text), says("assistant", "Oi.")], special


def person(name: str, cpf: str, birth_date: str) -> dict:
    return {"people": {"client": {"name": name, "cpf": cpf, "birth_date": birth_date}}}


def test_conversations_repeat_when_words_and_calls_are_the_same_whatever_system_and_ids():
    first = [says("system", "A"), says("user", "Oi"), *call(1)]
    second = [says("user", "Oi"), *call(2)]
    third = [says("user", "Oi"), *call(1, cpf="11144477735")]
    for messages in (first, second, third):
        messages[-1]["tool_call_id"] = "any"
    found = [figures.conversation({"messages": messages}) for messages in (first, second, third)]
    assert found[0] == found[1] != found[2]
    assert figures.repeated(found) == 1


def test_words_are_those_before_noise_with_people_masked():
    special = {"before_noise": ["Oi, sou Ana Lima, CPF 529.982.247-25", None], **person("Ana Lima", "1", "1980-02-01")}
    read = dataset(("train", "greetings", [says("user", "oi so ana"), says("assistant", "Oi, Ana!")], special))
    assert read.masked == {"user": [["oi sou nome cpf 0"]], "assistant": [["oi nome"]]}
    assert read.conversations == ["oi sou nome cpf 0 oi nome"]
    assert read.raw("user") == ["oi so ana"]


def test_act_sequences_do_not_tell_facts_apart_but_tool_answers():
    asks = {"acts": ["user.ask_fact:phone", "consult.client:active"]}
    assert figures.act_sequence(asks) == ("user.ask_fact", "consult.client:active")
    assert figures.sequence_shares([("a",), ("a",), ("b",), ("c",)]) == (3 / 4, 2 / 4)


@pytest.mark.parametrize(
    ("said", "not_literal", "ungrounded"),
    [
        ("52998224725, 01/02/1980", [False, True], 0),
        ("CPF 529.982.247-25, nasci em 19800201", [True, False], 0),
        ("CPF 529.982.247-25, nasci em 1 de fevereiro de 1980", [True, True], 0),
        ("CPF 529.982.247-25", [True, True], 1),
        ("quero ver meu plano", [True, True], 2),
    ],
)
def test_arguments_are_grounded_and_their_form_is_told(said, not_literal, ungrounded):
    row = {
        "messages": [says("user", said), *call(1), says("assistant", "Ativo."), says("user", "52998224725 19800201")]
    }
    assert [value not in heard for value, heard in figures.arguments_heard(row)] == not_literal
    assert figures.ungrounded([row]) == ungrounded


def test_quota_is_held_in_every_split():
    pack = SimpleNamespace(config=SimpleNamespace(categories={"greetings": 1, "facts": 1, "tool_calls": 0}))
    rows = [plain("a"), ("train", "facts", [says("user", "b")], {})]
    assert figures.off_quota(dataset(*rows), pack) == 0
    assert figures.off_quota(dataset(*rows, plain("c", "test"), plain("d", "test")), pack) == 1


def test_entropy_counts_flows_without_rows_and_leaves_groups_out():
    flows = [SimpleNamespace(id=name) for name in ("a", "b", "c", "exam")]
    config = SimpleNamespace(categories={"greetings": 1}, splits=SimpleNamespace(unseen_flows=["exam"]))
    pack = SimpleNamespace(config=config, flows_of=lambda category: flows)
    rows = [plain("x", flow="a"), plain("x", flow="a"), plain("x", flow="b"), plain("x", flow="c", group="g:0")]
    assert figures.entropies(dataset(*rows), pack) == {"greetings": pytest.approx(entropy([2, 1, 0]))}


def test_people_are_shared_by_cpf_or_by_name_and_birth_date():
    ana, eva = ("Ana Lima", "1", "1980-02-01"), ("Eva Lima", "1", "1980-02-01")
    assert figures.shared_people(dataset(plain("a", **person(*ana)), plain("b", **person(*ana)))) == 0
    assert figures.shared_people(dataset(plain("a", **person(*ana)), plain("b", "test", **person(*ana)))) == 2
    assert figures.shared_people(dataset(plain("a", **person(*ana)), plain("b", "test", **person(*eva)))) == 1
    spoken = ("test", "tool_calls", [says("user", "…"), *call(1, cpf="52998224725")], {})
    assert figures.shared_people(dataset(plain("a", **person("Ana", "52998224725", "x")), spoken)) == 1


def test_unseen_utterances_are_looked_up_in_train_alone():
    said = ["quero ver meu plano 1", "quero ver meu plano 2", "outra coisa que não é", "sim"]
    train = [plain("Quero ver meu plano 7!"), plain("sim"), plain("outra coisa que não é", "eval")]
    read = dataset(*train, *(plain(text, "test_unseen") for text in said))
    assert figures.unseen_in_train(read) == 2 / 3
    assert figures.known_in_train(read) == {"quero ver meu plano 0": 2}


def test_deviation_from_independence_in_points_of_all_rows():
    rows = [(category, context) for category in ("facts", "greetings") for context in ("none", "tools")]
    even = dataset(*(("train", category, [says("user", "x")], {"context": context}) for category, context in rows))
    assert {points for row in figures.deviations(even).values() for points in row.values()} == {0}
    bound = dataset(*(("train", c, [says("user", "x")], {"context": k}) for c, k in (rows[0], rows[3])))
    assert figures.deviations(bound)["facts"] == {"none": 25, "tools": -25}


def test_contrast_groups_stay_in_one_split():
    assert figures._split_groups(dataset(plain("a", group="g:0"), plain("b", group="g:0"), plain("c", "test"))) == 0
    assert figures._split_groups(dataset(plain("a", group="g:0"), plain("b", "test", group="g:0"))) == 1


@pytest.mark.parametrize(
    ("habit", "before", "after", "shows"),
    [
        ("lowercase", "Oi, Ana", "oi, ana", True),
        ("lowercase", "oi", "oii", False),
        ("no_accents", "Não é", "Nao e", True),
        ("no_commas", "oi, tudo", "oi tudo", True),
        ("no_final_punctuation", "Quero sair.", "Quero sair", True),
        ("no_final_punctuation", "Quero sair?", "quero sair?", False),
        ("emojis", "oi", "oi 🙏", True),
        ("typos", "obrigado", "obirgado", True),
        ("typos", "Não", "nao", False),
    ],
)
def test_noise_counts_where_it_shows(habit, before, after, shows):
    special = {"noise": [habit], "before_noise": [before, None]}
    read = dataset(("train", "greetings", [says("user", after), says("assistant", "Oi.")], special))
    assert counts._noise(read)[habit] == {"habit": 1, "changed": float(shows)}


def test_lines_are_compared_by_place_or_after_an_edit_by_words():
    before = dataset(
        plain("quero ver o meu plano", lines=["f:1", "f:9"]), plain("bom dia a todos", lines=["f:2", "f:9"])
    )
    same = dataset(plain("outra", lines=["f:1", "f:9"]))
    assert [place for place, _ in lines_missing(before, same)] == ["f:2"]
    moved = dataset(plain("quero ver logo o meu plano", lines=["f:5", "f:9"]), sha="b")
    assert lines_missing(before, moved) == [("f:2", "bom dia a todos")]
    assert lines_missing(moved, before) == []


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (0.0624, "percent", "6.24%"),
        (0.5, "percent", "50%"),
        (3.5, "ratio", "3.50 : 1"),
        (7, "count", "7"),
        (None, "count", "–"),
    ],
)
def test_figures_as_a_person_reads_them(value, form, text):
    assert shown(value, form) == text


def test_every_measure_has_a_place_in_the_table_once():
    assert len({line.name for line in MEASURES}) == len(MEASURES)
    for line in MEASURES:
        assert set(line.yardsticks) <= set(YARDSTICKS)
        assert line.goal is None or line.within(line.goal, line.gate), line.name


# ---------------------------------------------------------------------- the commands


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    line = [sys.executable, "-m", "datagen", *arguments]
    return subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def rendered(tmp_path_factory) -> Path:
    """600 rows of the invented insurer, reported on."""
    folder = tmp_path_factory.mktemp("reported")
    for name in ("_ptbr", "plano_aurora"):
        shutil.copytree(PACKS / name, folder / "templates" / name)
    done = run(folder, "render", "--pack", "plano_aurora", "--rows", "600")
    assert done.returncode == 0, done.stderr
    done = run(folder, "report", "--out", "data/plano_aurora")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    (folder / "printed.txt").write_text(done.stdout, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def found(rendered) -> dict:
    return json.loads((rendered / "data/plano_aurora/report.json").read_text(encoding="utf-8"))


def test_the_table_is_printed_whole_and_plain(rendered, found):
    printed = (rendered / "printed.txt").read_text(encoding="utf-8")
    table = printed.partition("figures (words")[2]
    assert "\x1b" not in printed and "…" not in table
    for figure in found["figures"]:
        line = next(line for line in table.splitlines() if line.startswith(figure["text"]))
        assert figure["verdict"] in line
    assert [figure["name"] for figure in found["figures"]] == [line.name for line in MEASURES]
    assert "600 rows: verdicts in brackets hold from ROWS=12000 on" in printed


def test_exact_gates_hold_for_few_rows(found):
    exact = {line.name for line in MEASURES if line.exact}
    assert {f["verdict"] for f in found["figures"] if f["name"] in exact} == {"goal"}
    assert found["failed"] == []


def test_counts_add_up(found):
    tables = found["counts"]
    assert sum(n for row in tables["categories by split"].values() for n in row.values()) == 600
    assert sum(n for row in tables["categories by context"].values() for n in row.values()) == 600
    assert sum(tables["registers"].values()) == sum(tables["flows"].values()) == 600
    assert tables["first replies that ask for data, share"]["missing_data"] > 0.3
    assert tables["edge codes"]["codes with a row in train"] > 0
    assert tables["contrast groups"]["all"]["groups"] > 0


def test_report_and_card_do_not_make_the_dataset_stale(rendered, monkeypatch):
    monkeypatch.chdir(rendered)
    assert is_current(Settings(Path("templates/plano_aurora"), 600, 7, Path("data/plano_aurora")))


def test_the_same_dataset_gives_the_same_report(rendered, found):
    before = (rendered / "data/plano_aurora/report.json").read_bytes()
    run(rendered, "report", "--out", "data/plano_aurora")
    assert (rendered / "data/plano_aurora/report.json").read_bytes() == before


def test_the_card_names_exactly_the_splits(rendered):
    _, front, text = (rendered / "data/plano_aurora/README.md").read_text(encoding="utf-8").split("---\n", 2)
    (config,) = yaml.safe_load(front)["configs"]
    assert config["config_name"] == "default"
    names = ["train", "eval", "test", "test_unseen"]
    assert config["data_files"] == [{"split": name, "path": f"{name}.jsonl"} for name in names]
    assert "Plano Aurora" in text and "Nobody has marked rows" in text and "| user distinct-2 |" in text


@pytest.mark.trainer
def test_datasets_loads_exactly_the_splits(rendered, trainer_python, trainer_env):
    code = "import datasets; d = datasets.load_dataset('data/plano_aurora'); print({k: len(v) for k, v in d.items()})"
    done = subprocess.run([trainer_python, "-c", code], cwd=rendered, env=trainer_env, capture_output=True, text=True)
    assert done.stdout.strip() == "{'train': 540, 'eval': 20, 'test': 20, 'test_unseen': 20}", done.stderr[-2000:]


@pytest.fixture
def copy(rendered, tmp_path) -> Path:
    """The reported dataset, to be spoilt."""
    shutil.copytree(rendered, tmp_path / "copy")
    return tmp_path / "copy"


def test_what_readers_found_stands_in_the_card(copy):
    review = "- {reader: A. Souza, rows: 50, defects: {unnatural: 1, wrong: 0}, note: mended}\n"
    (copy / "templates/plano_aurora/review.yaml").write_text(review, encoding="utf-8")
    done = run(copy, "report", "--out", "data/plano_aurora")
    assert "has changed since this was rendered" in done.stdout
    card = (copy / "data/plano_aurora/README.md").read_text(encoding="utf-8")
    assert "| A. Souza | 50 | 2.0 | unnatural 1 | mended |" in card
    (copy / "templates/plano_aurora/review.yaml").write_text("- {reader: A, rows: none}\n", encoding="utf-8")
    done = run(copy, "report", "--out", "data/plano_aurora")
    assert done.returncode == 2 and "review.yaml:1: 0.rows" in done.stderr and "Traceback" not in done.stderr


def test_a_failed_gate_is_named_and_exits_100(copy):
    train = copy / "data/plano_aurora/train.jsonl"
    lines = train.read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    twin = next(row for row in rows[1:] if row["category"] == rows[0]["category"])
    twin["messages"] = rows[0]["messages"]
    for at, row in enumerate(rows):
        if row is twin:
            lines[at] = json.dumps(row)
    train.write_text("\n".join(lines) + "\n", encoding="utf-8")
    provenance = copy / "data/plano_aurora/provenance.jsonl"
    made = {line["id"]: line for line in map(json.loads, provenance.read_text(encoding="utf-8").splitlines())}
    made[twin["id"]] |= {name: made[rows[0]["id"]][name] for name in ("before_noise", "lines", "acts", "people")}
    provenance.write_text("".join(json.dumps(line) + "\n" for line in made.values()), encoding="utf-8")
    done = run(copy, "report", "--out", "data/plano_aurora")
    assert done.returncode == 100
    assert "1 gates failed: duplicates" in done.stderr
    assert "gate failed: exact duplicate conversations (raw): 1, gate 0" in done.stdout
    assert "train.jsonl is not what was rendered" in done.stdout


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda data: (data / "manifest.json").unlink(), "there is no dataset here"),
        (lambda data: (data / "provenance.jsonl").write_text(""), "is not in provenance.jsonl"),
        (lambda data: (data / "eval.jsonl").write_text('{"id": 1'), "eval.jsonl:1: no valid JSON"),
        (lambda data: (data / "test.jsonl").unlink(), "test.jsonl: cannot be read"),
    ],
)
def test_what_is_no_dataset_is_said_in_one_message(copy, spoil, message):
    spoil(copy / "data/plano_aurora")
    done = run(copy, "report", "--out", "data/plano_aurora")
    assert done.returncode == 2
    assert message in done.stderr and "fix: " in done.stderr and "Traceback" not in done.stderr


def test_diff_of_a_dataset_with_itself_and_with_another_seed(rendered, copy):
    done = run(copy, "render", "--pack", "plano_aurora", "--rows", "600", "--seed", "8", "--out", "data/other")
    assert done.returncode == 0, done.stderr
    done = run(copy, "diff", "data/plano_aurora", "data/plano_aurora")
    assert done.returncode == 0, done.stderr
    assert "600 in both, 0 only in data/plano_aurora" in done.stdout and "template lines new: 0" in done.stdout
    done = run(copy, "diff", "data/plano_aurora", "data/other")
    assert done.returncode == 0, done.stderr
    assert "rows by category" in done.stdout and "user distinct-2" in done.stdout
    done = run(copy, "diff", "data/plano_aurora", "data/none")
    assert done.returncode == 2 and "data/none: there is no dataset here" in done.stderr


def test_diff_as_plain_data(rendered, monkeypatch):
    monkeypatch.chdir(rendered)
    from datagen.dataset import read_dataset

    read = read_dataset(Path("data/plano_aurora"))
    found = diff_of(read, read, Path("templates"))
    assert found["rows"] == {"both": 600, "first": 0, "second": 0}
    assert found["lines"] == {"gone": [], "new": []}
    assert all(before == after for before, after in found["figures"].values())


def test_the_heat_map_knows_every_line_of_the_pack():
    pack = load_pack(PACKS / "plano_aurora")
    first = pack.acts["user", "thanks"][0]
    place, never = first[0].place, pack.contrasts()["eleven_or_ten"][0].file.steps[0].say[0][0].place
    read = dataset(plain("Oi", lines=[place, "somewhere:1"]))
    map_ = heatmap.heatmap(read, pack)
    assert map_["user"]["most_used"] == [{"line": place, "share": 1, "text": " / ".join(first)}]
    assert [line["line"] for line in map_["user"]["overused"]] == [place]
    unused = {line["line"] for line in map_["user"]["unused"]}
    assert never in unused and place not in unused
    assert {fact["text"] for fact in map_["facts_never_asked"]} == set(pack.facts)
