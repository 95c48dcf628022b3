"""Portuguese chat text as tokens with one letter each, so that CPFs and dates are found by patterns over the letters.

`tokenise("dia 15 de junho")` gives the shape `d2eM`: the word dia, a number of two digits, de, a month.
Spoken numbers become digits ("oitenta e cinco" is one number, 85). Letters may carry typos, digits never do.
No command of its own; `formats` uses it.

The letters: 1-9, A-K a number of 1 to 20 digits, Z a longer one · M month · P "primeiro" · u "um" as a day
· d dia · m mês · Y ano · e de/do/da · & e · N não · labels c (CPF), b (birth), t (telephone), o (another date),
q (perhaps another date), r (another document) · . soft separator, also "ponto", "traço" · * mask · ( ) brackets
· : label mark · ! end of a sentence · n line break · w any other word · x anything else.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from validators.spoken import NUMBERS, indexed, may_be_number, near, spoken_number

LENGTHS = "0123456789ABCDEFGHIJK"
NUMBER = "[1-9A-KZ]"  # any number, as a pattern over shapes
NUMBERS_IN_SHAPE = frozenset("123456789ABCDEFGHIJKZ")

MONTHS = (
    "janeiro", "fevereiro", "marco", "abril", "maio", "junho",
    "julho", "agosto", "setembro", "outubro", "novembro", "dezembro",
)  # fmt: skip
MONTH_WORDS = {name: number for number, name in enumerate(MONTHS, 1)} | {
    name[:3]: number for number, name in enumerate(MONTHS, 1) if name != "dezembro"
}

WORDS = {
    letter: frozenset(words.split())
    for letter, words in {
        "e": "de do da",
        "&": "e",
        "d": "dia",
        "m": "mes",
        "Y": "ano",
        "P": "primeiro",
        "N": "nao n naum",
        ".": "ponto traco tracinho hifen barra virgula espaco underline digito",
        "c": "cpf cof cpg cnpf cpff cfp cpfs",
        "b": "nascimento nascida nascido nasci nasceu nasc nascim dn dtnasc dtn aniversario aniver niver",
        "t": "tel telefone fone cel celular zap zapp whats whatsapp wpp ligar ligue liga contato",
        "o": "vencimento vence venceu vencido vencida venc agendada agendado agendei agendamento marcada marcado "
        "marquei marcar remarcar validade pagamento paguei exame cirurgia retorno desde adesao vigencia carencia "
        "internacao procedimento viagem reajuste",
        "q": "consulta boleto fatura mensalidade",
        "r": "rg identidade cns sus pis cnh habilitacao protocolo cnpj cep matricula contrato carteirinha carteira "
        "cartao guia senha pedido processo titulo",
    }.items()
}
LONG_MONTHS = {slips: indexed(name for name in MONTHS if len(name) > 4 * slips - 1) for slips in (1, 2)}
# One slip away from a month's name, and far more often themselves.
NOT_MONTHS = frozenset("mais meio junto junta juntos marca marcos mario maria maior mao mato julgo julia abri".split())
FUZZY_LABELS = {
    word: letter
    for letter in "bto"
    for word in WORDS[letter]
    if len(word) >= 7 or word in ("adesao", "desde")
}  # fmt: skip
# One slip away from a label, and far more often themselves.
NOT_LABELS = frozenset("deste desta desse dessa desses dessas destes destas desce dele dela rede sede".split())
LONG_LABELS = (
    (1, indexed(word for word in FUZZY_LABELS if len(word) <= 8)),
    (2, indexed(word for word in FUZZY_LABELS if len(word) > 8)),
)

TOKEN = re.compile(
    r"\n|(?<![0-9])[0-9]{1,2}[oa](?![a-z0-9])|[0-9]+|c\.\s?p\.\s?f(?![a-z])|[a-z]+|[^\sa-z0-9]+"
)  # fmt: skip
VANISHING = re.compile("[\u0300-\u036f\u200b-\u200f\u2060\ufe0f\u20e3\ufeff]")


class Tokens(NamedTuple):
    """A text's tokens, as parallel lists; `shape` has one letter for each. Places are into the original text."""

    shape: str
    words: list[str]
    starts: list[int]
    ends: list[int]
    spoken: frozenset[int]


def _fold_table() -> dict[int, str]:
    table: dict[int, str] = {}
    for code in range(0xC0, 0x250):
        base = unicodedata.normalize("NFD", chr(code))[0]
        if base.isascii():
            table[code] = base.lower()
    table |= {code: chr(code - 0xFEE0).lower() for code in range(0xFF01, 0xFF5F)}
    table |= dict.fromkeys([*range(0x2010, 0x2016), 0x2212], "-")
    table |= dict.fromkeys([0xA0, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000, 0x9, 0xB, 0xC, 0xD], " ")
    return table | {0xAA: "º", 0xB0: "º", 0xB7: ".", 0x2022: ".", 0x2019: "'", 0x2044: "/"}


FOLD = _fold_table()


@lru_cache(maxsize=4096)
def fold(text: str) -> tuple[str, list[int] | None]:
    """Lower case without accents, full-width or emoji digits; and the original places where lengths differ."""
    if text.isascii():
        return text.lower(), None
    if not VANISHING.search(text):
        return text.translate(FOLD).lower(), None
    places = [place for place, char in enumerate(text) if not VANISHING.match(char)]
    return "".join(text[place] for place in places).translate(FOLD).lower(), [*places, len(text)]


def _squeeze(word: str) -> str:
    """Without the lengthened letters of chat: `junhooo` is `junho`."""
    return re.sub(r"([a-z])\1{2,}", r"\1", word)


@lru_cache(maxsize=65536)
def month_numbers(word: str) -> tuple[int, ...]:
    """The months that a word can mean: one when it is clear, several when a typo lies between two, none at all."""
    word = _squeeze(word)
    if word in MONTH_WORDS:
        return (MONTH_WORDS[word],)
    if len(word) < 4 or word in NOT_MONTHS or word in NUMBERS:
        return ()
    for slips in (1, 2):
        close = tuple(MONTH_WORDS[name] for name in near(word, LONG_MONTHS[slips], slips))
        if close:
            return close
    return ()


@lru_cache(maxsize=65536)
def _letter(word: str) -> str:
    """The shape letter of a word that is no number."""
    if word == "um":
        return "u"
    word = _squeeze(word)
    for letter, words in WORDS.items():
        if word in words:
            return letter
    if month_numbers(word):
        return "M"
    if word.startswith("c."):
        return "c"
    if set(word) == {"x"}:
        return "*"
    if word.startswith(("nasc", "naci", "nazc", "nacs", "anivers")):
        return "b"
    if len(word) >= 4 and word not in NOT_LABELS:
        for slips, labels in LONG_LABELS:
            if close := near(word, labels, slips):
                return FUZZY_LABELS[close[0]]
    return "w"


@lru_cache(maxsize=4096)
def _mark(signs: str) -> str:
    """The shape letter of a run of signs."""
    for letter, chars in (("!", "?!"), ("(", "("), (")", ")"), ("*", "*#"), (":", ":;=>")):
        if any(char in signs for char in chars):
            return letter
    return "." if all(char in ".,-/\\_'º|" for char in signs) else "x"


def _december(words: list[str], place: int, shape: list[str], days: list[str], spoken: set[int]) -> bool:
    """`dez` is the month in 15/dez/85, 15 dez 85 and 15 de dez de 85, but ten in `15 do dez` and `dez de maio`."""
    back = len(shape) - 1
    if back >= 0 and (shape[back] == "." or words[place - 1] == "de"):
        back -= 1
    following = [*words[place + 1 : place + 3], "", ""]
    if following[0] == "do" or following[following[0] == "de"] in MONTH_WORDS:
        return False
    return back >= 0 and shape[back] in "12" and back not in spoken and int(days[back]) <= 31


def tokenise(text: str) -> Tokens:
    """Read a text into tokens."""
    folded, places = fold(text)
    spots = [match.span() for match in TOKEN.finditer(folded)]
    raw = [folded[start:end] for start, end in spots]
    shape: list[str] = []
    words: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    spoken: set[int] = set()
    place = 0
    while place < len(raw):
        word, start = raw[place], place
        place += 1
        first = word[0]
        if "0" <= first <= "9":
            word = word.rstrip("oa")
            letter = LENGTHS[len(word)] if len(word) <= 20 else "Z"
        elif "a" <= first <= "z":
            letter = _letter(word)
            if may_be_number(word):
                if word == "dez" and _december(raw, start, shape, words, spoken):
                    letter = "M"
                elif number := spoken_number(raw, start):
                    word, place = number
                    letter = LENGTHS[len(word)]
                    spoken.add(len(shape))
        else:
            letter = "n" if word == "\n" else _mark(word)
        shape.append(letter)
        words.append(word)
        starts.append(spots[start][0])
        ends.append(spots[place - 1][1])
    if places:
        starts, ends = [places[start] for start in starts], [places[end - 1] + 1 for end in ends]
    return Tokens("".join(shape), words, starts, ends, frozenset(spoken))
