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


CHECKS = (check_claims, check_form)
