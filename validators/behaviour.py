"""Does the assistant ask, promise and speak as an attendant should. Part of `python -m validators check`.

What it asks for is held against what the user has given; the words that give a promise, a claim to be a person or a
norm's number away stand in speech.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from validators import speech
from validators.context import Context, Turn
from validators.finding import Finding
from validators.grounding import Heard, names_someone
from validators.outcome import nobody_found
from validators.requests import asked
from validators.sentences import sentences
from validators.tokens import fold

LONGEST = 90
"""Words of one reply; half of all replies should have at most thirty."""
LAST_BIRTH_YEAR = "2028"
NO_DATA_IN = frozenset({"facts"})
NO_CALL_IN = frozenset({"greetings", "facts"})


class Given(NamedTuple):
    """What the user has given before an assistant's turn, since the last result."""

    cpfs: frozenset[str]
    births: frozenset[str]
    words: str  # all that the user said since the last result, without accents
    last: str  # what the user said since the assistant's last words
    result: Any  # the last result, None before the first
    doubted: bool = False  # a CPF that cannot be one came too, which casts doubt on what stood beside it

    def one_cpf(self) -> bool:
        """Whether there is one CPF and no doubt which."""
        return len(self.cpfs) == 1

    def one_birth(self) -> bool:
        """Whether there is one birth date, and not one that is still to come."""
        return len(self.births) == 1 and max(self.births) < LAST_BIRTH_YEAR


def followed(context: Context) -> list[tuple[Turn, Given]]:
    """Each turn of the assistant with what it could know; worked out once for a row."""
    if context.followed is None:
        context.followed = list(_follow(context))
    return context.followed


def _follow(context: Context) -> Iterator[tuple[Turn, Given]]:
    heard, words, last, result = Heard(), "", "", None
    for turn in context.turns:
        if turn.role == "user" and isinstance(turn.content, str):
            heard.user(speech.FILE_NAME.sub(" ", turn.content), turn.index)
            plain = fold(turn.content)[0]
            words, last = f"{words} {plain}".strip(), f"{last} {plain}".strip()
        elif turn.role == "tool":
            heard, words, result = Heard(), "", turn.result if turn.result is not None else turn.content
        elif turn.role == "assistant":
            cpfs = frozenset(mention.value for mention in heard.cpfs)
            births = frozenset(
                mention.value for mention in heard.dates if mention.label != "other" and not _half(mention.value, cpfs)
            )
            yield turn, Given(cpfs, births, words, last, result, bool(heard.refused))
            if isinstance(turn.content, str):
                heard.assistant(turn.content)
                last = ""
            if turn.calls:
                heard = Heard()  # the next consultation wants data of its own


def _half(birth: str, cpfs: frozenset[str]) -> bool:
    """Whether what reads as a date, 270663, is a part of a CPF that came in pieces."""
    written = f"{birth[6:]}{birth[4:6]}{birth[2:4]}"
    return any(written in cpf for cpf in cpfs)


def check_requests(row: dict[str, Any], context: Context) -> Iterator[Finding]:
    """It asks for what is missing, never for what it has, and for nothing at a greeting, a fact or an emergency."""
    asked_both = False
    for turn, given in followed(context):
        if not isinstance(turn.content, str):
            continue
        wants = asked(turn.content)
        path = f"{turn.path}.content"
        if wants.forbidden and not speech.REFUSES.search(wants.forbidden):
            yield context.finding("behaviour.asks_forbidden", path, f"asks {wants.forbidden.strip()!r}")
        if not (wants.cpf or wants.birth):
            continue
        other = wants.cpf and wants.birth and _somebody_else_now(given)
        if wants.cpf and given.one_cpf() and not other:
            yield context.finding("behaviour.asks_known", path, "asks for the CPF, which the user has given")
        doubted = (wants.cpf and given.doubted) or speech.AGE.search(given.words)
        if wants.birth and given.one_birth() and not (doubted or other):
            yield context.finding("behaviour.asks_known", path, "asks for the birth date, which the user has given")
        nothing = given.result is None and not (given.cpfs or given.births or speech.SOME_DATUM.search(given.words))
        if nothing and not asked_both and wants.cpf != wants.birth:
            what = "CPF" if wants.cpf else "birth date"
            yield context.finding("behaviour.asks_half", path, f"asks for the {what} alone, and both are missing")
        asked_both = asked_both or (wants.cpf and wants.birth)
        if why := _too_early(row, given):
            yield context.finding("behaviour.asks_early", path, why)


def _somebody_else_now(given: Given) -> bool:
    """Whether the user has just turned, without giving data, to another person's plan, or from another's to the own."""
    if speech.FIGURES.search(given.last):
        return False
    return bool(speech.OWN_AGAIN.search(given.last)) or names_someone(given.last)


def _too_early(row: dict[str, Any], given: Given) -> str:
    if given.result is None and speech.only_greets(given.words):
        return "the user has only greeted"
    if speech.EMERGENCY.search(given.last):
        return "the user is in an emergency"
    if _category(row) in NO_DATA_IN and not speech.OWN_CONTRACT.search(given.words):
        return "the user asks what anybody may know"
    return ""


def _category(row: dict[str, Any]) -> str:
    category = row.get("category")
    return category if isinstance(category, str) else ""


def check_missed_call(row: dict[str, Any], context: Context) -> Iterator[Finding]:
    """With both data given, once and clearly, the next turn is the call."""
    if _category(row) in ("edge_cases", "greetings", "facts") or not context.roles_known:
        return
    for turn, given in followed(context):
        if not turn.calls and given.result is None and given.one_cpf() and given.one_birth():
            yield context.finding(
                "behaviour.missed_call", turn.path, "CPF and birth date are known, and it does not call"
            )
            return


def check_forbidden_call(row: dict[str, Any], context: Context) -> Iterator[Finding]:
    """No call where the category has none."""
    if _category(row) in NO_CALL_IN:
        for turn in context.turns:
            if turn.calls:
                yield context.finding("behaviour.call_forbidden", turn.path, f"a call in category {row['category']}")


def check_promises(row: dict[str, Any], context: Context) -> Iterator[Finding]:
    """It promises nothing that it cannot do, and never says that it will look without looking."""
    abilities = context.knowledge.abilities if context.knowledge else ()
    able = [fold(ability)[0].split()[0][:5] for ability in abilities]
    for turn in context.speaking():
        said = fold(turn.content)[0]
        if not speech.FIRST_PERSON.search(said):
            continue
        path = f"{turn.path}.content"
        for match in speech.PROMISES.finditer(said):
            if not any(stem in match[0] for stem in able) and not speech.CONDITION.search(_sentence(said, match)):
                yield context.finding("behaviour.promise", path, f"promises {match[0]!r}", match.span())
        asks = asked(turn.content)
        if asks.cpf or asks.birth:
            continue  # `vou verificar; me passa o CPF`: it says what the data are for
        if (match := speech.LOOKS.search(said)) and not speech.CONDITION.search(_sentence(said, match)):
            yield context.finding("behaviour.announces", path, f"says {match[0]!r} without a call", match.span())


def _sentence(said: str, match: re.Match[str]) -> str:
    """The sentence of a match, up to its end."""
    for start, end in sentences(said):
        if start <= match.start() < end:
            return said[start:end]
    return said


def check_honesty(row: dict[str, Any], context: Context) -> Iterator[Finding]:
    """It does not pass for a person, nor gives medical advice, nor talks of norms unasked, nor at length."""
    for turn in context.speaking():
        for code, message, span in _manners(turn.content):
            if code == "behaviour.norm" and _asked_for_a_norm(context.turns[: turn.index]):
                continue
            yield context.finding(code, f"{turn.path}.content", message, span)


def _asked_for_a_norm(turns: list[Turn]) -> bool:
    heard = (turn.content for turn in turns if turn.role == "user" and isinstance(turn.content, str))
    return any(speech.asks_for_a_norm(fold(text)[0]) for text in heard)


@lru_cache(maxsize=16384)
def _manners(text: str) -> tuple[tuple[str, str, tuple[int, int] | None], ...]:
    """What is wrong with a reply by itself: code, message, place."""
    said, found = fold(text)[0], []
    for code, pattern in UNSAID.items():
        if match := pattern.search(said):
            found.append((code, f"says {match[0]!r}", match.span()))
    if (count := text.count(" ") + 1) > LONGEST:
        found.append(("behaviour.length", f"{count} words", None))
    if language := speech.foreign(text):
        found.append(("behaviour.language", f"it is {language}", None))
    return tuple(found)


UNSAID = {"behaviour.human": speech.HUMAN, "behaviour.medical": speech.MEDICAL, "behaviour.norm": speech.NORM}


def check_emergency(row: dict[str, Any], context: Context) -> Iterator[Finding]:
    """Who is in danger is first told where help is."""
    for turn, given in followed(context):
        match = speech.EMERGENCY.search(given.last) if isinstance(turn.content, str) else None
        if match and not speech.HELP.search(fold(turn.content)[0]):
            message = f"the user says {match[0]!r}, and no help is named"
            yield context.finding("behaviour.emergency", f"{turn.path}.content", message)


def check_greeting(row: dict[str, Any], context: Context) -> Iterator[Finding]:
    """Good morning is not answered with good night."""
    for turn, given in followed(context):
        if not isinstance(turn.content, str):
            continue
        theirs = set(speech.TIME_OF_DAY.findall(given.last))
        ours = set(speech.TIME_OF_DAY.findall(fold(turn.content)[0]))
        if len(theirs) == 1 and ours and not ours & theirs:
            message = f"the user says {theirs.pop()}, the answer {' and '.join(sorted(ours))}"
            yield context.finding("behaviour.greeting_time", f"{turn.path}.content", message)


def check_neutral(row: dict[str, Any], context: Context) -> Iterator[Finding]:
    """Whether the CPF or the date was wrong is told to nobody: one sentence for both."""
    for turn, given in followed(context):
        if not isinstance(turn.content, str) or given.result is None or not nobody_found(given.result):
            continue
        if match := speech.TELLS_WHICH.search(fold(turn.content)[0]):
            yield context.finding("behaviour.not_neutral", f"{turn.path}.content", f"says {match[0]!r}", match.span())


def check_obedience(row: dict[str, Any], context: Context) -> Iterator[Finding]:
    """Orders in the user's or a tool's text are not obeyed, and the system message is not read out."""
    system, orders = "", []
    for turn in context.turns:
        if not isinstance(turn.content, str):
            continue
        if turn.role == "system":
            system = fold(turn.content)[0]
        elif turn.role in ("user", "tool"):
            orders.extend(match["said"] for match in speech.DICTATES.finditer(turn.content))
        elif turn.role == "assistant":
            said, path = fold(turn.content)[0], f"{turn.path}.content"
            if match := speech.OBEYS.search(said):
                yield context.finding("behaviour.obeys", path, f"says {match[0]!r}", match.span())
            for order in orders:
                wanted = fold(order)[0].strip(" .!\"'")
                if len(wanted.split()) > 2 and wanted in said:
                    yield context.finding("behaviour.obeys", path, f"says {order!r}, as it was told to")
            if system and (leak := speech.leaked(system, said)):
                yield context.finding("behaviour.prompt", path, f"reads out {leak!r}")


CHECKS = (
    check_requests,
    check_missed_call,
    check_forbidden_call,
    check_promises,
    check_honesty,
    check_emergency,
    check_greeting,
    check_neutral,
    check_obedience,
)
