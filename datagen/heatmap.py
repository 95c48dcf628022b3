"""Which template lines a dataset uses: never, too often, and how often. By `file:line`, as an author finds them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from datagen.dataset import Dataset
from datagen.grammar import AssistantStep, UserStep
from datagen.pack import Pack
from datagen.phrasebook import says
from datagen.values import unmarked
from datagen.yamlfile import Text

ROLES = ("user", "assistant")
OVERUSED = 0.01
"""Share of what its role says from which a line is heard too often."""
_ONLY_PASSES_ON = re.compile(r"\{\{\s*(question|answer)\b")
"""A line that says what a fact's own wordings say: its share is theirs."""


def heatmap(dataset: Dataset, pack: Pack) -> dict[str, Any]:
    """Per role the share of each of the most used lines, those overused, those never used; and the use of all lines."""
    uses = lines_used(dataset)
    wordings = {role: list(_wordings(pack, role)) for role in ROLES}
    texts = {place: text for role in ROLES for wording in wordings[role] for place, text in wording.items()}
    found: dict[str, Any] = {}
    for role in ROLES:
        total = max(uses[role].total(), 1)
        own = [(place, count / total) for place, count in uses[role].most_common() if _own(texts.get(place, ""))]
        found[role] = {
            "lines": sum(map(len, wordings[role])),
            "used": len(uses[role]),
            "most_used": [_line(place, share, texts) for place, share in own[:10]],
            "overused": [_line(place, share, texts) for place, share in own if share > OVERUSED],
            "unused": [_line(min(w, key=_in_order), 0, w) for w in wordings[role] if not w.keys() & uses[role].keys()],
        }
    asked = Counter(act.partition(":")[2] for made in dataset.provenance for act in made["acts"] if ":" in act)
    found["facts_never_asked"] = [
        {"line": fact.id.place, "text": str(fact.id)} for fact in pack.facts.values() if not asked[fact.id]
    ]
    found["uses"] = {role: dict(sorted(uses[role].items(), key=lambda pair: _in_order(pair[0]))) for role in uses}
    return found


def lines_used(dataset: Dataset) -> dict[str, Counter[str]]:
    """Role → `file:line` → how many messages it made; calls and the tool's answers come from no line."""
    uses: dict[str, Counter[str]] = {role: Counter() for role in (*ROLES, "system")}
    for row, made in dataset.pairs():
        for message, place in zip(row["messages"], made["lines"], strict=True):
            if message["role"] in uses and message["content"] is not None:
                uses[message["role"]][place] += 1
    return uses


def _own(text: str) -> bool:
    return not _ONLY_PASSES_ON.search(text)


def _line(place: str, share: float, texts: dict[str, str]) -> dict[str, Any]:
    return {"line": place, "share": round(share, 5), "text": texts.get(place, "")}


def _in_order(place: str) -> tuple[str, int]:
    file, _, line = place.rpartition(":")
    return file, int(line) if line.isdigit() else 0


def _wordings(pack: Pack, role: str) -> Iterator[dict[str, str]]:
    """Every wording of the acts and steps of `role` once, as place → text of each of its messages."""
    kind = UserStep if role == "user" else AssistantStep
    steps = [*(flow.file.steps for flow in pack.flows), *pack.fragments.values()]
    lists = [wordings for (who, _), wordings in pack.acts.items() if who == role]
    lists += [step.say for part in steps for step in says(part, kind) if step.say]
    seen: set[str] = set()
    for wording in (wording for wordings in lists for wording in wordings):
        if wording[0].place not in seen:
            seen.add(wording[0].place)
            yield _by_place(wording)


def _by_place(wording: tuple[Text, ...]) -> dict[str, str]:
    places: dict[str, str] = {}
    for text in wording:
        plain = unmarked(text)
        places[text.place] = f"{places[text.place]} / {plain}" if text.place in places else plain
    return places
