"""The catalogue of damages: every way in which a clean row is spoilt to see whether the judge finds it.

A damage is one function that takes a copy of a clean row and a random generator, and gives the spoilt row, or None
where the row has nothing to spoil in this way. It changes what a mistake would change and nothing else. To add one:
write the function in one of the `damage_*` modules and its entry in that module's list.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, NamedTuple

Row = dict[str, Any]
Spoilt = Row | bytes | list[Row] | None
"""A row, a line of the file as bytes, or several rows: those of a pair of files where `files` says so."""


class Damage(NamedTuple):
    """One kind of damage: its name, the codes of which one must find it, the function, and how the row is judged."""

    name: str
    codes: tuple[str, ...]
    apply: Callable[[Row, Random], Spoilt]
    profile: str = "rendered"
    files: int = 1


def turns(row: Row, role: str) -> list[Row]:
    """The messages of a role that are words."""
    return [message for message in row["messages"] if message["role"] == role and isinstance(message["content"], str)]


def callers(row: Row) -> list[int]:
    """The places of messages that make a call."""
    return [place for place, message in enumerate(row["messages"]) if message.get("tool_calls")]


def function(row: Row, place: int) -> Row:
    """The function of the call at a place."""
    return row["messages"][place]["tool_calls"][0]["function"]


def arguments(row: Row, place: int) -> Row:
    """The arguments of the call at a place, decoded."""
    return json.loads(function(row, place)["arguments"])


def with_arguments(row: Row, place: int, values: Row) -> Row:
    """The row with other arguments in its call, written as our rows write them."""
    function(row, place)["arguments"] = json.dumps(values, ensure_ascii=False)
    return row


def result(row: Row, place: int) -> Any:
    """What the call at a place was answered."""
    return json.loads(row["messages"][place + 1]["content"])


def answers(row: Row) -> Iterator[tuple[int, Row, Any]]:
    """Each call that is answered and told: its place, the message that tells, the result."""
    messages = row["messages"]
    for place in callers(row):
        if place + 2 < len(messages) and messages[place + 2]["role"] == "assistant" and messages[place + 2]["content"]:
            yield place, messages[place + 2], result(row, place)


def everything_said(row: Row, before: Row | None = None) -> str:
    """All that users, tools and the system say, up to a message when one is given."""
    parts = []
    for message in row["messages"]:
        if message is before:
            break
        if message["role"] != "assistant" and isinstance(message["content"], str):
            parts.append(message["content"])
    return "\n".join(parts)


def catalogue() -> tuple[Damage, ...]:
    """Every damage there is."""
    from validators import damage_calls, damage_corpus, damage_lines, damage_manners, damage_shape, damage_words

    modules = (damage_lines, damage_shape, damage_calls, damage_words, damage_manners, damage_corpus)
    return tuple(damage for module in modules for damage in module.DAMAGES)
