"""What is taken into the dataset does not repeat, and is drawn again where it is much like something taken before."""

import json
from dataclasses import replace
from pathlib import Path

from datagen.schedule import Task, schedule
from datagen.selection import TOO_ALIKE, Selection, Unit, units_of
from datagen.workshop import Settings, Workshop, made
from validators.diversity import jaccard

WORKSHOP = Workshop(Settings(Path("tests/packs/plano_aurora"), 600, 7, Path("out")))


def unit(task: Task, name: str = "row-1") -> Unit:
    return Unit([(name, task)], [made(WORKSHOP, task, name)])


def some_task() -> Task:
    return next(
        task for task in schedule(WORKSHOP.pack, WORKSHOP.book, WORKSHOP.planner.facts, 600, 7) if not task.group
    )


def test_a_repetition_is_drawn_again_and_kept_aside():
    selection = Selection(WORKSHOP)
    first, second = unit(some_task()), unit(some_task(), "row-2")
    assert list(selection.settle(first)) == []
    (left_out, *_) = list(selection.settle(second))
    assert (left_out["reason"], left_out["of"], left_out["likeness"]) == ("duplicate", "row-1", 1.0)
    assert second.rows[0].words != first.rows[0].words


def test_of_rows_much_like_others_the_least_alike_is_taken():
    selection = Selection(WORKSHOP)
    tasks = [Task(some_task().flow, number, "train", False) for number in range(30)]
    taken, left_out = [], []
    for number, task in enumerate(tasks):
        one = unit(task, f"row-{number}")
        left_out += selection.settle(one)
        taken += one.rows
    assert len({row.words for row in taken}) == len(taken)
    assert all(entry["likeness"] >= TOO_ALIKE for entry in left_out)
    assert all(json.dumps(entry["row"]) for entry in left_out)
    assert jaccard(taken[0].likeness.shingles, taken[0].likeness.shingles) == 1.0


def test_what_train_says_is_drawn_again_for_test_unseen():
    selection = Selection(WORKSHOP)
    tasks = [task for task in schedule(WORKSHOP.pack, WORKSHOP.book, WORKSHOP.planner.facts, 600, 7) if not task.group]
    assert tasks[-1].split == "test_unseen" and tasks[0].split != "test_unseen"
    said: set[int] = set()
    for number, task in enumerate(tasks[:100]):
        one = unit(task, f"row-{number}")
        list(selection.settle(one))
        said |= one.rows[0].utterances if task.split == "train" else set()
    last = unit(tasks[-1], "last")
    copied = replace(last.rows[0], utterances=frozenset(said))
    reasons = [entry["reason"] for entry in selection.settle(Unit(last.tasks, [copied]))]
    assert reasons[0] == "known wording"


def test_groups_stay_together():
    tasks = schedule(WORKSHOP.pack, WORKSHOP.book, WORKSHOP.planner.facts, 600, 7)
    numbered = [(f"r{at}", task) for at, task in enumerate(tasks)]
    rows = ((pair, made(WORKSHOP, pair[1], pair[0])) for pair in numbered[:200])
    sizes = [len(unit.rows) for unit in units_of(rows)]
    assert set(sizes) == {1, 2} and sum(sizes) == 200
