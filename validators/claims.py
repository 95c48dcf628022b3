"""Does the assistant claim only what a result, the user or the facts say. Part of `python -m validators check`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from validators import evidence
from validators.context import Context, Turn
from validators.evidence import NOTHING, Evidence
from validators.finding import Finding
from validators.names import FIRST_NAMES
from validators.outcome import outcome
from validators.sentences import sentences
from validators.spoken import edits
from validators.tokens import fold


class Claim(NamedTuple):
    """One thing that an assistant says as known: amount, day, phone, contact, number or name."""

    kind: str
    value: Any
    start: int
    end: int


CONTACT = re.compile(
    r"[\w.+-]+@[\w-]+\.[\w.]+\w|(?:https?://|www\.)[^\s,;)]+\w|\b[\w-]+\.(?:com|org|net|gov|coop)(?:\.br)?\b", re.I
)
CONTACT_SIGN = re.compile(r"@|://|www\.|\.(?:com|org|net|gov|coop)\b", re.I)
FIGURE = re.compile(r"\d")
STREET = re.compile(
    r"\b(?:[Rr]ua|[Aa]venida|[Aa]v\.|[Tt]ravessa|[Rr]odovia)\s+((?:d[aeo]s?\s+)?(?:[A-ZÀ-Ú][\w'À-ú]+)(?:\s+(?:d[aeo]s?\s+)?[A-ZÀ-Ú][\w'À-ú]+)*)"
)
CAPITAL = re.compile(r"\b[A-ZÀ-Ú][a-zà-ú']+\b")
NAME_COMES = re.compile(
    r"\b(?:Sra?\.|[Dd]ona|[Nn]ome (?:é|de|do|da)|[Ee]m nome d[eao]|[Tt]itular(?: é| do contrato é)?|[Dd]ependente|[Pp]lano|[Pp]roduto) $"
)
VOCATIVE = re.compile(r", [A-ZÀ-Ú][a-zà-ú']+[.!?,]")
COUNTED = re.compile(r"\b(?:d[ií]gitos?|n[uú]meros?|algarismos?|caracteres|letras?)\b", re.I)
BAD_AMOUNT = re.compile(r"R\$\s*\d+\.\d{1,2}(?!\d)|R\$\s*\d{1,3}(?:,\d{3})+(?:\.\d+)?|(?:BRL|US\$)\s*\d")
LAST = re.compile(r"\b(?:fina(?:l|is)|termina\w*|[úu]ltimos)\b[^.!?]{0,40}$", re.I)
ENOUGH = 12  # so many digits are no number that anybody knows by heart
PLAIN_CAPITALS = frozenset(
    """de da do e individual familiar coletivo unimed natal ans samu cpf cvv sac procon brasil whatsapp google play app store internet deus senhor senhora dona
    rio grande norte receita federal ministerio saude correios pix sus estado prefeitura codigo defesa consumidor lei
    iris cartao nacional identidade registro geral olá oi ola bom boa muito sim nao jesus ok portugues ouvidoria disque central""".split()
)
LAST_DAYS = frozenset({"28", "29", "30", "31"})
CALENDAR = re.compile(rf"\b(?:{evidence.MONTH}|m[êe]s(?:es)?|dia)\b", re.I)
EVERYWHERE = frozenset({"24", "7", "0", "1"})


@lru_cache(maxsize=16384)
def claims_in(text: str) -> tuple[Claim, ...]:
    """What a text claims; each stretch is read once, as the first thing that it can be."""
    found: list[Claim] = []
    rest = text
    figures = bool(FIGURE.search(text))  # looking costs, and most texts have none
    for kind, pattern, worth in (
        ("contact", CONTACT, CONTACT_SIGN.search(text)),
        ("phone", evidence.PHONE, figures),
        ("amount", evidence.AMOUNT, figures),
        ("day", evidence.DAY, figures or "rimeiro" in text),
    ):
        for match in pattern.finditer(rest) if worth else ():
            value: Any = match[0]
            if kind == "amount":
                value = evidence.cents(match[1] or match[2])
            elif kind == "day" and (value := evidence.day_of(match)) is None:
                continue
            elif kind == "phone":
                value = evidence.bare(match[0])
            found.append(Claim(kind, value, match.start(), match.end()))
            rest = f"{rest[: match.start()]}{'_' * (match.end() - match.start())}{rest[match.end() :]}"
    for match in STREET.finditer(rest):
        found.append(Claim("contact", match[1], match.start(1), match.end(1)))
        rest = f"{rest[: match.start()]}{'_' * (match.end() - match.start())}{rest[match.end() :]}"
    for match in evidence.TERM.finditer(rest) if figures else ():
        found.append(Claim("term", (evidence.bare(match[1]), evidence.unit(match[2])), match.start(), match.end()))
        rest = f"{rest[: match.start()]}{'_' * (match.end() - match.start())}{rest[match.end() :]}"
    counting = figures and COUNTED.search(rest)  # `o CPF tem 11 dígitos, e chegaram 10`: everybody can count
    for match in evidence.NUMBER.finditer(rest) if figures else ():
        if not (counting and len(match[0]) < 3):
            found.append(Claim("number", evidence.bare(match[0]), match.start(), match.end()))
    found.extend(_names(rest))
    return tuple(found)


def _names(text: str) -> Iterator[Claim]:
    """Capital words that are first names, wherever they stand, and others where only a name stands."""
    end = -2
    for match in CAPITAL.finditer(text):
        word = fold(match[0])[0]
        if word in FIRST_NAMES:
            yield Claim("name", word, match.start(), match.end())
            end = match.end()
        elif word not in PLAIN_CAPITALS:
            follows = match.start() == end + 1 and text[end] == " "  # a surname
            if follows or NAME_COMES.search(text, 0, match.start()) or VOCATIVE.match(text, max(match.start() - 2, 0)):
                yield Claim("proper", word, match.start(), match.end())
                end = match.end()


def check_claims(row: dict[str, Any], context: Context) -> Iterator[Finding]:
    """Every amount, day, number, name and address that the assistant says was said before, or is a known fact."""
    known = context.known()
    answered = False
    for turn in context.turns:
        answered = answered or turn.role == "tool"
        if turn.role != "assistant" or not isinstance(turn.content, str) or not (answered or context.knowledge):
            continue
        doubtful = [
            claim
            for claim in claims_in(turn.content)
            if not (claim.value in known.terms if claim.kind == "term" else _is_said(claim, known, turn.content))
            and not _stands_in(claim, context.turns[: turn.index])
        ]
        if not doubtful:
            continue
        said = evidence.together(map(_evidence, context.turns[: turn.index]))
        for claim in doubtful:
            if not _is_said(claim, said, turn.content) and (context.knowledge or claim.kind in ("amount", "day")):
                yield _finding(claim, turn, context)


def _stands_in(claim: Claim, turns: list[Turn]) -> bool:
    """Whether a claim plainly stands in an earlier turn, as results and people mostly write it; quick to see."""
    value = claim.value
    if claim.kind == "amount":
        wanted = (f": {value / 100:g},", f": {value / 100:g}}}", f"{value // 100},{value % 100:02}")
    elif claim.kind == "day":
        year, month, day = value
        if day is None:
            return False
        short = f'{month:02}{day:02}"'
        wanted = (f"{year}{short}",) if year else tuple(f"{digit}{short}" for digit in "0123456789")
    elif claim.kind in ("name", "proper"):
        wanted = (value,)
    else:
        return False
    for turn in turns:
        if turn.role in ("tool", "user") and isinstance(turn.content, str):
            text = fold(turn.content)[0] if claim.kind in ("name", "proper") else turn.content
            if any(part in text for part in wanted):
                return True
    return False


def _evidence(turn: Turn) -> Evidence:
    """What a turn lets the assistant say: the user's words and results; its own earlier words prove nothing."""
    if turn.role == "tool":
        return evidence.of_result(turn.result)
    return (
        evidence.of_text(turn.content) if turn.role in ("user", "system") and isinstance(turn.content, str) else NOTHING
    )


def _is_said(claim: Claim, said: Evidence, text: str) -> bool:
    if claim.kind == "amount":
        return claim.value in said.amounts
    if claim.kind == "day":
        return evidence.agrees(claim.value, said.days, _is_asked(claim, text))
    if claim.kind == "contact":
        return set(evidence.WORD.findall(fold(claim.value)[0])) <= said.words
    if claim.kind in ("name", "proper"):
        return claim.value in said.words or (len(said.words) < 500 and _near(claim.value, said.words))
    if claim.kind == "term":
        return claim.value in said.terms or claim.value[0] in said.numbers
    if claim.value in said.numbers or claim.value in EVERYWHERE:
        return True
    if claim.value in LAST_DAYS and CALENDAR.search(text):
        return True
    if len(claim.value) == 4 and _is_asked(claim, text):  # `O ano é 1985?`, of 85 or 985
        return any(len(number) > 1 and claim.value.endswith(number) for number in said.numbers)
    return bool(LAST.search(text, 0, claim.start)) and any(number.endswith(claim.value) for number in said.numbers)


def _is_asked(claim: Claim, text: str) -> bool:
    """Whether a claim stands in a question."""
    return any(start <= claim.start < end and text[start:end].endswith("?") for start, end in sentences(text))


def _near(name: str, words: frozenset[str]) -> bool:
    """Whether a name was said with a slip of the finger."""
    return any(abs(len(word) - len(name)) < 2 and edits(name, word, 1) <= 1 for word in words)


CODES_OF = {
    "term": "number",
    "amount": "amount",
    "day": "date",
    "phone": "phone",
    "contact": "contact",
    "number": "number",
}


def _finding(claim: Claim, turn: Turn, context: Context) -> Finding:
    code = f"claims.{CODES_OF.get(claim.kind, 'name')}"
    shown = turn.content[claim.start : claim.end]
    if claim.kind == "number" and len(claim.value) >= ENOUGH:
        code, shown = "claims.number", f"{shown[:4]}..."
    message = f"{shown!r} is in no result, in nothing that the user said and in no fact"
    return context.finding(code, f"{turn.path}.content", message, (claim.start, claim.end))


def check_form(row: dict[str, Any], context: Context) -> Iterator[Finding]:
    """Amounts and dates are said as in Brazil: R$ 1.234,56 and 31/12/2026."""
    for turn in context.speaking():
        if "R$" in turn.content or "BRL" in turn.content or "US$" in turn.content:
            for match in BAD_AMOUNT.finditer(turn.content):
                yield context.finding("claims.form", f"{turn.path}.content", f"the amount {match[0]!r}", match.span())
        for claim in claims_in(turn.content):
            if claim.kind == "day":
                shown = turn.content[claim.start : claim.end]
                if re.match(r"\d{4}", shown):
                    yield context.finding(
                        "claims.form", f"{turn.path}.content", f"the date {shown!r}", (claim.start, claim.end)
                    )


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
    shown = " | ".join(leaf for turn in results for leaf in evidence.leaves(turn.result) if isinstance(leaf, str))
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


CHECKS = (check_claims, check_form, check_values, check_unfounded, check_settled, check_plans)
