"""Is each call made of what the user said before it, and last? Part of `python -m validators check`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from validators import dates
from validators.context import Call, Context, Turn
from validators.cpf import cpf_ok
from validators.finding import Finding
from validators.formats import Candidate, Scan, scan
from validators.spoken import edits, indexed, near
from validators.tokens import fold
from validators.trace import mask

CORRECTION = re.compile(
    r"\b(err(?:ei|ado|ada)|corrig\w*|correca?o|corret[oa]|na verdade|digitei|digo|troquei|trocad\w+|engan\w+|"
    r"confundi\w*|ignor[ae]\w*|o certo|certo e|faltou|ops|alias|nao e|nao era)\b|(?:^|\n)\s*\*|\*\s*$"
)
SOMEONE_ELSE = re.compile(
    r"\b(mae|pai|mainha|painho|espos[oa]|marido|mulher|filh[oa]|sogr[oa]|irma|irmao|avos?|vo|tia|tio|net[oa]|prim[oa]|"
    r"genro|nora|cunhad[oa]|entead[oa]|sobrinh[oa]|companheir[oa]|noiv[oa]|ex|bebe|menin[oa]|namorad[oa]|amig[oa]|"
    r"outr[oa]|del[ea]|titular|dependente|patrao|patroa|funcionari[oa])\b"
)
LONG_KIN = indexed("mainha painho esposa esposo marido mulher sogra sogro filha filho irma irmao".split())
DENIAL = re.compile(r"\s*(n|nao|naum|nn|errad[oa]|nada disso|negativo|nem)\b(?! sei)")
DENIED = re.compile(r"\b(n|nao|naum)\s+(?:e|eh|era)?\s*(?:[oa]|dia|cpf|mais)?\s*$")
ZERO_LOST = re.compile(r"\bzero\b|(?<![0-9])0(?![0-9])")
SWAPPED = re.compile(r"\b([0-9]{1,8})\W+(?:e )?nao (?:e |era |o |a )?([0-9]{1,8})\b")
PASSING = re.compile(
    r"indispon|time ?_?out|tempo (?:esgotado|limite|excedido)|fora do ar|manutenc|sobrecarr|instab|"
    r"tente (?:nova|de novo|mais)|resposta_?\s?invalida|erro[ _](?:interno|http 5)|limite_|\"limite\"|"
    r"unavailable|try again|rate.limit|internal.error|"
    r"\"(?:status|status_code|codigo|code|http_status)\"\s*:\s*\"?(?:408|425|429|5[0-9]{2})\b"
)
UNKNOWN = "????????"
PIECES_KEPT = 8
NEAR = 200  # so far from a value a word still speaks of it


@dataclass(slots=True)
class Mention:
    """A value that the user gave: in which message, in one go (`whole`) or pieced together, and as a correction."""

    value: str
    turn: int
    whole: bool
    corrects: bool
    label: str = ""


@dataclass(slots=True)
class Heard:
    """What the user has said so far in a row, and what the assistant has asked him to confirm."""

    cpfs: list[Mention] = field(default_factory=list)
    dates: list[Mention] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)  # values seen that cannot be used, and why
    pieces: list[str] = field(default_factory=list)
    known: str = UNKNOWN
    unclear: set[str] = field(default_factory=set)
    proposed: set[str] = field(default_factory=set)

    def user(self, text: str, turn: int) -> None:
        """Take in one user message."""
        said = _read(text)
        self._confirm(said.plain, turn)
        for candidate, is_cpf, corrects in said.given:
            if candidate.kind == "resolved":
                self._resolved(candidate, is_cpf, corrects, turn)
            elif candidate.kind == "partial":
                self._partial(candidate, is_cpf, said.short, turn)
            elif candidate.kind == "ambiguous":
                self._ambiguous(candidate)
            elif is_cpf:
                self.refused[candidate.value] = candidate.note
            elif candidate.label != "other":
                self.known = dates.fill(self.known, dates.sound_parts(text[candidate.start : candidate.end]))
        for right, wrong in said.swaps:
            self._swap(right, wrong, turn)
        if said.zero_lost:
            self.cpfs.extend(Mention(value, turn, False, False) for value in sorted(self._with_zero()))

    def assistant(self, text: str) -> None:
        """Take in what the assistant says: it may propose a reading, which the user's next words accept."""
        half_known = "?" in self.known and self.known != UNKNOWN
        for date in scan(text).dates if self.unclear or half_known else ():
            for reading in date.readings or (date.value,):
                self.proposed.update(value for value in self.unclear if _fits(value, reading))
                whole = dates.fill(self.known, reading) if reading else ""
                if dates.is_date(whole) and _fits(whole, self.known):
                    self.proposed.add(whole)
        if ZERO_LOST.search(fold(text)[0]):
            self.proposed.update(self._with_zero())

    def _confirm(self, plain: str, turn: int) -> None:
        """One reading was proposed, and the user does not say no to it."""
        if len(self.proposed) == 1 and not DENIAL.match(plain):
            value = self.proposed.pop()
            (self.dates if len(value) == 8 else self.cpfs).append(Mention(value, turn, False, False))
        self.proposed.clear()

    def _with_zero(self) -> set[str]:
        """The CPFs that came with ten digits, with the zero put before them."""
        return {f"0{piece}" for piece in self.pieces if len(piece) == 10}

    def _resolved(self, candidate: Candidate, is_cpf: bool, corrects: bool, turn: int) -> None:
        mention = Mention(candidate.value, turn, candidate.note != "joined", corrects, candidate.label)
        (self.cpfs if is_cpf else self.dates).append(mention)
        if not is_cpf and candidate.label != "other":
            self.known = candidate.value

    def _ambiguous(self, candidate: Candidate) -> None:
        self.unclear.update(candidate.readings)
        if len({reading[4:] for reading in candidate.readings}) == 1:
            self.known = f"????{candidate.readings[0][4:]}"

    def _partial(self, candidate: Candidate, is_cpf: bool, short: bool, turn: int) -> None:
        if not is_cpf:
            if candidate.label != "other":
                self._fill(candidate.readings, turn)
            return
        if candidate.note == "masked":
            return
        if len(candidate.value) <= 2 and short:
            self._bare_figure(candidate.value, turn)
        for place, piece in enumerate(self.pieces):
            tails = ["", *self.pieces[place + 1 :]]
            for middle in tails:
                if len(piece) + len(middle) + len(candidate.value) == 11:
                    self.cpfs.append(Mention(piece + middle + candidate.value, turn, False, False))
        self.pieces = [*self.pieces, candidate.value][-PIECES_KEPT:]
        for count in range(4, len(self.pieces) + 1):  # `832`, `215`, `344`, `93`, one after the other
            joined = "".join(self.pieces[-count:])
            if len(joined) == 11:
                self.cpfs.append(Mention(joined, turn, False, False))

    def _bare_figure(self, digits: str, turn: int) -> None:
        """`85` or `15`, in answer to a question for the year or the day that is missing."""
        if self.known[4:] != "????" and "?" not in self.known[4:] and len(digits) == 2:
            self._fill(tuple(f"{year}????" for year in dates.years(digits)), turn)
        elif self.known.endswith("??") and "?" not in self.known[:6]:
            self._fill((f"??????{int(digits):02}",), turn)

    def _fill(self, readings: tuple[str, ...], turn: int) -> None:
        filled = [dates.fill(self.known, reading) for reading in readings]
        whole = [value for value in filled if dates.is_date(value)]
        if len(readings) == 1:
            self.known = filled[0]
            self.dates.extend(Mention(value, turn, False, False) for value in whole)
        else:
            self.unclear.update(whole)

    def _swap(self, right: str, wrong: str, turn: int) -> None:
        """`é 529 e não 592`: a stretch of an earlier CPF, put right."""
        for mention in self.cpfs[-PIECES_KEPT:]:
            if mention.value.count(wrong) == 1 and len(wrong) == len(right):
                self.cpfs.append(Mention(mention.value.replace(wrong, right), turn, False, False))


class Said(NamedTuple):
    """What one message of the user gives, whatever stood before it."""

    plain: str
    short: bool  # a word or three
    given: tuple[tuple[Candidate, bool, bool], ...]  # what is meant, whether it is a CPF, whether it corrects another
    swaps: tuple[tuple[str, str], ...]  # a right stretch of figures for a wrong one
    zero_lost: bool


@lru_cache(maxsize=1024)
def _read(text: str) -> Said:
    found = scan(text)
    plain = fold(text)[0]
    if not (found.cpfs or found.dates) and "zero" not in plain and not any(map(str.isdigit, plain)):
        return Said(plain, False, (), (), False)
    swaps = tuple(SWAPPED.findall(plain))
    return Said(plain, len(plain.split()) <= 3, tuple(_given(text, found)), swaps, bool(ZERO_LOST.search(plain)))


def _given(text: str, found: Scan) -> Iterator[tuple[Candidate, bool, bool]]:
    previous = 0
    several = [sum(item.kind == "resolved" for item in items) > 1 for items in (found.dates, found.cpfs)]
    tagged = [*((item, True) for item in found.cpfs), *((item, False) for item in found.dates)]
    for candidate, is_cpf in sorted(tagged, key=lambda pair: pair[0].start):
        corrects = False
        if candidate.kind == "resolved":
            before = fold(text[max(previous, candidate.start - NEAR) : candidate.start])[0]
            if several[is_cpf] and DENIED.search(before):
                continue  # `não é 15/06, é 16/06`: the first of them is not meant
            behind = text[candidate.end : candidate.end + NEAR] if not previous and len(before) < 3 else ""
            lead = before + fold(behind)[0]
            corrects = bool(CORRECTION.search(lead)) and not SOMEONE_ELSE.search(lead)
            previous = candidate.end
        yield candidate, is_cpf, corrects


def names_someone(plain: str) -> bool:
    """Whether a relative or somebody else is named, slips of the finger included."""
    if SOMEONE_ELSE.search(plain):
        return True
    return any(near(word, LONG_KIN, 1) for word in re.findall(r"[a-z]+", plain) if len(word) > 4)


def _fits(value: str, pattern: str) -> bool:
    """Whether a date says the same as another that may have `?` in it."""
    return len(pattern) == 8 and all(b in ("?", a) for a, b in zip(value, pattern, strict=True))


def check_grounding(row: dict[str, Any], context: Context) -> Iterator[Finding]:
    """The CPF and the birth date of every call stand in the user's words before it, and were not corrected since."""
    if not any(turn.calls for turn in context.turns):
        return
    heard = Heard()
    called: set[str] = set()
    for turn in context.turns:
        if turn.role == "user" and isinstance(turn.content, str):
            heard.user(turn.content, turn.index)
        elif turn.role == "assistant" and isinstance(turn.content, str):
            heard.assistant(turn.content)
        for call in turn.calls:
            cpf, born = (call.arguments or {}).get("cpf"), (call.arguments or {}).get("data_nascimento")
            if isinstance(cpf, str) and len(cpf) == 11 and cpf.isascii() and cpf.isdigit():
                yield from _check_cpf(call, cpf, heard, called, turn, context)
            if isinstance(born, str) and dates.is_date(born):
                yield from _check_date(call, born, heard, called, turn, context)
            called.update(value for value in (cpf, born) if isinstance(value, str))


def _check_cpf(call: Call, cpf: str, heard: Heard, called: set[str], turn: Turn, context: Context) -> Iterator[Finding]:
    path = f"{call.path}.function.arguments"
    if not any(mention.value == cpf for mention in heard.cpfs):
        why = heard.refused.get(cpf) or _why_not(cpf, [mention.value for mention in heard.cpfs], 0, turn, context)
        yield context.finding("call.cpf_ungrounded", path, f"cpf {mask(cpf)}: {why}")
    elif newer := _superseded(cpf, heard.cpfs, called):
        where = f"$.messages[{newer.turn}]"
        yield context.finding("call.cpf_superseded", path, f"cpf {mask(cpf)}: {where} has {mask(newer.value)} instead")


def _check_date(
    call: Call, born: str, heard: Heard, called: set[str], turn: Turn, context: Context
) -> Iterator[Finding]:
    path = f"{call.path}.function.arguments"
    usable = [mention for mention in heard.dates if mention.label != "other"] or heard.dates
    if not any(mention.value == born for mention in usable):
        why = (
            "it could be read in two ways and was not confirmed"
            if born in heard.unclear
            else (_why_not(born, [mention.value for mention in usable], 1, turn, context))
        )
        yield context.finding("call.date_ungrounded", path, f"data_nascimento {born}: {why}")
    elif newer := _superseded(born, usable, called):
        where = f"$.messages[{newer.turn}]"
        yield context.finding(
            "call.date_superseded", path, f"data_nascimento {born}: {where} has {newer.value} instead"
        )


def _why_not(value: str, given: list[str], kind: int, turn: Turn, context: Context) -> str:
    """What the user did say, for the message of a finding."""
    for later in context.turns:
        heard = later.index > turn.index and later.role == "user" and isinstance(later.content, str)
        if heard and any(candidate.value == value for candidate in scan(later.content)[kind]):
            return f"the user gives it only later, at {later.path}"
    shown = sorted({mask(item) if len(item) == 11 else item for item in given})
    return f"the user gave {', '.join(shown[:4])}" if shown else "the user gave none before this call"


def _superseded(value: str, mentions: list[Mention], called: set[str]) -> Mention | None:
    """A later value of the same person, where a rule can tell: said as a correction, or a CPF one slip away."""
    last = max(place for place, mention in enumerate(mentions) if mention.value == value)
    for mention in mentions[last + 1 :]:
        slip = len(value) == 11 and edits(value, mention.value, 2) <= 2 and (cpf_ok(mention.value) or not cpf_ok(value))
        if mention.whole and mention.value not in called and (mention.corrects or slip):
            return mention
    return None


def check_repeats(row: dict[str, Any], context: Context) -> Iterator[Finding]:
    """The same call comes again only after a failure that passes and new words of the user."""
    last: dict[tuple[str, bytes], int] = {}
    for place, turn in enumerate(context.turns):
        for call in turn.calls:
            if call.arguments is None or call.name is None:
                continue
            key = call.name, orjson.dumps(call.arguments, option=orjson.OPT_SORT_KEYS)
            if key in last and not _may_try_again(context.turns[last[key] + 1 : place]):
                first = context.turns[last[key]].path
                yield context.finding("call.repeated", call.path, f"the same arguments as at {first}")
            last[key] = place


def _may_try_again(between: list[Turn]) -> bool:
    answer = between[0].content if between and between[0].role == "tool" else None
    failed = isinstance(answer, str) and PASSING.search(fold(answer)[0])
    return bool(failed) and any(turn.role == "user" for turn in between)


CHECKS = (check_grounding, check_repeats)
