"""What an assistant's words ask the user for: the CPF, the birth date, or what nobody may be asked. No command.

A request is a clause that names the thing beside a word of asking; a thing that is only thanked for is not asked.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from validators.tokens import fold

CPF = re.compile(r"\bcpf\b")
BIRTH = re.compile(
    r"\bnasc(?!id[oa]s? (?:em \d|entra|pode|tem))\w*|(?<!sem )\bdata\b(?! \d| d[eo] (?:venc|pag|vig|hoje|ades|exame|inic|valid|retorn|consult|pedid|cirurg))|\baniversario\b"
)
CUE = re.compile(
    r"\b(?:precis[oa]\w*|falt(?:a|am|ou|ando)|qual|quais|quando|me (?:pass|inform|mand|envi|diz|dig|d[ae]|cont|fal)\w*|"
    r"inform(?:e|ar|a)|mand(?:e|ar|a)|envi(?:e|ar|a)|pass(?:e|ar|a)\b|dig(?:a|ita|ite)|diz(?:er)?|pode\w*|consegue|necessari[oa]|"
    r"confir(?:a|e|me)|confer\w+|fornec\w+|segue|escrev\w+|tem (?:o|a|ai)|teria|seria|agora (?:o|a)|quero|queria|peco|pedir|completa|so o|so a)\b"
)
HAVE = re.compile(
    r"\b(?:ja (?:tenho|recebi|anotei|veio|esta|peguei|vi|chegou)|recebi\w*|anotei|anotad[oa]|tenho (?:o|a|seu|sua)|"
    r"obrigad[oa] p(?:el[oa]|or)|alem d[oa]|(?:nao|nem) (?:e )?(?:precis|necess)\w+|sem (?:o|a|precisar)|"
    r"chegou|chegaram|nao (?:bate|confere)|veio|vieram|guardei|em maos|nunca|(?:nao|nem) (?:me )?(?:pass|mand|envi|inform)\w+|nao (?:peco|pedimos|pergunto)|"
    r"ta aqui|esta aqui|complet[oa]\b(?! pra|\?)|dias d[oe] nasc\w*|inclu\w+|so (?:com )?[oa] (?:cpf|data)\b.* nao|so quando|so e (?:precis|necess)\w+ (?:quando|se|na hora)|mesmo dia|de quem|homonimo|recem|acabou|"
    r"data de (?:inicio|adesao|vencimento|validade|pagamento|hoje|corte))\b"
)
CLAUSE = re.compile(r"[^.!?;:\n,]+|[.!?;:\n,]")
FORBIDDEN = re.compile(
    r"\b(?:senha|cvv|codigo de seguranca|token|selfie|foto d[oe] (?:seu )?(?:documento|rg|cpf|cnh)|nome da (?:sua )?mae|"
    r"comprovante de residencia|dados? d[oe] (?:seu )?cartao|numero d[oe] (?:seu )?cartao de credito)\b"
)


class Asked(NamedTuple):
    """Which of the two data a text asks for, and the words that ask for what nobody may be asked."""

    cpf: bool
    birth: bool
    forbidden: str = ""


@lru_cache(maxsize=16384)
def asked(text: str) -> Asked:
    """What a text asks for."""
    plain = fold(text)[0]
    asking = plain.replace("cvv", "") if "188" in plain else plain  # the CVV that listens, not the card's
    forbidden = next((clause for clause, cue in _clauses(asking) if cue and FORBIDDEN.search(clause)), "")
    if "cpf" not in plain and "nasc" not in plain and "data" not in plain:
        return Asked(False, False, forbidden)
    wanted = {"cpf": False, "birth": False}
    named, asking = {"cpf": False, "birth": False}, False
    for clause, cue in _clauses(plain):
        if clause in ".!?;\n":
            asking = False
        elif HAVE.search(clause):
            named = {"cpf": False, "birth": False}
        elif len(clause) > 1:
            here = {"cpf": bool(CPF.search(clause)), "birth": bool(BIRTH.search(clause))}
            asking = asking or cue
            if asking:  # a list goes on behind a comma, and a bare `pode me passar?` asks for what was named before
                for datum, is_named in (here if any(here.values()) else named).items():
                    wanted[datum] = wanted[datum] or is_named
            named = here if any(here.values()) else named
    return Asked(wanted["cpf"], wanted["birth"], forbidden)


def _clauses(plain: str) -> list[tuple[str, bool]]:
    """The clauses of a text, each with whether it asks."""
    return [(clause, bool(CUE.search(clause))) for clause in CLAUSE.findall(plain)]
