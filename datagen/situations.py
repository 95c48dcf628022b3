"""The table of edge cases: code → situation, what the attendant must do in it and must never do.

Every rendered row of a code is held against the table: by its own words where they can tell (`SEEN`), by the kind of
the acts of its plan (kinds.yaml) for the rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from datagen.flows import Flow
from datagen.pack import Pack

_ASKING = re.compile(
    r"\b(me (passa|pass[ae]|informa|manda|diz|d[êi])|"
    r"pode(ria)? (me )?(passar|informar|mandar|dizer|digitar|enviar|reenviar)|"
    r"preciso|precisar|falta|qual( é)?|quais|manda|envi[ea]|informe|basta|e (o|a)|também)\b",
    re.IGNORECASE,
)
_CPF = re.compile(r"\bCPF\b")
_BIRTH_DATE = re.compile(r"\b(data de nascimento|quando (você )?nasceu|dia, (o )?mês|nascimento)\b", re.IGNORECASE)
_NEGATED = re.compile(r"\b(não (precisa|preciso|é preciso|peço|mande|passe)|sem (precisar|o CPF)|nenhum dado)\b", re.I)
_PHONE = re.compile(r"\(\d\d\) ?\d{4,5}-?\d{4}|\b0800\b")
_LONG_NUMBER = re.compile(r"(?<!\d)(?:\d{3}\.?\d{3}\.?\d{3}-?\d{2}|\d{11,19})(?!\d)")
"""A CPF or a card; a protocol has twenty digits, and is for the customer to note down."""


def _said(messages: list[dict[str, Any]]) -> list[str]:
    return [m["content"] for m in messages if m["role"] == "assistant" and m["content"]]


def _asks_for(what: re.Pattern[str]) -> Callable[[list[dict[str, Any]]], bool]:
    def seen(messages: list[dict[str, Any]]) -> bool:
        sentences = (sentence for text in _said(messages) for sentence in re.split(r"(?<=[.!?;])\s+", text))
        return any(what.search(s) and _ASKING.search(s) and not _NEGATED.search(s) for s in sentences)

    return seen


def _starts_with(number: str) -> Callable[[list[dict[str, Any]]], bool]:
    def seen(messages: list[dict[str, Any]]) -> bool:
        first = _said(messages)[:1]
        sentences = re.split(r"(?<=[.!?])\s+", first[0])[:2] if first else []
        return any(re.search(rf"\b{number}\b", sentence) for sentence in sentences)

    return seen


def _says(pattern: str) -> Callable[[list[dict[str, Any]]], bool]:
    compiled = re.compile(pattern, re.IGNORECASE)
    return lambda messages: any(compiled.search(text) for text in _said(messages))


def _calls(messages: list[dict[str, Any]]) -> list[str]:
    return [call["function"]["arguments"] for m in messages for call in m.get("tool_calls", ())]


SEEN: dict[str, Callable[[list[dict[str, Any]]], bool]] = {
    "call": lambda messages: bool(_calls(messages)),
    "call_twice": lambda messages: len(_calls(messages)) > 1,
    "ask_for_cpf": _asks_for(_CPF),
    "ask_for_birth_date": _asks_for(_BIRTH_DATE),
    "send_to_192_first": _starts_with("192"),
    "name_193": _says(r"\b193\b"),
    "name_188": _says(r"\b188\b"),
    "name_180": _says(r"\b180\b"),
    "name_190": _says(r"\b190\b"),
    "name_phone": lambda messages: any(_PHONE.search(text) for text in _said(messages)),
    "say_virtual": _says(r"\b(virtual|robô|não sou (uma )?(pessoa|gente|humana))\b"),
    "read_out_number": lambda messages: any(_LONG_NUMBER.search(_PHONE.sub("", text)) for text in _said(messages)),
    "say_amount": _says(r"R\$"),
}
"""What can be seen in a row's own words, whatever its plan says: name → whether the attendant does it."""


def broken_rules(flow: Flow, pack: Pack, messages: list[dict[str, Any]], acts: list[str]) -> Iterator[str]:
    """Where a row of an edge case leaves out what its code demands, or does what it forbids.

    `acts` are the acts of the plan, as its summary lists them.
    """
    kinds: set[str | None] = set()
    if flow.file.must or flow.file.must_not:
        spoken = (act for act in acts if act.startswith("assistant."))
        kinds = {pack.kind_of(act.removeprefix("assistant.").partition(":")[0]) for act in spoken}

    def done(name: str) -> bool:
        return SEEN[name](messages) if name in SEEN else name in kinds

    for name in flow.file.must:
        if not done(name):
            yield f"code {flow.code}: {name} is demanded, and the attendant does not do it"
    for name in flow.file.must_not:
        if done(name):
            yield f"code {flow.code}: {name} is forbidden, and the attendant does it"


def table(pack: Pack) -> Iterator[dict[str, Any]]:
    """One entry per code, in the order of the files: what the owner and the author read."""
    for flow in pack.flows:
        if flow.code:
            yield {
                "code": flow.code,
                "situation": str(flow.situation),
                "must": [str(name) for name in flow.file.must],
                "must_not": [str(name) for name in flow.file.must_not],
                "place": flow.place,
            }
