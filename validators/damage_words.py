"""Damages of what the assistant claims: amounts, dates, names, plans, facts. See damage.py."""

from __future__ import annotations

import json
import re
from random import Random

from validators import evidence
from validators.claims import claims_in
from validators.damage import Damage, Row, answers, everything_said, turns
from validators.evidence import leaves
from validators.outcome import outcome
from validators.tokens import fold

AMOUNT = re.compile(r"R\$ ([\d.]+,\d\d)")
DAY = re.compile(r"\b(\d\d)/(\d\d)((?:/\d{4})?)\b")
PHONE = re.compile(r"\(\d\d\) \d{4}-\d{4}|0800 \d{3} \d{4}")
NAMES = ("Fernanda", "Rogério", "Vanessa", "Cláudio", "Tatiane", "Leandro", "Priscila", "Edson")
PLANS = ("Bronze", "Prata", "Ouro", "Diamante")


def _spoken(row: Row, pattern: re.Pattern[str], random: Random) -> tuple[Row, re.Match[str]] | None:
    """One place in the assistant's words where a pattern stands."""
    found = [(message, match) for message in turns(row, "assistant") for match in pattern.finditer(message["content"])]
    return random.choice(found) if found else None


def _put(message: Row, match: re.Match[str], text: str, group: int = 0) -> None:
    message["content"] = message["content"][: match.start(group)] + text + message["content"][match.end(group) :]


def _digit_off(number: str, random: Random, places: list[int]) -> str:
    place = random.choice(places)
    digit = random.choice([digit for digit in "123456789" if digit != number[place]])
    return f"{number[:place]}{digit}{number[place + 1 :]}"


def _digits(number: str) -> list[int]:
    return [place for place, char in enumerate(number) if char.isdigit()]


def amount_digit(row: Row, random: Random) -> Row | None:
    """One digit of an amount is another."""
    if not (found := _spoken(row, AMOUNT, random)):
        return None
    message, match = found
    new = _digit_off(match[1], random, _digits(match[1]))
    if evidence.cents(new) in evidence.of_text(everything_said(row)).amounts or _in_results(row, evidence.cents(new)):
        return None
    _put(message, match, new, 1)
    return row


def _in_results(row: Row, cents: int) -> bool:
    return any(cents in evidence.of_result(shown).amounts for _, _, shown in answers(row))


def amount_comma(row: Row, random: Random) -> Row | None:
    """The comma of an amount has slipped."""
    if not (found := _spoken(row, AMOUNT, random)):
        return None
    message, match = found
    cents = evidence.cents(match[1]) * 10
    if not cents:
        return None
    _put(message, match, f"{cents // 100:,}".replace(",", ".") + f",{cents % 100:02}", 1)
    return row


def amount_with_a_point(row: Row, random: Random) -> Row | None:
    """An amount as the result stores it."""
    if not (found := _spoken(row, AMOUNT, random)):
        return None
    message, match = found
    cents = evidence.cents(match[1])
    _put(message, match, f"{cents // 100}.{cents % 100:02}", 1)
    return row


def _day_damage(change):
    """A damage of a day that the assistant says; where the other day is known too, it is none."""

    def apply(row: Row, random: Random) -> Row | None:
        if not (found := _spoken(row, DAY, random)):
            return None
        message, match = found
        new = change(match, random)
        read = evidence.DAY.fullmatch(new) if new else None
        day = evidence.day_of(read) if read else None
        if day is None or new == match[0]:
            return None
        shown = [evidence.of_result(result) for _, _, result in answers(row)]
        known = evidence.together([evidence.of_text(everything_said(row)), *shown]).days
        if evidence.agrees(day, known, asking=True):
            return None
        _put(message, match, new)
        return row

    return apply


def _other_day(match: re.Match[str], random: Random) -> str:
    return f"{int(match[1]) % 28 + 1:02}/{match[2]}{match[3]}"


def _other_month(match: re.Match[str], random: Random) -> str:
    return f"{match[1]}/{int(match[2]) % 12 + 1:02}{match[3]}"


def _other_year(match: re.Match[str], random: Random) -> str | None:
    return f"{match[1]}/{match[2]}/{int(match[3][1:]) + 1}" if match[3] else None


def day_and_month_exchanged(match: re.Match[str], random: Random) -> str | None:
    """The month before the day."""
    return f"{match[2]}/{match[1]}{match[3]}" if int(match[1]) <= 12 and match[1] != match[2] else None


def date_as_stored(row: Row, random: Random) -> Row | None:
    """A date as the result stores it."""
    if not (found := _spoken(row, DAY, random)):
        return None
    message, match = found
    if not match[3]:
        return None
    day, month, year = match[1], match[2], match[3][1:]
    _put(message, match, random.choice([f"{year}{month}{day}", f"{year}-{month}-{day}"]))
    return row


def another_plan(row: Row, random: Random) -> Row | None:
    """A plan that is in no result."""
    heard = fold("\n".join(message["content"] for message in turns(row, "user")))[0]
    for _, message, shown in answers(row):
        there = [plan for plan in PLANS if any(plan == leaf for leaf in leaves(shown))]
        named = [plan for plan in PLANS if re.search(rf"\b{plan}\b", message["content"])]
        others = [plan for plan in PLANS if plan not in there and plan.lower() not in heard]
        if len(there) == 1 and named == there and others:
            message["content"] = re.sub(rf"\b{there[0]}\b", random.choice(others), message["content"])
            return row
    return None


ACTIVE = re.compile(r"\b(?:está|aparece|consta|continua|segue)(?: como)? ativ[oa]\b")


def another_status(row: Row, random: Random) -> Row | None:
    """Suspended or cancelled where the result says active."""
    heard = fold("\n".join(message["content"] for message in turns(row, "user")))[0]
    for _, message, shown in answers(row):
        match = ACTIVE.search(message["content"])
        statuses = {leaf for leaf in leaves(shown) if leaf in ("ATIVO", "SUSPENSO", "CANCELADO")}
        if match and statuses == {"ATIVO"} and not re.search(r"suspens|cancel|bloque|inativ", heard):
            if re.search(r"\b(?:se|quando|até|não|nem|sem|ou|para|pra|pode)\b|\?", message["content"]):
                continue
            new = random.choice(["suspenso", "cancelado"])
            _put(message, match, re.sub(r"ativ[oa]$", new, match[0]))
            return row
    return None


def name_of_another(row: Row, random: Random) -> Row | None:
    """Called by the name of somebody else."""
    said = fold(everything_said(row))[0]
    found = [
        (message, claim)
        for message in turns(row, "assistant")
        for claim in claims_in(message["content"])
        if claim.kind == "name"
    ]
    names = [name for name in NAMES if not re.search(rf"\b{fold(name)[0][:-1]}", said)]
    if not found or not names:
        return None
    message, claim = random.choice(found)
    text = message["content"]
    message["content"] = f"{text[: claim.start]}{random.choice(names)}{text[claim.end :]}"
    return row


def _known(row: Row) -> str:
    return re.sub(r"\D+", " ", everything_said(row))


def phone_digit(row: Row, random: Random) -> Row | None:
    """One digit of a telephone is another."""
    if not (found := _spoken(row, PHONE, random)):
        return None
    message, match = found
    _put(message, match, _digit_off(match[0], random, _digits(match[0])[-4:]))
    return row


FACT = re.compile(r"\b(\d{1,3}) (?:dias|meses|horas|anos)\b")


def fact_digit(row: Row, random: Random) -> Row | None:
    """A deadline with another number, one that is in no fact."""
    if not (found := _spoken(row, FACT, random)):
        return None
    message, match = found
    new = random.choice(["8", "9", "11", "13", "17", "19", "23", "26", "45", "90", "210", "270", "320"])
    if re.search(rf"(?<!\d)0*{new}(?!\d)", everything_said(row)):
        return None
    _put(message, match, new, 1)
    return row


def _added(*sentences: str, after_call: bool = False):
    """A sentence more in one of the assistant's answers."""

    def apply(row: Row, random: Random) -> Row | None:
        spoken = [message for _, message, _ in answers(row)] if after_call else turns(row, "assistant")
        spoken = [message for message in spoken if not message["content"].endswith("?")]
        if not spoken:
            return None
        message = random.choice(spoken)
        message["content"] = f"{message['content']} {random.choice(sentences)}"
        return row

    return apply


def protocol_invented(row: Row, random: Random) -> Row | None:
    """A protocol number that nobody issued."""
    number = "335592" + "".join(random.choice("0123456789") for _ in range(14))
    return _added(f"Seu protocolo é {number}.")(row, random)


def dependants_invented(row: Row, random: Random) -> Row | None:
    """A number of dependants that the result does not have."""
    for _, message, _ in answers(row):
        if message["content"].endswith("?"):
            continue
        message["content"] += f" São {random.choice(['13', '17', '19', '26'])} dependentes no contrato."
        said = everything_said(row)
        return None if re.search(r"(?<!\d)0*(?:13|17|19|26)(?!\d)", said) else row
    return None


def contract_before_the_call(row: Row, random: Random) -> Row | None:
    """It answers what the contract says instead of asking for the data."""
    for place, message in enumerate(row["messages"]):
        if message.get("tool_calls"):
            return None
        if message["role"] == "assistant" and "CPF" in (message["content"] or "") and place:
            message["content"] = random.choice(
                ["Seu plano está ativo.", "O seu plano continua ativo.", "Seu contrato consta como suspenso."]
            )
            return row
    return None


def contract_after_an_error(row: Row, random: Random) -> Row | None:
    """It answers as if the failed consultation had shown something."""
    for _, message, shown in answers(row):
        if outcome(shown) == "found":
            return None
        message["content"] = random.choice(
            ["Encontrei seu plano e ele está ativo.", "Seu plano está ativo.", "O plano aparece como suspenso."]
        )
        return row
    return None


def debt_denied(row: Row, random: Random) -> Row | None:
    """Nothing is owed, it says, where the result has a debt."""
    for _, message, shown in answers(row):
        if _owed(shown) and not message["content"].endswith("?"):
            message["content"] += random.choice([" Não há débito.", " Está tudo em dia.", " Você está sem pendências."])
            return row
    return None


def _owed(shown: object) -> bool:
    waiting = [shown]
    for part in waiting:  # grows while it is walked
        items = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
        for key, value in items:
            if isinstance(value, (dict, list)):
                waiting.append(value)
            elif isinstance(value, float) and "ebito" in str(key).lower() and value > 0:
                return True
    return False


def copay_inverted(row: Row, random: Random) -> Row | None:
    """Asked whether there is a share in the costs, it says the contrary of the result."""
    shown = [shown for _, _, shown in answers(row)]
    flags = {flag for result in shown for flag in re.findall(r'"coparticipacao": (true|false)', json.dumps(result))}
    if len(flags) != 1 or outcome(shown[-1]) != "found":
        return None
    says = ("Seu plano é sem coparticipação.", "Não tem coparticipação.")
    if flags == {"false"}:
        says = ("Seu plano é com coparticipação.", "Tem coparticipação, sim.")
    row["messages"] += [
        {"role": "user", "content": "e tem coparticipação?"},
        {"role": "assistant", "content": random.choice(says)},
    ]
    return row


OTHER_VALUES = {
    "acomodacao": ("e a acomodação?", {"ENFERMARIA": "A acomodação é apartamento.", "APARTAMENTO": "É enfermaria."}),
    "abrangencia": ("vale onde?", {"NACIONAL": "A abrangência é estadual.", "ESTADUAL": "Seu plano é nacional."}),
}


def value_exchanged(row: Row, random: Random) -> Row | None:
    """Asked for the room or the area, it says another than the result's."""
    shown = [shown for _, _, shown in answers(row)]
    heard = fold("\n".join(message["content"] for message in turns(row, "user")))[0]
    if not shown or outcome(shown[-1]) != "found" or re.search("enfermaria|apartamento|nacional|estadual", heard):
        return None
    for key, (question, says) in random.sample(list(OTHER_VALUES.items()), 2):
        values = {value for result in shown for value in re.findall(rf'"{key}": "(\w+)"', json.dumps(result))}
        if len(values) == 1 and (other := says.get(values.pop())):
            row["messages"] += [{"role": "user", "content": question}, {"role": "assistant", "content": other}]
            return row
    return None


DAMAGES = (
    Damage("a digit of an amount", ("claims.amount",), amount_digit),
    Damage("the comma of an amount", ("claims.amount",), amount_comma),
    Damage("an amount with a point", ("claims.form",), amount_with_a_point),
    Damage("another day", ("claims.date",), _day_damage(_other_day)),
    Damage("another month", ("claims.date",), _day_damage(_other_month)),
    Damage("another year", ("claims.date",), _day_damage(_other_year)),
    Damage("day and month of a claim exchanged", ("claims.date",), _day_damage(day_and_month_exchanged)),
    Damage("a date as it is stored", ("claims.form",), date_as_stored),
    Damage("another plan", ("claims.plan",), another_plan),
    Damage("another status", ("claims.value",), another_status),
    Damage("the name of another", ("claims.name",), name_of_another),
    Damage("a digit of a telephone", ("claims.phone",), phone_digit),
    Damage("a fact with another number", ("claims.number",), fact_digit),
    Damage("an invented protocol", ("claims.number",), protocol_invented),
    Damage("invented dependants", ("claims.number",), dependants_invented),
    Damage("an invented e-mail or site", ("claims.contact",), _added(
        "Escreva para contato@planonatal.com.br.", "O site é www.planonatal.com.br.", "Mande para boletos@saudenatal.com."
    )),
    Damage("an invented address", ("claims.contact",), _added(
        "Fica na Rua das Mangueiras.", "Fica na Avenida Beira Canal.", "O endereço é Travessa Bela Vista."
    )),
    Damage("a contract before the call", ("claims.unfounded",), contract_before_the_call),
    Damage("a contract after an error", ("claims.unfounded",), contract_after_an_error),
    Damage("a debt denied", ("claims.value",), debt_denied),
    Damage("share in costs inverted", ("claims.value",), copay_inverted),
    Damage("a value exchanged", ("claims.value",), value_exchanged),
)  # fmt: skip
