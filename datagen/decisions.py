"""What stands before each act of the attendant, as a plain classifier can read it. Part of `python -m datagen probe`.

A situation is the conversation so far: the customer's last words, what the attendant said before them, and the state,
which says what figures were given (as the judge reads them), what the tool found and how far the talk has come.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any

import orjson

from validators.diversity import masked, name_words
from validators.formats import scan
from validators.grounding import Heard
from validators.tokens import fold

FOUND_FROM = 12
"""A tool's answer with so many values or more is a contract; one with fewer says that there is none."""
_CHUNK = 200
_FIRST_YEAR_TOLD = 2020
"""Years of birth from here on are told one by one: whether such a date lies ahead depends on the day."""


@dataclass
class Situation:
    """The conversation before one act of the attendant, in figures-blind small letters without accents."""

    said: str
    """The customer's last words, as typed."""
    words: str
    before: str
    """What the attendant said last."""
    earlier: str
    """What the customer said before that."""
    state: str
    """Words that say what was given, found and done so far."""


@dataclass
class Decision(Situation):
    """A situation, what the attendant does in it, and where both were written."""

    kind: str = ""
    act: str = ""
    row: str = ""
    category: str = ""
    place: str = ""
    """Template `file:line` of the customer's last words."""
    answer_place: str = ""
    key: str = ""
    """The whole conversation so far, masked, before noise: equal keys should be followed by the same kind."""


@dataclass
class _State:
    """What has been gathered on the way through a conversation."""

    heard: Heard = field(default_factory=Heard)
    said: list[str] = field(default_factory=list)
    figures: list[str] = field(default_factory=list)
    found: list[str] = field(default_factory=list)
    earlier: list[str] = field(default_factory=list)
    before: str = ""
    role: str = "start"
    turns: int = 0
    calls: int = 0

    def user(self, text: str, index: int) -> None:
        if self.role != "user":
            self.earlier += self.said
            self.said, self.figures = [], []
            self.turns += 1
        self.said.append(text)
        self.heard.user(text, index)
        self.figures += _figures(text)

    def tokens(self) -> list[str]:
        given = _given(self.heard)
        new = "+".join(sorted({token.rpartition(":")[0] for token in self.figures}))
        tool = self.found if self.role == "tool" else [f"earlier:{token}" for token in self.found[:1]]
        together = [f"given:{given}", f"last:{self.role}", f"calls:{min(self.calls, 2)}", f"new:{new}"]
        return [
            *together,
            "|".join(together[:3]),
            "|".join((together[0], together[3], f"called:{self.calls > 0}")),
            f"turn:{min(self.turns, 5)}",
            f"unusable:{bool(self.heard.refused)}",
            *self.figures,
            *tool,
        ]

    def situation(self) -> Situation:
        said = "\n".join(self.said)
        earlier = _blind("\n".join(self.earlier))
        return Situation(said, _blind(said), _blind(self.before), earlier, " ".join(self.tokens()))


def situations(messages: list[dict[str, Any]]) -> Iterator[tuple[int, Situation]]:
    """Index and situation before each message of the attendant, and at the end where the attendant is to speak."""
    state = _State()
    for index, message in enumerate(messages):
        role = message["role"]
        if role == "system":
            continue
        if role == "user":
            state.user(message["content"], index)
        elif role == "tool":
            state.found = _tool_tokens(message["content"])
        else:
            yield index, state.situation()
            if message.get("tool_calls"):
                state.calls += 1
            else:
                state.before = message["content"]
                state.heard.assistant(state.before)
        state.role = role
    if state.role in ("user", "tool"):
        yield len(messages), state.situation()


def _blind(text: str) -> str:
    return re.sub(r"[0-9]", "0", fold(text)[0])


def _given(heard: Heard) -> str:
    """Whether a CPF and a birth date have been given, in part, unclearly, or not at all."""
    cpf = "whole" if heard.cpfs else "part" if heard.pieces else "none"
    if any(mention.label != "other" for mention in heard.dates):
        return f"{cpf},whole"
    return f"{cpf},unclear" if heard.unclear else f"{cpf},part" if heard.known != "????????" else f"{cpf},none"


def _figures(text: str) -> list[str]:
    """What the figures of a text are, without the figures."""
    found = scan(text)
    tokens = [
        f"{name}:{c.kind}:{c.note}" for name, items in (("cpf", found.cpfs), ("date", found.dates)) for c in items
    ]
    years = [f"year:{date.value[:4]}" for date in found.dates if str(_FIRST_YEAR_TOLD) <= date.value[:4] < "?"]
    for name, items in (("cpf", found.cpfs), ("date", found.dates)):
        whole = {item.value for item in items if item.kind == "resolved"}
        tokens += [f"{name}s:{len(whole)}"] * (len(whole) > 1)
    return [token.replace(" ", "_") for token in tokens + years]


def _tool_tokens(content: str) -> list[str]:
    """Whether the tool found something, then its values without figures."""
    try:
        values = list(_leaves(orjson.loads(content)))
    except orjson.JSONDecodeError:
        return ["unreadable"]
    return ["found" if len(values) >= FOUND_FROM else "nothing", *(f"tool:{value}" for value in values)]


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, (dict, list)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _leaves(part)
    elif value is not None:
        yield re.sub(r"\d+", "0", str(value)).replace(" ", "_").lower()[:40]


# ------------------------------------------------------------------------------------------------ rows of a dataset


@dataclass(frozen=True)
class Labelled:
    """A row as it stands in its file, with what its side-car says."""

    row: bytes
    provenance: dict[str, Any]
    acts: list[tuple[str, str]]
    """(act, kind) of each message of the attendant."""


def labels(acts: Iterable[str], kind_of: Callable[[str], str | None]) -> list[tuple[str, str]]:
    """(act, kind) of the attendant's acts in a plan; consulting is `call`; an act without a kind is its own kind."""
    named = (act for act in acts if not act.startswith("user."))
    return [
        (act, "call" if act.startswith("consult.") else kind_of(_name(act)) or _name(act)) for act in named
    ]  # fmt: skip


def _name(act: str) -> str:
    return act.partition(".")[2].partition(":")[0]


def decisions_of(labelled: Labelled) -> Iterator[Decision]:
    """Every decision of a row. Raises ValueError where the row and its plan do not fit together."""
    row, provenance = orjson.loads(labelled.row), labelled.provenance
    messages, lines = row["messages"], provenance["lines"]
    spoken = [(index, situation) for index, situation in situations(messages) if index < len(messages)]
    so_far = _masked_so_far(messages, provenance)
    for (index, situation), (act, kind) in zip(spoken, labelled.acts, strict=True):
        words_at = max((at for at in range(index) if messages[at]["role"] == "user"), default=index)
        yield Decision(
            **vars(situation),
            kind=kind,
            act=act,
            row=row["id"],
            category=row["category"],
            place=lines[words_at],
            answer_place=lines[index],
            key="\n".join([*filter(None, so_far[:index]), situation.state]),
        )


def _masked_so_far(messages: list[dict[str, Any]], provenance: dict[str, Any]) -> list[str]:
    """What each message says to a reader who sees no figures and no names; the tool's answers stand in the state."""
    names = name_words(person["name"] for person in provenance["people"].values())
    texts = []
    for message, before in zip(messages, provenance["before_noise"], strict=True):
        text = before if before is not None else message["content"]
        spoken = message["role"] in ("user", "assistant") and text is not None
        texts.append(f"{message['role']}: {masked(text, names) or text}" if spoken else "")
    return texts


def all_decisions(rows: list[Labelled], workers: int) -> list[Decision]:
    """Every decision of `rows`, in order, read by `workers` processes. Raises ValueError as `decisions_of`."""
    chunks = [rows[at : at + _CHUNK] for at in range(0, len(rows), _CHUNK)]
    if min(workers, len(chunks)) < 2:
        return [decision for chunk in chunks for decision in _read(chunk)]
    with ProcessPoolExecutor(min(workers, len(chunks)), get_context("fork"), _leave_signals) as executor:
        return [decision for part in executor.map(_read, chunks) for decision in part]


def _read(chunk: list[Labelled]) -> list[Decision]:
    return [decision for labelled in chunk for decision in decisions_of(labelled)]


def _leave_signals() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
