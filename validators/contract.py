"""Does the assistant say of a contract only what a result says: status, plan, debt. Part of `validators check`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from validators.context import Context, Turn
from validators.evidence import leaves
from validators.finding import Finding
from validators.outcome import outcome
from validators.sentences import sentences
from validators.tokens import fold

# Words that exclude each other: where the result has one of them, another is wrong.
OWN_KIND = r"\b(?:seu (?:plano|contrato)|contratacao)\b.{0,25}"
FAMILIES = {
    "status": {
        "ativo": r"\bativ[oa]s?\b",
        "suspenso": r"\b(?:suspens[oa]s?|bloquead[oa]s?)\b",
        "cancelado": r"\b(?:cancelad[oa]s?|encerrad[oa]s?|inativ[oa]s?)\b",
    },
    "room": {"enfermaria": r"\benfermaria\b", "apartamento": r"\bapartamento\b"},
    "area": {
        "nacional": r"\bnacional\b",
        "estadual": r"\bestadual\b",
        "municipios": r"\bgrupo de municipios\b|\bmunicipal\b",
    },
    "kind": {
        "empresarial": rf"{OWN_KIND}\bempresarial\b",
        "adesao": rf"{OWN_KIND}\b(?:por )?adesao\b",
        "individual": rf"{OWN_KIND}\b(?:individual|familiar)\b",
    },
}
FAMILIES_READ = {
    family: {member: re.compile(pattern) for member, pattern in members.items()} for family, members in FAMILIES.items()
}
ANY_MEMBER = re.compile("|".join(pattern for members in FAMILIES.values() for pattern in members.values()))
CONDITION = re.compile(r"\b(?:se|(?<!em )caso|quando|antes|depois|ate|(?<!por )enquanto|apos)\b")
MODAL = re.compile(r"\b(?:pode|podem|poderia|para|pra|nao|nem|sem|ou|seja|seria|tipos?)\b|\?$")


def _is_open(before: str) -> bool:
    """Whether what follows these words of a sentence is only possible, or denied."""
    return bool(CONDITION.search(before) or MODAL.search(re.split(r"[,:;]", before)[-1]))


def check_values(row: dict[str, Any], context: Context) -> Iterator[Finding]:
    """Where a result says one of several words that exclude each other, the answer does not say another."""
    results: list[Turn] = []
    heard: list[Turn] = []
    for turn in context.turns:
        if turn.role == "user" and isinstance(turn.content, str):
            heard.append(turn)
        elif turn.role == "tool" and turn.result is not None:
            results.append(turn)
        elif results and turn.role == "assistant" and isinstance(turn.content, str):
            for member, span in members_said(turn.content):
                there = _members_there(member, results)
                pattern = FAMILIES_READ[member[0]][member[1]]
                if there and member[1] not in there and not any(pattern.search(fold(t.content)[0]) for t in heard):
                    message = f"says {member[1]}, the result says {', '.join(there)}"
                    yield context.finding("claims.value", f"{turn.path}.content", message, span)


@lru_cache(maxsize=16384)
def members_said(text: str) -> tuple[tuple[tuple[str, str], tuple[int, int]], ...]:
    """The members of families that a text asserts, each as (family, member) with its sentence."""
    if not ANY_MEMBER.search(fold(text)[0]):
        return ()
    found = []
    for start, end in sentences(text):
        said = fold(text[start:end])[0]
        for family, members in FAMILIES_READ.items() if not said.endswith("?") else ():
            for name, pattern in members.items():
                match = pattern.search(said)
                if match and not _is_open(said[: match.start()]) and not said.startswith(" nao ", match.end()):
                    found.append(((family, name), (start, end)))
    return tuple(found)


def _members_there(member: tuple[str, str], results: list[Turn]) -> list[str]:
    """Which members of the family results hold."""
    shown = " | ".join(leaf for turn in results for leaf in leaves(turn.result) if isinstance(leaf, str))
    plain = fold(shown)[0]
    return [name for name, pattern in FAMILIES_READ[member[0]].items() if pattern.search(plain)]


CONTRACT = re.compile(
    r"\b(?:(?:o|a|seu|sua|teu) (?:plano|contrato|cadastro|mensalidade|boleto)|ele|ela)\b[^.?!;]{0,30}?"
    r"\b(?:esta|ta|consta|aparece|continua|segue|encontra-se|ficou)\s+(?:como\s+|com\s+|sim\s+)?"
    r"(?:ativ[oa]|suspens[oa]|cancelad[oa]|bloquead[oa]|inativ[oa]|em dia|regular|valendo|vencid[oa]|pag[oa]|quitad[oa])\b"
    r"|\b(?:seu|o seu) plano e (?:o )?(?:bronze|prata|ouro|diamante|ativ|basic|estadual|nacional)"
    r"|^(?:\w+, )?(?:seu )?(?:plano|contrato) ativo\b|^(?:esta|continua|segue) (?:ativ[oa]|valendo)\b|\bnao (?:ha|existe|consta) (?:debito|pendencia)|\bvoce (?:nao )?(?:tem|possui) (?:debito|pendencia)"
    r"|\bsua mensalidade e\b|\bsua carencia (?:ja )?(?:acabou|terminou|foi cumprida)|\b(?:achei|encontrei|localizei) (?:o |a )?(?:seu |sua )?(?:plano|contrato|cadastro)"
)


def check_unfounded(row: dict[str, Any], context: Context) -> Iterator[Finding]:
    """Nothing is said of a contract before a result has shown one, nor after an error or an empty result."""
    last = "no result"
    for turn in context.turns:
        if turn.role == "tool":
            last = outcome(turn.result)
            if last == "found" or not isinstance(turn.result, dict):
                return  # from here on there is something to say, or nobody can tell
        elif turn.role == "assistant" and isinstance(turn.content, str):
            for start, end in contract_said(turn.content):
                message = f"{turn.content[start:end]!r} with {'an error' if last == 'error' else last} before it"
                yield context.finding("claims.unfounded", f"{turn.path}.content", message, (start, end))


@lru_cache(maxsize=16384)
def contract_said(text: str) -> tuple[tuple[int, int], ...]:
    """The sentences that say what a contract is like."""
    found = []
    for start, end in sentences(text):
        said = fold(text[start:end])[0]
        match = CONTRACT.search(said)
        if match and not _is_open(said[: match.start()]) and not said.endswith("?"):
            found.append((start, end))
    return tuple(found)


SETTLED = re.compile(
    r"\b(?:sem (?:nenhum )?(?:debito|pendencia|divida)|nao (?:ha|tem|existe|consta)\w* (?:nenhum[a]? )?(?:debito|pendencia|divida)|"
    r"nada em aberto|tudo em dia|esta em dia|tudo pago|tudo quitado)"
)
OWES = re.compile(r"deb|divida|pendenc|total_em")


def check_settled(row: dict[str, Any], context: Context) -> Iterator[Finding]:
    """Nobody is told that nothing is owed where the result has a debt, nor of a share in costs that it denies."""
    result: Any = None
    for turn in context.turns:
        if turn.role == "tool":
            result = turn.result
        elif turn.role == "assistant" and isinstance(turn.content, str) and result is not None:
            said = fold(turn.content)[0]
            if (match := SETTLED.search(said)) and any(value > 0 for value in _numbers(result, OWES)):
                yield context.finding("claims.value", f"{turn.path}.content", "the result has a debt", match.span())
            if "coparticipa" in said:
                yield from _check_copay(said, result, turn, context)


def _check_copay(said: str, result: Any, turn: Turn, context: Context) -> Iterator[Finding]:
    flags = {value for value in _numbers(result, re.compile("copart")) if isinstance(value, bool)}
    if len(flags) != 1:
        return
    with_it = re.search(r"(?<!nao )\b(?:com|tem|possui|ha|e com) coparticipacao", said)
    without = re.search(r"\b(?:sem|nao (?:tem|possui|ha|e com)) coparticipacao", said)
    if (match := without if True in flags else with_it) and not said.endswith("?"):
        yield context.finding("claims.value", f"{turn.path}.content", "the result says the contrary", match.span())


def _numbers(value: Any, key: re.Pattern[str]) -> Iterator[Any]:
    """Numbers and flags under keys that a pattern finds."""
    waiting = [value]
    for part in waiting:  # grows while it is walked
        items = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
        for name, item in items:
            if isinstance(item, (dict, list)):
                waiting.append(item)
            elif isinstance(item, (int, float)) and key.search(fold(str(name))[0]):
                yield item


def check_plans(row: dict[str, Any], context: Context) -> Iterator[Finding]:
    """After a result with a plan the answer names that plan and no other, unless it lists them or the user did."""
    plans = context.knowledge.plans if context.knowledge else ()
    shown: list[str] = []
    heard: list[str] = []
    for turn in context.turns if plans else ():
        if not isinstance(turn.content, str):
            continue
        if turn.role == "tool":
            shown.append(turn.content)
        elif turn.role == "user":
            heard.append(turn.content)
        elif turn.role == "assistant" and shown:
            yield from _check_plans(turn, plans, shown, heard, context)


def _check_plans(
    turn: Turn, plans: tuple[str, ...], shown: list[str], heard: list[str], context: Context
) -> Iterator[Finding]:
    named = {match[0]: match.span() for match in _any_of(plans).finditer(turn.content)}
    if not named or len(named) > 2:
        return
    there = {match[0].lower() for text in shown for match in _any_of(plans, re.IGNORECASE).finditer(text)}
    said = {match[0].lower() for text in heard for match in _any_of(plans, re.IGNORECASE).finditer(text)}
    for plan, span in named.items():
        if there and plan.lower() not in there | said:
            yield context.finding("claims.plan", f"{turn.path}.content", f"{plan} is not in the result", span)


@lru_cache(maxsize=16)
def _any_of(names: tuple[str, ...], flags: int = 0) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, names))})\b", flags)


CHECKS = (check_values, check_unfounded, check_settled, check_plans)
