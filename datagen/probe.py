"""The act probe: a plain classifier learns from train which kind of act comes next, and is asked about test_unseen.

    python -m datagen probe --pack unimed_natal [--on FILE]

What it cannot learn shows labels that contradict each other, and wordings that no template reaches. A kind is a line of
the pack's kinds.yaml; a call is `call`; without that file each act is its own kind. FILE has a line for each question:
{"messages": [...], "act": "ask_both"}, where the act is a kind or the name of one of the pack's acts.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import orjson

from datagen.decisions import Decision, Labelled, Situation, all_decisions, labels, situations
from datagen.errors import PackError, Problem
from datagen.pack import Pack
from datagen.probe_figures import Answer, contradictions, mistakes, score, without_kind

GOAL = 0.95
SPLITS = ("test_unseen", "eval", "test")
"""The first one counts; the others are for information."""
MOST_ROWS = 12_000
"""Of a larger train split so many rows are drawn: more teach hardly more, and the probe is to take seconds."""
_RARE = 2_000
"""With fewer decisions than this, character sequences that occur once are kept too."""


Classifier = Callable[[Sequence[Situation]], list[tuple[str, float]]]
"""Situations → for each the most likely kind and its probability."""


def learn(decisions: Sequence[Decision]) -> Classifier:
    """A classifier of kinds: character and word n-grams of what was said, and the state. Seeded. Raises PackError."""
    try:
        from numpy import float32
        from scipy.sparse import hstack
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import SGDClassifier
    except ImportError:
        fix = "make .venv/.dev, or pip install --editable '.[dev]'"
        raise PackError(Problem("scikit-learn", "is not installed", fix)) from None
    least = 2 if len(decisions) > _RARE else 1
    common = {"min_df": least, "sublinear_tf": True, "dtype": float32}
    words = {"token_pattern": r"\S+", **common}
    parts = (
        ("words", 1.0, TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), **common)),
        ("words", 0.7, TfidfVectorizer(ngram_range=(1, 2), **words)),
        ("before", 1.0, TfidfVectorizer(**words)),
        ("earlier", 0.25, TfidfVectorizer(**words)),
        ("state", 0.3, TfidfVectorizer(analyzer=str.split, use_idf=False, norm=None, binary=True, dtype=float32)),
    )

    def features(items: Sequence[Situation], way: str) -> Any:
        # The mark keeps an empty text from being no text at all.
        columns = [
            getattr(vectorizer, way)([f"^ {getattr(item, name)}" for item in items]) * weight
            for name, weight, vectorizer in parts
        ]
        return hstack(columns, format="csr", dtype=float32)

    model = SGDClassifier("log_loss", alpha=3e-6, max_iter=5, tol=None, random_state=0, n_jobs=_cores())
    model.fit(features(decisions, "fit_transform"), [decision.kind for decision in decisions])

    def answer(items: Sequence[Situation]) -> list[tuple[str, float]]:
        chances = model.predict_proba(features(items, "transform"))
        return [(str(model.classes_[at]), float(row[at])) for at, row in zip(chances.argmax(1), chances, strict=True)]

    return answer


def _cores() -> int:
    return os.cpu_count() or 1


def ask(classifier: Classifier, decisions: Sequence[Decision]) -> list[Answer]:
    """Its answers, in order."""
    if not decisions:
        return []
    return [Answer(d, *said) for d, said in zip(decisions, classifier(decisions), strict=True)]


# ------------------------------------------------------------------------------------------------ what is read


def read_decisions(out: Path, pack: Pack, splits: Iterable[str] = SPLITS) -> tuple[dict[str, list[Decision]], int]:
    """Train and `splits` → their decisions; how many train rows there are beside those drawn. Raises PackError."""
    side_car = _read_side_car(out, pack)
    found: dict[str, list[Decision]] = {}
    left_out = 0
    for split in ("train", *splits):
        lines = _lines(out / f"{split}.jsonl")
        if len(lines) > MOST_ROWS and split == "train":
            left_out = len(lines) - MOST_ROWS
            lines = [lines[at] for at in sorted(Random(0).sample(range(len(lines)), MOST_ROWS))]
        try:
            rows = [_labelled(line, side_car, pack) for line in lines]
            found[split] = all_decisions(rows, _cores())
        except (KeyError, ValueError) as error:
            message = f"rows and provenance.jsonl do not fit together ({error})"
            raise PackError(Problem(str(out / f"{split}.jsonl"), message, "make dataset")) from None
    if len({decision.kind for decision in found["train"]}) < 2:
        raise PackError(Problem(str(out / "train.jsonl"), "is too small to learn from", "render more rows (ROWS=)"))
    return found, left_out


def _lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().splitlines()
    except OSError as error:
        fix = "make dataset, or name the dataset's folder with OUT="
        raise PackError(Problem(str(path), f"cannot be read: {error.strerror}", fix)) from None


def _read_side_car(out: Path, pack: Pack) -> dict[str, dict[str, Any]]:
    kept = ("acts", "lines", "before_noise", "people")
    lines = (orjson.loads(line) for line in _lines(out / "provenance.jsonl"))
    return {line["id"]: {name: line[name] for name in kept} for line in lines}


def _labelled(line: bytes, side_car: dict[str, dict[str, Any]], pack: Pack) -> Labelled:
    provenance = side_car[orjson.loads(line)["id"]]
    return Labelled(line, provenance, labels(provenance["acts"], pack.kind_of))


def read_questions(path: Path, pack: Pack, kinds: Iterable[str]) -> list[Decision]:
    """The lines of a file of questions; `kinds` are those that train has. Raises PackError with every bad line."""
    known = set(kinds)
    problems: list[Problem] = []
    questions: list[Decision] = []
    for number, line in enumerate(_lines(path), 1):
        place = f"{path}:{number}"
        if not line.strip():
            continue
        try:
            questions.append(_question(line, place, pack, known))
        except ValueError as error:
            problems.append(Problem(place, str(error), 'write {"messages": [...], "act": "..."}'))
    if not questions and not problems:
        problems.append(Problem(str(path), "holds no questions", 'a line is {"messages": [...], "act": "..."}'))
    if problems:
        raise PackError(*problems)
    return questions


def _question(line: bytes, place: str, pack: Pack, known: set[str]) -> Decision:
    try:
        data = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"is no JSON: {error}") from None
    if not isinstance(data, dict) or not isinstance(data.get("messages"), list) or not isinstance(data.get("act"), str):
        raise ValueError("needs `messages`, a list, and `act`, a text")
    act = data["act"]
    kind = act if act in known else pack.kind_of(act) or act
    if kind not in known:
        raise ValueError(f"train knows no act '{act}'; it has {', '.join(sorted(known))}")
    for number, message in enumerate(data["messages"]):
        if wrong := _wrong_message(message):
            raise ValueError(f"messages[{number}] {wrong}")
    if not data["messages"] or data["messages"][-1]["role"] not in ("user", "tool"):
        raise ValueError("`messages` must end with a user or a tool message: what comes next is the question")
    situation = list(situations(data["messages"]))[-1][1]
    return Decision(**vars(situation), kind=kind, act=act, row=place, place=place)


def _wrong_message(message: Any) -> str | None:
    if not isinstance(message, dict) or message.get("role") not in ("system", "user", "assistant", "tool"):
        return "needs a `role`: system, user, assistant or tool"
    if message["role"] == "assistant" and message.get("tool_calls"):
        return None
    return None if isinstance(message.get("content"), str) else "needs `content`, a text"


# ------------------------------------------------------------------------------------------------ what comes out


def probe(out: Path, pack: Pack) -> dict[str, Any]:
    """Learn from the dataset in `out` and ask about its other splits; the figures, also written to probe.json."""
    decisions, left_out = read_decisions(out, pack)
    classifier = learn(decisions["train"])
    answers = {split: ask(classifier, decisions[split]) for split in SPLITS}
    figures = {
        "train": {
            "decisions": len(decisions["train"]),
            "rows_left_out": left_out,
            "kinds": sorted({decision.kind for decision in decisions["train"]}),
        },
        "goal": GOAL,
        "splits": {split: score(answers[split]) for split in SPLITS},
        "without_kind": without_kind(decisions["train"], pack),
        "contradictions": contradictions(decisions["train"]),
        "learned_and_still_mistaken": mistakes(ask(classifier, decisions["train"])),
    }
    try:
        (out / "probe.json").write_bytes(orjson.dumps(figures, option=orjson.OPT_INDENT_2) + b"\n")
    except OSError as error:
        raise PackError(Problem(str(out / "probe.json"), f"cannot write: {error.strerror}")) from None
    return figures


def probe_on(path: Path, out: Path, pack: Pack) -> dict[str, Any]:
    """Learn from the dataset in `out` and ask the questions of a file."""
    _lines(path)  # a file that is not there is told before the work begins
    decisions, _ = read_decisions(out, pack, ())
    questions = read_questions(path, pack, {decision.kind for decision in decisions["train"]})
    return score(ask(learn(decisions["train"]), questions))
