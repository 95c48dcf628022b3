"""Damages that only show beside other rows: doubles, ids, what two files share. See damage.py."""

from __future__ import annotations

import copy
from random import Random

from validators.context import build
from validators.corpus import ENOUGH_TRIPLES, NEAR
from validators.cpf import cpf_ok
from validators.damage import Damage, Row, arguments, callers, turns
from validators.trace import trace, unpack


def _renamed(row: Row) -> Row:
    return {**copy.deepcopy(row), "id": f"{row['id']}-again"}


def double(row: Row, random: Random) -> list[Row]:
    """The same conversation twice, under two ids."""
    return [row, _renamed(row)]


def near_double(row: Row, random: Random) -> list[Row] | None:
    """The same conversation twice, one word put in."""
    other = _renamed(row)
    message = random.choice(turns(other, "user"))
    message["content"] = f"então {message['content']}"
    one, two = (set(unpack(trace(each, build(each, "", 1), False).near)) for each in (row, other))
    if len(one) < ENOUGH_TRIPLES or len(one & two) / len(one | two) < NEAR:
        return None  # too short: a word more makes it another conversation
    return [row, other]


def same_id(row: Row, random: Random) -> list[Row]:
    """Another conversation under an id that is taken."""
    other = copy.deepcopy(row)
    other["messages"] += [{"role": "user", "content": "valeu, viu"}, {"role": "assistant", "content": "Por nada!"}]
    return [row, other]


def same_person(row: Row, random: Random) -> list[Row] | None:
    """The same CPF in another conversation of the other file."""
    places = callers(row)
    if not places:
        return None
    cpf = arguments(row, places[0])["cpf"]
    if not cpf_ok(cpf):
        return None  # eleven figures that are no CPF are nobody's
    other = {
        "id": f"{row['id']}-again",
        "category": "partial_data",
        "messages": [
            {"role": "user", "content": f"oi, quero ver meu plano, o cpf é {cpf}"},
            {"role": "assistant", "content": "Recebi o CPF. Falta só a data de nascimento."},
        ],
    }
    return [row, other]


def same_name(row: Row, random: Random) -> list[Row] | None:
    """The same person's name and birth date in the other file, in another conversation."""
    places = callers(row)
    if not places or not trace(row, build(row, "", 1), True).people:
        return None
    other = _renamed(row)
    other["messages"] += [{"role": "user", "content": "valeu, viu"}, {"role": "assistant", "content": "Por nada!"}]
    return [row, other]


DAMAGES = (
    Damage("a double", ("corpus.duplicate",), double),
    Damage("a near double", ("corpus.near_duplicate",), near_double),
    Damage("an id twice", ("corpus.id_reused",), same_id),
    Damage("a double in the other file", ("leak.conversation",), double, files=2),
    Damage("a near double in the other file", ("leak.near_duplicate",), near_double, files=2),
    Damage("a CPF in the other file", ("leak.cpf",), same_person, files=2),
    Damage("a person in the other file", ("leak.person",), same_name, files=2),
)
