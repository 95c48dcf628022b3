"""What the answers of the act probe come to: shares, confusions, mistakes by template line, and how to print them.

Part of `python -m datagen probe`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from datagen.decisions import Decision
from datagen.pack import Pack


@dataclass(frozen=True)
class Answer:
    """What the classifier says to one decision."""

    decision: Decision
    predicted: str
    sure: float
    """Probability that it gives to its answer, 0 to 1."""

    @property
    def right(self) -> bool:
        """Whether it is the kind that the template has."""
        return self.predicted == self.decision.kind


def score(answers: Sequence[Answer]) -> dict[str, Any]:
    """Accuracy in all, by kind, by category and with each wording counted once; confusions and mistakes."""
    return {
        "decisions": len(answers),
        "accuracy": _share(answers),
        "accuracy_by_wording": _mean_share(answers, lambda answer: answer.decision.place),
        "by_kind": _shares(answers, lambda answer: answer.decision.kind),
        "by_category": _shares(answers, lambda answer: answer.decision.category),
        "confusions": [
            {"expected": expected, "predicted": predicted, "count": count}
            for (expected, predicted), count in _confused(answers).most_common()
        ],
        "mistakes": mistakes(answers),
    }


def _confused(answers: Iterable[Answer]) -> Counter[tuple[str, str]]:
    return Counter((answer.decision.kind, answer.predicted) for answer in answers if not answer.right)


def _share(answers: Sequence[Answer]) -> float | None:
    return round(sum(answer.right for answer in answers) / len(answers), 4) if answers else None


def _groups(answers: Iterable[Answer], name: Callable[[Answer], str]) -> dict[str, list[Answer]]:
    groups: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        groups[name(answer)].append(answer)
    return groups


def _shares(answers: Sequence[Answer], name: Callable[[Answer], str]) -> dict[str, dict[str, Any]]:
    groups = sorted(_groups(answers, name).items(), key=lambda item: (-len(item[1]), item[0]))
    return {group: {"decisions": len(found), "accuracy": _share(found)} for group, found in groups}


def _mean_share(answers: Sequence[Answer], name: Callable[[Answer], str]) -> float | None:
    shares = [sum(a.right for a in found) / len(found) for found in _groups(answers, name).values()]
    return round(sum(shares) / len(shares), 4) if shares else None


def mistakes(answers: Iterable[Answer]) -> list[dict[str, Any]]:
    """The surest mistakes first; those of one wording, act and answer are one, with the surest row as its example."""
    wrong = [answer for answer in answers if not answer.right]
    groups = _groups(wrong, lambda a: "\n".join((a.decision.place, a.decision.act, a.predicted)))
    found = [(max(group, key=lambda answer: answer.sure), len(group)) for group in groups.values()]
    found.sort(key=lambda pair: (-pair[0].sure, pair[0].decision.row))
    return [
        {
            "row": worst.decision.row,
            "place": worst.decision.place,
            "expected": worst.decision.kind,
            "act": worst.decision.act,
            "predicted": worst.predicted,
            "sure": round(worst.sure, 3),
            "times": times,
            "said": worst.decision.said,
            "category": worst.decision.category,
        }
        for worst, times in found
    ]


def without_kind(decisions: Iterable[Decision], pack: Pack) -> list[str]:
    """Acts of the attendant that no line of kinds.yaml names; none where the pack has no such file."""
    acts = {d.act for d in decisions if d.act.startswith("assistant.")} if pack.kinds else set()
    names = {act.removeprefix("assistant.").partition(":")[0] for act in acts}
    return sorted(name for name in names if pack.kind_of(name) is None)


def contradictions(decisions: Iterable[Decision]) -> list[dict[str, Any]]:
    """Conversations that are the same up to here, numbers and names aside, and go on with different kinds."""
    alike: dict[str, list[Decision]] = defaultdict(list)
    for decision in decisions:
        alike[decision.key].append(decision)
    found = []
    for group in alike.values():
        kinds = Counter(decision.kind for decision in group)
        if len(kinds) > 1:
            first = {kind: next(d for d in group if d.kind == kind) for kind in kinds}
            examples = [{"kind": kind, "times": count, **_example(first[kind])} for kind, count in kinds.most_common()]
            found.append({"said": group[0].said, "kinds": examples})
    return sorted(found, key=lambda item: (-sum(kind["times"] for kind in item["kinds"]), item["said"]))


def _example(decision: Decision) -> dict[str, str]:
    return {"row": decision.row, "act": decision.act, "place": decision.place, "answer": decision.answer_place}


# ------------------------------------------------------------------------------------------------ how it is told


def told(figures: dict[str, Any], pack: Pack, limit: int) -> Iterator[str]:
    """The figures of a probe as lines to read; at most `limit` mistakes and contradictions each."""
    train, splits = figures["train"], figures["splits"]
    drawn = f" ({train['rows_left_out']} train rows left out to be quick)" if train["rows_left_out"] else ""
    acts = "kinds of acts" if pack.kinds else "acts (this pack has no kinds.yaml)"
    yield f"learned from {train['decisions']} decisions of train{drawn}; {len(train['kinds'])} {acts}"
    for split, scores in splits.items():
        goal = f"; goal {_percent(figures['goal'])}" if split == "test_unseen" else ""
        yield f"{split}: {shares_line(scores)}{goal}"
    yield from told_score(splits["test_unseen"], limit, "test_unseen")
    yield from _told_mistakes(figures["learned_and_still_mistaken"], limit, "train, after learning it: doubtful labels")
    if figures["without_kind"]:
        yield f"acts that no line of kinds.yaml names: {', '.join(figures['without_kind'])}"
    yield f"train: {len(figures['contradictions'])} contexts are alike (numbers, names masked) and go on differently"
    for found in figures["contradictions"][:limit]:
        yield f"  «{_one_line(found['said'])}»"
        for kind in found["kinds"]:
            yield f"    {kind['kind']} ×{kind['times']}: {kind['place']} then {kind['answer']} ({kind['row']})"


def told_score(scores: dict[str, Any], limit: int, name: str) -> Iterator[str]:
    """Shares by kind and category, confusions and mistakes of one set of questions."""
    for title in ("by_kind", "by_category"):
        groups = {group: found for group, found in scores[title].items() if group}
        if groups:
            parts = (
                f"{group} {_percent(found['accuracy'])} of {found['decisions']}" for group, found in groups.items()
            )
            yield f"{name} {title.replace('_', ' ')}: " + ", ".join(parts)
    if scores["confusions"]:
        pairs = (f"{c['expected']} → {c['predicted']} ×{c['count']}" for c in scores["confusions"][:limit])
        yield f"{name} confusions (expected → predicted): " + ", ".join(pairs)
    yield from _told_mistakes(scores["mistakes"], limit, f"{name}: surest mistakes")


def shares_line(scores: dict[str, Any]) -> str:
    """How many were right, in one line."""
    by_wording = _percent(scores["accuracy_by_wording"])
    return (
        f"{_percent(scores['accuracy'])} of {scores['decisions']} decisions right ({by_wording} with each wording once)"
    )


def _told_mistakes(found: list[dict[str, Any]], limit: int, title: str) -> Iterator[str]:
    if found:
        yield f"{title} ({min(limit, len(found))} of {len(found)})"
    for m in found[:limit]:
        times = f" ×{m['times']}" if m["times"] > 1 else ""
        act = m["act"].removeprefix("assistant.")
        expected = m["expected"] if act == m["expected"] else f"{m['expected']} ({act})"
        row = "" if m["row"] == m["place"] else f" {m['row']}"
        what = f"{expected} → {m['predicted']} «{_one_line(m['said'])}»"
        yield f"  {_percent(m['sure'])}{times} {m['place']}: {what}{row}"


def _one_line(text: str, most: int = 100) -> str:
    line = " / ".join(text.split("\n"))
    return line if len(line) <= most else line[: most - 1] + "…"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f}%"
