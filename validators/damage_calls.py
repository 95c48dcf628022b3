"""Damages of calls, their answers, and what they are made of. See damage.py."""

from __future__ import annotations

import json
from datetime import date
from random import Random
from typing import Any

from validators.cpf import check_digits
from validators.damage import Damage, Row, arguments, callers, function, result, with_arguments
from validators.dates import is_date
from validators.grounding import Heard


def _some(row: Row, random: Random) -> int | None:
    places = callers(row)
    return random.choice(places) if places else None


def _edit(change):
    """A damage of the arguments of one call: `change` gives the new ones, or None."""

    def apply(row: Row, random: Random) -> Row | None:
        place = _some(row, random)
        if place is None:
            return None
        old = arguments(row, place)
        new = change(dict(old), random)
        return with_arguments(row, place, new) if new is not None and new != old else None

    return apply


def _write(change):
    """A damage of the arguments' text."""

    def apply(row: Row, random: Random) -> Row | None:
        place = _some(row, random)
        if place is None:
            return None
        function(row, place)["arguments"] = change(function(row, place)["arguments"])
        return row

    return apply


def _call(change):
    """A damage of the call's message; `change` gets it and its call."""

    def apply(row: Row, random: Random) -> Row | None:
        place = _some(row, random)
        if place is None:
            return None
        change(row["messages"][place], row["messages"][place]["tool_calls"][0])
        return row

    return apply


def _answer(change):
    """A damage of the tool's message."""

    def apply(row: Row, random: Random) -> Row | None:
        place = _some(row, random)
        if place is None:
            return None
        change(row["messages"][place + 1])
        return row

    return apply


def _swap_digits(values: Row, random: Random) -> Row | None:
    cpf = values["cpf"]
    places = [place for place in range(10) if cpf[place] != cpf[place + 1]]
    place = random.choice(places)
    return values | {"cpf": cpf[:place] + cpf[place + 1] + cpf[place] + cpf[place + 2 :]}


def _change_digit(values: Row, random: Random) -> Row:
    place = random.randrange(11)
    digit = random.choice([digit for digit in "0123456789" if digit != values["cpf"][place]])
    return values | {"cpf": values["cpf"][:place] + digit + values["cpf"][place + 1 :]}


def _another_cpf(values: Row, random: Random) -> Row:
    base = f"{random.randrange(10**9):09}"
    return values | {"cpf": base + check_digits(base)}


def _day_for_month(values: Row, random: Random) -> Row | None:
    born = values["data_nascimento"]
    other = born[:4] + born[6:] + born[4:6]
    return values | {"data_nascimento": other} if is_date(other) else None


def _another_date(values: Row, random: Random) -> Row:
    day = date(1930, 1, 1).toordinal() + random.randrange(28_000)
    return values | {"data_nascimento": date.fromordinal(day).strftime("%Y%m%d")}


def _year_beside(values: Row, random: Random) -> Row | None:
    born = values["data_nascimento"]
    other = f"{int(born[:4]) + random.choice([-10, -1, 1, 10])}{born[4:]}"
    return values | {"data_nascimento": other} if is_date(other) else None


def _day_beside(values: Row, random: Random) -> Row | None:
    born = values["data_nascimento"]
    other = f"{born[:6]}{int(born[6:]) + 1:02}"
    return values | {"data_nascimento": other} if is_date(other) else None


def _dotted(values: Row, random: Random) -> Row:
    cpf = values["cpf"]
    return values | {"cpf": f"{cpf[:3]}.{cpf[3:6]}.{cpf[6:9]}-{cpf[9:]}"}


def _day_first(values: Row, random: Random) -> Row:
    born = values["data_nascimento"]
    return values | {"data_nascimento": born[6:] + born[4:6] + born[:4]}


def _iso(values: Row, random: Random) -> Row:
    born = values["data_nascimento"]
    return values | {"data_nascimento": f"{born[:4]}-{born[4:6]}-{born[6:]}"}


def _without(values: Row, random: Random) -> Row:
    del values[random.choice(list(values))]
    return values


def _renamed(values: Row, random: Random) -> Row:
    return {"cpf": values["cpf"], "dataNascimento": values["data_nascimento"]}


def keys_reversed(row: Row, random: Random) -> Row | None:
    """Keys not in the schema's order."""
    place = _some(row, random)
    return None if place is None else with_arguments(row, place, dict(reversed(list(arguments(row, place).items()))))


def two_calls(row: Row, random: Random) -> Row | None:
    """Two calls in one turn."""
    place = _some(row, random)
    if place is None:
        return None
    calls = row["messages"][place]["tool_calls"]
    calls.append({**calls[0], "id": "call_second00"})
    return row


def id_reused(row: Row, random: Random) -> Row | None:
    """Both calls of a row with one id."""
    places = callers(row)
    if len(places) < 2:
        return None
    first = row["messages"][places[0]]["tool_calls"][0]["id"]
    row["messages"][places[1]]["tool_calls"][0]["id"] = first
    row["messages"][places[1] + 1]["tool_call_id"] = first
    return row


def unanswered(row: Row, random: Random) -> Row | None:
    """The tool's message was lost."""
    place = _some(row, random)
    if place is None:
        return None
    del row["messages"][place + 1]
    return row


def answered_twice(row: Row, random: Random) -> Row | None:
    """The tool's message stands twice."""
    place = _some(row, random)
    if place is None:
        return None
    row["messages"].insert(place + 1, dict(row["messages"][place + 1]))
    return row


def answered_late(row: Row, random: Random) -> Row | None:
    """The tool's message stands behind the words that tell it."""
    place = _some(row, random)
    if place is None:
        return None
    messages = row["messages"]
    messages[place + 1], messages[place + 2] = messages[place + 2], messages[place + 1]
    return row


def one_turn_early(row: Row, random: Random) -> Row | None:
    """The call stands before the user's message that gives what it needs."""
    for place in callers(row):
        messages = row["messages"]
        if place < 3 or messages[place - 1]["role"] != "user" or messages[place - 2]["role"] != "assistant":
            continue
        if messages[place - 2].get("tool_calls") or "tool" in (
            messages[place - 3]["role"],
            messages[place - 2]["role"],
        ):
            continue
        if sum(map(str.isdigit, messages[place - 1]["content"])) < 6:
            continue
        given, moved = messages[place - 1], messages[place : place + 3]
        if any(arguments(row, before) == arguments(row, place) for before in callers(row) if before < place):
            continue
        if _told_before(messages[: place - 2], arguments(row, place)):
            continue
        row["messages"] = [*messages[: place - 2], *moved, given, messages[place - 2], *messages[place + 3 :]]
        return row
    return None


def _told_before(messages: list[Row], values: dict[str, Any]) -> bool:
    """Whether the user has told both values already: then a call is not too early."""
    heard = Heard()
    for index, message in enumerate(messages):
        if message["role"] == "user":
            heard.user(message["content"], index)
    told = {mention.value for mention in (*heard.cpfs, *heard.dates)}
    return told >= set(values.values())


def _corrected(kind: str, sentence: str):
    """The user corrects a datum before the call, and the call uses the old one."""

    def apply(row: Row, random: Random) -> Row | None:
        places = callers(row)
        if not places or row["messages"][places[0] - 1]["role"] != "user":
            return None
        old = arguments(row, places[0])[kind]
        if kind == "cpf":
            new = _another_cpf({}, random)["cpf"]
            written = f"{new[:3]}.{new[3:6]}.{new[6:9]}-{new[9:]}"
        else:
            new = _another_date({}, random)["data_nascimento"]
            written = f"{new[6:]}/{new[4:6]}/{new[:4]}"
        if new == old:
            return None
        row["messages"].insert(places[0], {"role": "user", "content": sentence.format(written)})
        return row

    return apply


def same_call_again(row: Row, random: Random) -> Row | None:
    """The same call once more, though its result is there."""
    places = callers(row)
    if not places or result(row, places[0]).get("sucesso", result(row, places[0]).get("success")) is not True:
        return None
    messages = row["messages"]
    again = json.loads(json.dumps(messages[places[0] : places[0] + 3]))
    again[0]["tool_calls"][0]["id"] = again[1]["tool_call_id"] = "call_again000"
    messages[places[0] + 3 : places[0] + 3] = [{"role": "user", "content": "ok"}, *again]
    return row


def another_function(row: Row, random: Random) -> Row | None:
    """A function that was not offered."""
    if "tools" not in row:
        return None
    place = _some(row, random)
    if place is None:
        return None
    function(row, place)["name"] = "consultar_beneficiario"
    return row


def _flat(message: Row, call: Row) -> None:
    message["tool_calls"] = [{"id": call["id"], **call["function"]}]


def _python(message: Row) -> None:
    message["content"] = repr(json.loads(message["content"]))


def _decode(message: Row) -> None:
    message["content"] = json.loads(message["content"])


def _set(key: str, value: object):
    return lambda message, call: message.update({key: value})


# A wrong CPF may be the very one that the user had before he put it right.
MADE_UP = ("call.cpf_ungrounded", "call.cpf_superseded")

DAMAGES = (
    Damage("arguments as an object", ("call.arguments_type",), _write(json.loads)),
    Damage("arguments cut off", ("call.arguments_json",), _write(lambda text: text[:-2])),
    Damage("arguments encoded twice", ("call.arguments_twice",), _write(json.dumps)),
    Damage("arguments as a list", ("call.arguments_object",), _write(lambda text: json.dumps([json.loads(text)]))),
    Damage("argument keys in another order", ("call.arguments_order",), keys_reversed),
    Damage("argument missing", ("call.arguments_schema",), _edit(_without)),
    Damage("argument renamed", ("call.arguments_schema",), _edit(_renamed)),
    Damage("argument too many", ("call.arguments_schema",), _edit(lambda values, _: {**values, "nome": "Maria"})),
    Damage(
        "CPF as a number", ("call.cpf_form", "call.arguments_schema"), _edit(lambda v, _: v | {"cpf": int(v["cpf"])})
    ),
    Damage("CPF with dots", ("call.cpf_form",), _edit(_dotted)),
    Damage("date as DDMMYYYY", ("call.date_form",), _edit(_day_first)),
    Damage("date in ISO form", ("call.date_form",), _edit(_iso)),
    Damage("another function", ("call.unknown_tool",), another_function),
    Damage("flat call", ("call.shape",), _call(_flat)),
    Damage("call without a type", ("call.shape",), _call(lambda message, call: call.pop("type"))),
    Damage("call without an id", ("call.id_missing",), _call(lambda message, call: call.pop("id"))),
    Damage("words beside a call", ("call.text_beside",), _call(_set("content", "Só um instante."))),
    Damage("empty text beside a call", ("call.text_beside",), _call(_set("content", ""))),
    Damage("two calls in a turn", ("call.several",), two_calls),
    Damage("one id for two calls", ("call.id_reused",), id_reused),
    Damage("call not answered", ("call.unanswered",), unanswered),
    Damage("call answered twice", ("tool.unasked",), answered_twice),
    Damage("call answered late", ("call.unanswered",), answered_late),
    Damage("answered by another id", ("tool.id_mismatch",), _answer(lambda m: m.update(tool_call_id="call_other000"))),
    Damage("answer without an id", ("tool.id_missing",), _answer(lambda message: message.pop("tool_call_id"))),
    Damage("result as an object", ("tool.not_string",), _answer(_decode)),
    Damage("result as Python repr", ("tool.not_json",), _answer(_python)),
    Damage("result encoded twice", ("tool.twice",), _answer(lambda m: m.update(content=json.dumps(m["content"])))),
    Damage("two digits of the CPF swapped", MADE_UP, _edit(_swap_digits)),
    Damage("a digit of the CPF changed", MADE_UP, _edit(_change_digit)),
    Damage("the CPF of another person", ("call.cpf_ungrounded",), _edit(_another_cpf)),
    Damage("day and month exchanged", ("call.date_ungrounded",), _edit(_day_for_month)),
    Damage("the date of another person", ("call.date_ungrounded",), _edit(_another_date)),
    Damage("a year beside the right one", ("call.date_ungrounded",), _edit(_year_beside)),
    Damage("a day beside the right one", ("call.date_ungrounded",), _edit(_day_beside)),
    Damage("call one turn early", ("call.cpf_ungrounded", "call.date_ungrounded"), one_turn_early),
    Damage("corrected CPF not used", ("call.cpf_superseded",), _corrected("cpf", "errei o cpf, o certo é {}")),
    Damage(
        "corrected date not used",
        ("call.date_superseded",),
        _corrected("data_nascimento", "errei a data, o certo é {}"),
    ),
    Damage("the same call again", ("call.repeated",), same_call_again),
)
