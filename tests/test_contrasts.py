"""The rows of a contrast group are alike but for one edit, stand in one split, and are settled together."""

import difflib
import json
from collections import defaultdict
from pathlib import Path

import pytest

from datagen.errors import PackError
from datagen.pack import load_pack
from datagen.schedule import schedule
from datagen.workshop import Settings, Workshop

PACKS = {"plano_aurora": Path("tests/packs/plano_aurora"), "unimed_natal": Path("templates/unimed_natal")}
ROWS = {"plano_aurora": 900, "unimed_natal": 12_000}


@pytest.fixture(scope="module", params=PACKS)
def groups(request):
    """Group → (task, row, provenance) of each way; some groups of every contrast."""
    workshop = Workshop(Settings(PACKS[request.param], 12_000, 7, Path("out")))
    tasks = schedule(workshop.pack, workshop.book, workshop.planner.facts, ROWS[request.param], 7)
    chosen: dict[str, list] = defaultdict(list)
    for task in tasks:
        if task.group and int(task.group.rpartition(":")[2]) < 4:
            chosen[task.group].append((task, *workshop.make(task, "row")))
    return chosen


def texts_until(row, act: int) -> list[str]:
    return [
        m["content"] for m, event in zip(row.messages, row.events, strict=True) if m["role"] == "user" and event <= act
    ]


def test_ways_differ_by_one_edit_in_one_turn(groups):
    assert groups
    for group, members in groups.items():
        acts = [provenance["acts"] for _, _, provenance in members]
        edited = next(at for at, step in enumerate(zip(*acts, strict=False)) if len(set(step)) > 1) - 1
        first, *others = ["\n".join(texts_until(row, edited)) for _, row, _ in members]
        for other in others:
            assert first != other, group
            changes = [
                code
                for code in difflib.SequenceMatcher(None, first.split(), other.split()).get_opcodes()
                if code[0] != "equal"
            ]
            start, end = changes[0][1], changes[-1][2]
            assert end - start <= 12, (group, first, other)


def test_ways_share_people_context_and_habits_and_demand_another_act(groups):
    for group, members in groups.items():
        for key in ("people", "context", "register", "noise", "split", "group"):
            assert len({json.dumps(provenance[key]) for _, _, provenance in members}) == 1, (group, key)
        assert len({tuple(provenance["acts"]) for _, _, provenance in members}) == len(members), group


def test_a_group_stands_in_one_split_and_its_rows_one_after_the_other():
    workshop = Workshop(Settings(PACKS["plano_aurora"], 600, 7, Path("out")))
    tasks = schedule(workshop.pack, workshop.book, workshop.planner.facts, ROWS["plano_aurora"], 7)
    places = defaultdict(list)
    for at, task in enumerate(tasks):
        if task.group:
            places[task.group].append((at, task.split))
    assert places
    for members in places.values():
        rows = [at for at, _ in members]
        assert rows == list(range(rows[0], rows[0] + 2)) and len({split for _, split in members}) == 1


def test_a_wording_without_the_edit_is_a_mistake(tmp_path):
    import shutil

    shutil.copytree("tests/packs", tmp_path / "templates")
    file = tmp_path / "templates/plano_aurora/contrasts/digits.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("cpf {{ edit }}, nasci", "cpf, nasci"), encoding="utf-8")
    with pytest.raises(PackError, match=r"digits\.yaml:4: say: \{\{ edit \}\} is not in this wording"):
        load_pack(tmp_path / "templates/plano_aurora")
