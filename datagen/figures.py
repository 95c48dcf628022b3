"""Measures a dataset: the value of each line of the table in measures.py.

Words are measured as their author wrote them, before noise, with numbers and names masked: noise and random numbers
flatter every figure. Budgets are fixed (1,000 utterances, 8,000 tokens, 40 kB, 300 texts, 400 conversations), since
every figure depends on sample size; each is the mean over a few seeded samples.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean

import orjson

from datagen.dataset import Dataset, Row, read_dataset
from datagen.measures import MEASURES
from datagen.pack import Pack
from datagen.schedule import shares
from datagen.writer import SPLITS
from validators import context, grounding
from validators.diversity import (
    closest,
    compression_ratio,
    distinct_n,
    duplicate_share,
    entropy,
    likeness,
    sample,
    self_bleu,
    top_share,
)

_SAMPLES = 5
_UTTERANCES, _CONVERSATIONS = 1_000, 400
_SHORT = 3
"""Utterances of so few words ("sim", "bom dia") belong to everybody and repeat nothing."""


def measure(dataset: Dataset, pack: Pack) -> dict[str, float]:
    """Name of each measure → its value for this dataset; `pack` is the one that it was rendered from."""
    with ProcessPoolExecutor(1, get_context("fork")) as pool:  # the judge takes as long as all the rest together
        judged = pool.submit(_ungrounded_in, dataset.out)
        values = {**_of_words(dataset), **_of_plans(dataset, pack)}
        arguments = [value not in heard for row in dataset.rows for value, heard in arguments_heard(row)]
        values["not_literal"] = fmean(arguments or [1.0])
        values["grounded"] = 1 - judged.result() / max(len(arguments), 1)
    return {measure.name: round(values[measure.name], 5) for measure in MEASURES}


def _ungrounded_in(out: Path) -> int:
    return ungrounded(read_dataset(out).rows)


def _of_words(dataset: Dataset) -> dict[str, float]:
    texts = {role: [text for texts in dataset.masked[role] for text in texts] for role in ("user", "assistant")}
    words = {f"{role}_{name}": value for role in texts for name, value in words_of(texts[role]).items()}
    groups = [made["group"] for made in dataset.provenance]
    same = closest([likeness(text) for text in dataset.conversations], groups)
    return {
        **words,
        "duplicates": repeated(map(conversation, dataset.rows)),
        "near_duplicates_80": fmean(value >= 0.8 for value in same),
        "near_duplicates_50": fmean(value >= 0.5 for value in same),
        "unseen_in_train": unseen_in_train(dataset),
        "assistant_words": median([len(text.split()) for text in dataset.raw("assistant")]),
    }


def _of_plans(dataset: Dataset, pack: Pack) -> dict[str, float]:
    distinct, top = sequence_shares([act_sequence(made) for made in dataset.provenance])
    return {
        "act_sequences": distinct,
        "top_act_sequence": top,
        "off_quota": off_quota(dataset, pack),
        "entropy": min(entropies(dataset, pack).values(), default=1.0),
        "shared_people": shared_people(dataset),
        "known_facts": _known_facts(dataset, pack),
        "contexts": max(abs(points) for row in deviations(dataset).values() for points in row.values()),
        "failing_answers": _failing(dataset, pack),
        "split_groups": _split_groups(dataset),
    }


def words_of(texts: list[str], samples: int = _SAMPLES) -> dict[str, float]:
    """How varied `texts` are: duplicates, distinct-2, compression ratio, Self-BLEU4, share of the ten most common."""
    found: dict[str, list[float]] = {}
    for seed in range(samples if texts else 0):
        shuffled = sample(texts, len(texts), seed)
        figures = {
            "duplicates": duplicate_share(shuffled[:_UTTERANCES], _SHORT),
            "distinct_2": distinct_n(shuffled),
            "compression": compression_ratio(shuffled),
            "self_bleu": self_bleu(shuffled),
            "top_ten": top_share(shuffled[:_UTTERANCES]),
        }
        for name, value in figures.items():
            found.setdefault(name, []).append(value)
    return {name: fmean(values) for name, values in found.items()}


def conversation(row: Row) -> bytes:
    """What is said and done in a row, without the system message and ids: equal for duplicates."""
    turns = [m for m in row["messages"] if m["role"] != "system"]
    said = [[m["role"], m["content"], [call["function"] for call in m.get("tool_calls", ())]] for m in turns]
    return orjson.dumps(said)


def repeated(items: Iterable[object]) -> int:
    """How many items repeat an earlier one."""
    return sum(count - 1 for count in Counter(items).values())


def act_sequence(made: Row) -> tuple[str, ...]:
    """The acts of a plan, with how the tool answers, without which fact is asked: other facts are no other course."""
    return tuple(act if act.startswith("consult.") else act.partition(":")[0] for act in made["acts"])


def sequence_shares(sequences: list[tuple[str, ...]]) -> tuple[float, float]:
    """Share of distinct sequences, and share of the most common, in samples of 400."""
    samples = [Counter(sample(sequences, _CONVERSATIONS, seed)) for seed in range(_SAMPLES)]
    rows = min(_CONVERSATIONS, len(sequences))
    return fmean(len(counts) / rows for counts in samples), fmean(max(counts.values()) / rows for counts in samples)


def ungrounded(rows: list[Row]) -> int:
    """How many findings the judge has on where the arguments of the calls come from."""
    found = 0
    for row in rows:
        if any("tool_calls" in message for message in row["messages"]):
            seen = context.build(row, "", 0)
            found += sum(finding.code.startswith("call.") for check in grounding.CHECKS for finding in check(row, seen))
    return found


def arguments_heard(row: Row) -> Iterator[tuple[str, str]]:
    """Each argument of each call, with all that the user had written before it."""
    heard = ""
    for message in row["messages"]:
        if message["role"] == "user":
            heard += message["content"] + "\n"
        for call in message.get("tool_calls", ()):
            for value in orjson.loads(call["function"]["arguments"]).values():
                yield str(value), heard


def off_quota(dataset: Dataset, pack: Pack) -> int:
    """How many rows of some split would have to be of another category."""
    weights = {name: weight for name, weight in pack.config.categories.items() if weight}
    off = 0
    for split in SPLITS:
        counts = Counter(row["category"] for row, _ in dataset.pairs(split))
        wanted = Counter(dict(zip(weights, shares(counts.total(), list(weights.values())), strict=True)))
        off += (wanted - counts).total()
    return off


def entropies(dataset: Dataset, pack: Pack) -> dict[str, float]:
    """Category → normalised entropy of its rows over its flows, used or not.

    Left out are contrast groups, which have a share of their own, and flows kept for test_unseen, rare on purpose.
    """
    counts = Counter(made["flow"] for made in dataset.provenance if not made["group"])
    kept = set(map(str, pack.config.splits.unseen_flows))
    found = {}
    for category, weight in pack.config.categories.items():
        flows = [flow.id for flow in pack.flows_of(category) if flow.id not in kept]
        if weight and flows:
            found[str(category)] = entropy(counts[flow] for flow in flows)
    return found


def shared_people(dataset: Dataset) -> int:
    """How many CPFs and pairs of name and birth date occur in more than one split."""
    where: dict[object, set[str]] = {}
    for row, made in dataset.pairs():
        people = made["people"].values()
        known = {person["cpf"] for person in people} | {(person["name"], person["birth_date"]) for person in people}
        for key in known | {value for value, _ in arguments_heard(row) if len(value) == 11}:
            where.setdefault(key, set()).add(made["split"])
    return sum(len(splits) > 1 for splits in where.values())


def unseen_in_train(dataset: Dataset) -> float:
    """Share of the longer user utterances of test_unseen that train says too, before noise, masked."""
    longer = _longer_utterances(dataset, "test_unseen")
    return known_in_train(dataset).total() / max(len(longer), 1)


def known_in_train(dataset: Dataset) -> Counter[str]:
    """The longer user utterances of test_unseen that train says too, with how often test_unseen says them."""
    train = set(_longer_utterances(dataset, "train"))
    return Counter(text for text in _longer_utterances(dataset, "test_unseen") if text in train)


def _longer_utterances(dataset: Dataset, split: str) -> list[str]:
    rows = zip(dataset.masked["user"], dataset.provenance, strict=True)
    return [t for texts, made in rows if made["split"] == split for t in texts if len(t.split()) > _SHORT]


def facts_asked(dataset: Dataset) -> Counter[str]:
    """Id of each fact → how often it is asked."""
    acts = (act for made in dataset.provenance for act in made["acts"] if act.startswith("user."))
    return Counter(act.partition(":")[2] for act in acts if ":" in act)


def _known_facts(dataset: Dataset, pack: Pack) -> float:
    asked = facts_asked(dataset)
    known = sum(count for fact, count in asked.items() if fact in pack.facts and pack.facts[fact].known)
    return known / max(asked.total() - known, 1)


def deviations(dataset: Dataset) -> dict[str, dict[str, float]]:
    """Category → context → how many points of all rows its share differs from what independence would give."""
    cells = Counter((row["category"], made["context"]) for row, made in dataset.pairs())
    rows = len(dataset.rows)
    categories = Counter(row["category"] for row in dataset.rows)
    contexts = Counter(made["context"] for made in dataset.provenance)
    return {
        category: {
            name: 100 * (cells[category, name] / rows - count * contexts[name] / rows**2) for name in sorted(contexts)
        }
        for category, count in sorted(categories.items())
    }


def answers(dataset: Dataset) -> Counter[str]:
    """Name of each answer of the tool → how often it is given."""
    acts = (act for made in dataset.provenance for act in made["acts"] if act.startswith("consult."))
    return Counter(act.partition(":")[2] for act in acts)


def _failing(dataset: Dataset, pack: Pack) -> float:
    given = answers(dataset)
    failing = sum(count for name, count in given.items() if name in pack.tools.answers and fails(pack, name))
    return failing / given.total() if given else 1.0


def fails(pack: Pack, answer: str) -> bool:
    """Whether an answer of the tool brings no contract."""
    return not pack.tools.answers[answer].found or pack.tools.answers[answer].empty


def _split_groups(dataset: Dataset) -> int:
    where: dict[str, set[str]] = {}
    for made in dataset.provenance:
        if made["group"]:
            where.setdefault(made["group"], set()).add(made["split"])
    return sum(len(splits) > 1 for splits in where.values())


def median(numbers: list[int]) -> int:
    """The middle one, the upper of two."""
    return sorted(numbers)[len(numbers) // 2] if numbers else 0
