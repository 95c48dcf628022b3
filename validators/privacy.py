"""Does a row carry what looks like a real person's identifier. Part of `python -m validators check`.

The only check that may look at where a row comes from: a row whose provenance says `"fictional": true`, or lists the
value among its `"fictional": [...]`, is believed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from validators.context import Context, Turn
from validators.cpf import cpf_ok
from validators.evidence import PHONE
from validators.finding import Finding
from validators.formats import scan

ELEVEN = re.compile(r"(?<![\d.])\d{3}[. ]?\d{3}[. ]?\d{3}[-/. ]?\d{2}(?!\d|\.\d)")
CARD = re.compile(r"(?<!\d)\d(?:[ .]?\d){14,19}(?!\d)")
EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+\w")
MOBILE = re.compile(r"(?<![\d.])(?:\+?55 ?)?\(?[1-9]\d\)? ?9\d{4}[- ]?\d{4}(?![\d-])")
PIX = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.I)
ADDRESS = re.compile(
    r"\b(?:rua|avenida|av\.|travessa|rodovia|alameda)\s+[^\d\n,]{3,40},?\s*(?:n[º°o.]*\s*)?\d{1,5}\b|\bcep:?\s*\d{5}-?\d{3}\b",
    re.I,
)
PROTOCOL = re.compile(r"(?<!\d)\d{20}(?!\d)")
PUBLIC_PHONE = re.compile(r"^0[38]00")
OUR_CARD = "0999"
"""No health plan has this code: cards that begin with it are invented."""


def check_read_out(row: dict[str, Any], context: Context) -> Iterator[Finding]:
    """No whole CPF, card or health number is read out by the assistant."""
    called = {str((call.arguments or {}).get("cpf")) for turn in context.turns for call in turn.calls}
    for turn in context.speaking():
        if sum(map(str.isdigit, turn.content)) < 11:
            continue
        for match in ELEVEN.finditer(turn.content):
            digits = re.sub(r"\D", "", match[0])
            if cpf_ok(digits) or digits in called:
                yield context.finding("privacy.cpf_read_out", f"{turn.path}.content", "a whole CPF", match.span())
        for match in CARD.finditer(turn.content):
            digits = re.sub(r"\D", "", match[0])
            if len(digits) in (15, 16, 17) or digits.startswith(OUR_CARD):
                message = f"a whole number of {len(digits)} digits"
                yield context.finding("privacy.card_read_out", f"{turn.path}.content", message, match.span())


def check_identifiers(row: dict[str, Any], context: Context) -> Iterator[Finding]:
    """What people's texts and results hold of e-mails, phones, cards, CNS, addresses, PIX keys, protocols and CPFs."""
    fictional = context.fictional
    if fictional is True:
        return
    for turn in context.turns:
        if turn.role in ("user", "tool", "assistant") and isinstance(turn.content, str):
            for kind, span in identifiers(turn):
                shown = turn.content[span[0] : span[1]]
                if not _believed(shown, fictional) and not (context.knowledge and shown in context.known_text()):
                    message = f"what looks like {kind}: {shown[:2]}...{shown[-2:]}"
                    yield context.finding("privacy.identifier", f"{turn.path}.content", message, span)


def _believed(shown: str, fictional: Any) -> bool:
    bare = re.sub(r"\D", "", shown)
    known = {item for item in fictional if isinstance(item, str)} if isinstance(fictional, list) else set()
    return shown in known or (bool(bare) and bare in known)


def identifiers(turn: Turn) -> Iterator[tuple[str, tuple[int, int]]]:
    """The identifiers in a turn's text, with their places."""
    text = turn.content
    for kind, pattern in (("an e-mail", EMAIL), ("a PIX key", PIX), ("an address", ADDRESS)):
        for match in pattern.finditer(text):
            yield kind, match.span()
    if sum(map(str.isdigit, text)) < 8:
        return
    phones = {match.start(): match for pattern in (PHONE, MOBILE) for match in pattern.finditer(text)}
    for match in phones.values():
        digits = re.sub(r"\D", "", match[0])
        if not PUBLIC_PHONE.match(digits) and not cpf_ok(digits):
            yield "a telephone", match.span()
    for match in CARD.finditer(text):
        digits = re.sub(r"\D", "", match[0])
        kind = "a protocol" if len(digits) == 20 else "a CNS" if len(digits) == 15 else "a card"
        if not digits.startswith(OUR_CARD):
            yield kind, match.span()
    if turn.role == "tool":
        return  # a CPF there is the call's
    for cpf in scan(text).cpfs:
        if cpf.kind == "resolved" and len(cpf.value) == 11:
            yield "a CPF", (cpf.start, cpf.end)


CHECKS = (check_read_out, check_identifiers)
