"""What a dataset is made of: counts that inform and do not judge. Plain data: name → table; `report.json` holds it all.

A table is `what → number`, or `what → (column → number)`.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from datagen.dataset import Dataset, Row
from datagen.figures import (
    act_sequence,
    answers,
    arguments_heard,
    entropies,
    facts_asked,
    fails,
    known_in_train,
    median,
    words_of,
)
from datagen.pack import Pack
from datagen.situations import SEEN
from datagen.writer import SPLITS

Table = dict[str, Any]

_ASKS_FOR_DATA = {"ask_both", "ask_cpf", "ask_birth_date", "ask_data"}
"""Kinds of acts (kinds.yaml) by which the attendant asks for CPF or birth date."""


def counts_of(dataset: Dataset, pack: Pack) -> dict[str, Table]:
    """Every table, in the order in which it is printed."""
    return {
        "categories by split": _crossed((made["split"], row["category"]) for row, made in dataset.pairs()),
        "categories by context": _crossed((row["category"], made["context"]) for row, made in dataset.pairs()),
        "words as they stand, with noise": {role: words_of(dataset.raw(role), 1) for role in ("user", "assistant")},
        "user utterances, most common": _most_common(dataset, "user"),
        "assistant utterances, most common": _most_common(dataset, "assistant"),
        "user utterances of test_unseen that train says too": dict(known_in_train(dataset).most_common(10)),
        "act sequences, most common": _most_common_sequences(dataset),
        "messages per conversation": _spread(len(row["messages"]) for row in dataset.rows),
        "words per reply": _spread(len(text.split()) for text in dataset.raw("assistant")),
        "first replies that ask for data, share": _first_replies(dataset, pack),
        "tool answers": dict(answers(dataset).most_common()),
        "tool answers that fail or are empty": {n: count for n, count in answers(dataset).items() if fails(pack, n)},
        "tool shapes by split": _shapes(dataset),
        "arguments in another form than the literal, share": _forms(dataset, pack),
        "registers": dict(Counter(made["register"] for made in dataset.provenance).most_common()),
        "noise, share of rows": _noise(dataset),
        "edge codes": _codes(dataset, pack),
        "rows per edge code": _rows_per_code(dataset, pack),
        "contrast groups": _groups(dataset),
        "entropy within a category": entropies(dataset, pack),
        "facts asked": dict(facts_asked(dataset).most_common()),
        "flows": dict(Counter(made["flow"] for made in dataset.provenance).most_common()),
    }


def _crossed(pairs: Iterable[tuple[str, str]]) -> Table:
    cells = Counter(pairs)
    columns = sorted({column for _, column in cells})
    names = sorted({name for name, _ in cells}, key=lambda name: (SPLITS.index(name) if name in SPLITS else -1, name))
    return {name: {column: cells[name, column] for column in columns} for name in names}


def _most_common(dataset: Dataset, role: str) -> Table:
    """Masked utterance → how often it is said."""
    return dict(Counter(text for texts in dataset.masked[role] for text in texts).most_common(10))


def _most_common_sequences(dataset: Dataset) -> Table:
    return {" ".join(acts): n for acts, n in Counter(map(act_sequence, dataset.provenance)).most_common(10)}


def _spread(numbers: Iterable[int]) -> Table:
    ordered = sorted(numbers)
    at = {"least": 0, "5%": len(ordered) // 20, "median": len(ordered) // 2, "95%": len(ordered) * 19 // 20}
    return {name: ordered[place] for name, place in at.items()} | {"most": ordered[-1]} if ordered else {}


def _first_replies(dataset: Dataset, pack: Pack) -> Table:
    """Category → share of rows whose first reply asks for CPF or birth date: what warns of asking too readily."""
    asks: dict[str, list[bool]] = {}
    for row, made in dataset.pairs():
        asks.setdefault(row["category"], []).append(_asks_at_once(row, made, pack))
    every = [asked for rows in asks.values() for asked in rows]
    return {name: _share(rows) for name, rows in sorted(asks.items())} | {"all": _share(every)}


def _asks_at_once(row: Row, made: Row, pack: Pack) -> bool:
    first = next((act for act in made["acts"] if not act.startswith("user.")), "")
    if not first.startswith("assistant."):
        return False
    if pack.kinds:
        return pack.kind_of(first.removeprefix("assistant.").partition(":")[0]) in _ASKS_FOR_DATA
    reply = [message for message in row["messages"] if message["role"] == "assistant"][:1]
    return SEEN["ask_for_cpf"](reply) or SEEN["ask_for_birth_date"](reply)


def _shapes(dataset: Dataset) -> Table:
    used = ((row, made) for row, made in dataset.pairs() if any(m["role"] == "tool" for m in row["messages"]))
    return _crossed((made["split"], made["shape"]) for _, made in used)


def _forms(dataset: Dataset, pack: Pack) -> Table:
    names = list(pack.tools.function["parameters"]["properties"])
    other: dict[str, list[bool]] = {name: [] for name in names}
    for row in dataset.rows:
        for at, (value, heard) in enumerate(arguments_heard(row)):
            other[names[at % len(names)]].append(value not in heard)
    return {name: _share(found) for name, found in other.items()}


def _share(found: list[bool]) -> float:
    return round(sum(found) / len(found), 4) if found else 0.0


# ---------------------------------------------------------------------- edge codes and contrast groups


def _codes(dataset: Dataset, pack: Pack) -> Table:
    codes = [flow.code for flow in pack.flows if flow.code]
    kept = set(map(str, pack.config.splits.unseen_flows))
    train = Counter(made["code"] for _, made in dataset.pairs("train") if made["code"])
    rows = sorted(train.values()) or [0]
    plans = sorted(len(of) for of in _plans(dataset).values()) or [0]
    return {
        "codes in the pack": len(codes),
        "codes kept for test_unseen": sum(flow.code is not None and flow.id in kept for flow in pack.flows),
        "codes with a row in train": len(train),
        "codes without any row": len(set(codes) - {made["code"] for made in dataset.provenance}),
        "rows per code, least": rows[0],
        "rows per code, median": median(rows),
        "distinct plans per code, least": plans[0],
        "distinct plans per code, median": median(plans),
        "codes with fewer than 4 plans": sum(count < 4 for count in plans),
    }


def _plans(dataset: Dataset) -> dict[str, set[tuple[str, ...]]]:
    plans: dict[str, set[tuple[str, ...]]] = {}
    for made in dataset.provenance:
        if made["code"]:
            plans.setdefault(made["code"], set()).add(tuple(made["acts"]))
    return plans


def _rows_per_code(dataset: Dataset, pack: Pack) -> Table:
    """Code → rows in train and distinct plans in all splits; codes without a row stand at the end."""
    train = Counter({flow.code: 0 for flow in pack.flows if flow.code})
    train.update(made["code"] for _, made in dataset.pairs("train") if made["code"])
    plans = _plans(dataset)
    return {code: {"train": rows, "plans": len(plans.get(code, ()))} for code, rows in train.most_common()}


def _groups(dataset: Dataset) -> Table:
    """Name of each contrast → its groups, and the rows in them."""
    rows = Counter(made["group"] for made in dataset.provenance if made["group"])
    names = Counter(group.rpartition(":")[0] for group in rows)
    table = {name: {"groups": groups, "rows": _of(rows, name)} for name, groups in sorted(names.items())}
    return {"all": {"groups": len(rows), "rows": rows.total()}} | table


def _of(rows: Counter[str], name: str) -> int:
    return sum(count for group, count in rows.items() if group.rpartition(":")[0] == name)


# ---------------------------------------------------------------------- noise


def _accented(text: str) -> bool:
    return any(unicodedata.combining(char) for char in unicodedata.normalize("NFD", text))


def _symbols(text: str) -> int:
    return sum(unicodedata.category(char) in ("So", "Sk") for char in text)


def _words(text: str) -> list[str]:
    plain = "".join(char for char in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(char))
    return re.findall(r"\w+", plain)


_SHOWS: dict[str, Callable[[str, str], bool]] = {
    "lowercase": lambda before, after: after == after.lower() and before != before.lower(),
    "capitals": lambda before, after: after == after.upper() and before != before.upper(),
    "no_accents": lambda before, after: _accented(before) and not _accented(after),
    "no_commas": lambda before, after: before.count(", ") > after.count(", "),
    "no_final_punctuation": lambda before, after: before[-1:] in ".!" and after[-1:] not in ".!",
    "elongation": lambda before, after: bool(re.search(r"([^\W\d])\1\1", after) or re.search(r"(?i)\boii\b", after)),
    "emojis": lambda before, after: _symbols(after) > _symbols(before),
    "insistence": lambda before, after: bool(re.search(r"[!?]{2}$", after)) and not re.search(r"[!?]{2}$", before),
}
"""Habit → whether it shows between a text and what was typed; every other habit shows in the words."""


def _noise(dataset: Dataset) -> Table:
    """Habit → share of rows written by somebody who has it, and of rows that it has really changed."""
    has, shows = Counter(), Counter()
    for row, made in dataset.pairs():
        texts = zip(made["before_noise"], row["messages"], strict=True)
        changed = [(before, message["content"]) for before, message in texts if before is not None]
        has.update(made["noise"])
        shows.update(habit for habit in made["noise"] if _has_shown(habit, changed, row, made))
        has["any"] += bool(made["noise"])
        shows["any"] += bool(changed)
    rows = len(dataset.rows)
    return {n: {"habit": round(has[n] / rows, 4), "changed": round(shows[n] / rows, 4)} for n, _ in has.most_common()}


def _has_shown(habit: str, changed: list[tuple[str, str]], row: Row, made: Row) -> bool:
    if habit == "several_messages":
        turns = list(zip(row["messages"], made["lines"], strict=True))
        pairs = itertools.pairwise(turns)
        return any(one[0]["role"] == two[0]["role"] == "user" and one[1] == two[1] for one, two in pairs)
    shows = _SHOWS.get(habit, lambda before, after: _words(before) != _words(after))
    return any(shows(before, after) for before, after in changed)
