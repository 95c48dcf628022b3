"""Types a user's text as people do: small letters, no accents, abbreviations, missing punctuation, slips of the finger.

Letters only: what stands between the marks of `values.protect` (CPF, dates, other numbers) is left as it is, so
that the label of a call stays true. A conversation is written in one register (noise.yaml: neutral, hurried, elderly
…); how often each habit occurs is in pack.yaml (`noise`), and a register may set it anew.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from datagen.grammar import Noise, NoiseFile
from datagen.values import CLOSE, EDIT_CLOSE, EDIT_OPEN, OPEN

_FIRST_WORDS = re.compile(r"(?:\W*\w+){0,3}")
_LAST_WORDS = re.compile(r"(?:\w+\W*){0,3}$")
_MARKED = re.compile(f"({OPEN}[^{CLOSE}]*{CLOSE}|{EDIT_OPEN}[^{EDIT_CLOSE}]*{EDIT_CLOSE})")
_WORD = re.compile(r"[^\W\d_]+")
_SENTENCE_END = re.compile(r"(?<=[^\W\d][.!?])\s+")
_CHANCE_PER_WORD = {"abbreviations": 0.5, "typos": 0.06, "foreign_words": 0.6}
"""Within a conversation that has the habit, the share of fit words that it befalls."""
_CHANCE_PER_MESSAGE = {"remarks": 0.6, "regional": 0.6, "emojis": 0.5, "fillers": 0.8, "insistence": 0.7}
"""Within a conversation that has the habit, the share of fit messages that it befalls."""
_LONGER = 4
"""Words from which a message may carry a remark: shorter ones ("sim", a CPF) stay bare."""

MOODS = ("remarks", "regional", "emojis", "insistence")
"""Habits that colour what is said. An edge case has a mood of its own and goes without; a contrast shows its edit."""


@dataclass(frozen=True)
class Habits:
    """How one person types throughout a conversation."""

    register: str
    names: frozenset[str]
    said: set[str] = field(default_factory=set)
    """Remarks made so far: nobody excuses the hurry twice."""

    @classmethod
    def draw(cls, rng: Random, dials: Noise, file: NoiseFile, moods: bool = True) -> Habits:
        """A register by its weight, then each habit with the percentage of its dial."""
        weights = [register.weight for register in file.registers.values()]
        name = rng.choices(list(file.registers), weights)[0] if weights else "neutral"
        own = file.registers[name].dials if weights else {}
        names = {habit for habit, percent in dials if rng.randrange(100) < own.get(habit, percent)}
        return cls(name, frozenset(names if moods else names.difference(MOODS)))


def split_messages(text: str, habits: Habits) -> list[str]:
    """The text as several messages, one sentence each, where the habit is to send it so."""
    return _SENTENCE_END.split(text) if "several_messages" in habits.names else [text]


def type_as_people_do(text: str, habits: Habits, rng: Random, file: NoiseFile) -> str:
    """`text` with the marks of protected values still in it, typed with `habits`."""
    parts = _MARKED.split(text)
    for name, change in _DICE:
        if name in habits.names:
            for at in range(0, len(parts), 2):
                before, text, after = _apart_from_values(parts, at) if change is _slip else ("", parts[at], "")
                parts[at] = before + change(text, rng, file) + after
    for name, change in _RULES:
        if name in habits.names:
            parts = [part if part.startswith(OPEN) else change(part) for part in parts]
    typed = "".join(parts)
    for name, colour in _COLOURS:
        if name in habits.names and len(typed.split()) >= _LONGER and rng.random() < _CHANCE_PER_MESSAGE[name]:
            typed = colour(typed, habits, rng, file)
    if "no_final_punctuation" in habits.names:
        typed = _without_final_punctuation(typed)
    return typed if re.search(r"\w", typed) else typed.strip() or "."


def _apart_from_values(parts: list[str], at: int) -> tuple[str, str, str]:
    """A part without the words next to a value, which say what it is: a slip in them would make it another thing."""
    text = parts[at]
    before = _FIRST_WORDS.match(text)[0] if at and parts[at - 1].startswith(OPEN) else ""
    text = text[len(before) :]
    after = _LAST_WORDS.search(text)[0] if parts[at + 1 : at + 2] and parts[at + 1].startswith(OPEN) else ""
    return before, text[: len(text) - len(after)], after


# ---------------------------------------------------------------------- dice: by word, outside marks and edits


def _by_word(text: str, rng: Random, chance: float, change: Callable[[str], str]) -> str:
    return _WORD.sub(lambda match: change(match[0]) if rng.random() < chance else match[0], text)


def _abbreviate(text: str, rng: Random, file: NoiseFile) -> str:
    def shorten(word: str) -> str:
        variants = file.abbreviations.get(word.lower())
        return str(rng.choice(variants)) if variants else word

    return _by_word(text, rng, _CHANCE_PER_WORD["abbreviations"], shorten)


def _write_as_a_foreigner(text: str, rng: Random, file: NoiseFile) -> str:
    def replace(word: str) -> str:
        variants = file.foreign_words.get(word.lower())
        return str(rng.choice(variants)) if variants else word

    return _by_word(text, rng, _CHANCE_PER_WORD["foreign_words"], replace)


def _slip(text: str, rng: Random, file: NoiseFile) -> str:
    def mistype(word: str) -> str:
        if len(word) < 4:
            return word
        if word.lower() in file.misspellings and rng.random() < 0.5:
            return str(rng.choice(file.misspellings[word.lower()]))
        at = rng.randrange(1, len(word) - 1)
        kind = rng.randrange(4)
        if kind == 0:
            return word[:at] + word[at + 1 :]
        if kind == 1:
            return word[:at] + word[at] + word[at:]
        if kind == 2:
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        near = file.neighbours.get(word[at].lower())
        return word[:at] + rng.choice(near) + word[at + 1 :] if near else word

    return _by_word(text, rng, _CHANCE_PER_WORD["typos"], mistype)


def _elongate(text: str, rng: Random, file: NoiseFile) -> str:
    def stretch(match: re.Match[str]) -> str:
        return match[0] + match[0][-1] * rng.randint(1, 3)

    return re.sub(r"(?i)\b(oi|olá|ola|alô|não|sim|obrigada|obrigado|por favor|ei)\b", stretch, text, count=1)


def _think_aloud(text: str, rng: Random, file: NoiseFile) -> str:
    """Fillers of speech where a comma was."""

    def fill(match: re.Match[str]) -> str:
        return f" {rng.choice(file.fillers)} " if file.fillers and rng.random() < 0.5 else " "

    return re.sub(r", (?=[^\W\d])", fill, text)


_DICE = (
    ("fillers", _think_aloud),
    ("foreign_words", _write_as_a_foreigner),
    ("abbreviations", _abbreviate),
    ("elongation", _elongate),
    ("typos", _slip),
)
"""In this order: words are looked up as an author wrote them, before accents and capitals are lost."""


# ---------------------------------------------------------------------- rules: the same for every part


def _without_accents(text: str) -> str:
    kept = (char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char))
    return unicodedata.normalize("NFC", "".join(kept))


def _without_commas(text: str) -> str:
    return text.replace(", ", " ")


_RULES = (
    ("no_accents", _without_accents),
    ("lowercase", str.lower),
    ("capitals", str.upper),
    ("no_commas", _without_commas),
)


# ---------------------------------------------------------------------- colours: of a whole message


def _remark(text: str, habits: Habits, rng: Random, file: NoiseFile) -> str:
    register = file.registers.get(habits.register)
    return _around(text, register.before, register.after, habits, rng) if register else text


def _regional(text: str, habits: Habits, rng: Random, file: NoiseFile) -> str:
    return _around(text, file.regional_before, file.regional_after, habits, rng)


def _around(text: str, before: list[str], after: list[str], habits: Habits, rng: Random) -> str:
    """`text` with one remark before or after it; what was a capital at its start no longer is."""
    choice = rng.randrange(max(len(before) + len(after), 1))
    remark = [*before, *after][choice] if before or after else ""
    if not remark or remark in habits.said or _begins_alike(text, remark):
        return text
    habits.said.add(remark)
    if choice < len(before):
        keeps = text[1:2].isupper() or not text[:1].isalpha()
        return f"{remark} {text if keeps else text[0].lower() + text[1:]}"
    own_sentence = remark[:1].isupper() and text[-1:] not in ".?!"
    return f"{text}. {remark}" if own_sentence else f"{text} {remark}"


def _begins_alike(text: str, remark: str) -> bool:
    """`olha` before `olha, moça`."""
    first = re.search(r"\w+", remark)
    return bool(first) and re.match(rf"\W*{re.escape(first[0])}\b", text, re.IGNORECASE) is not None


def _emoji(text: str, habits: Habits, rng: Random, file: NoiseFile) -> str:
    return f"{text} {rng.choice(file.emojis)}" if file.emojis else text


def _start_thinking(text: str, habits: Habits, rng: Random, file: NoiseFile) -> str:
    filler = rng.choice(file.fillers) if file.fillers else ""
    return f"{filler} {text}" if filler and not _begins_alike(text, filler) else text


def _insist(text: str, habits: Habits, rng: Random, file: NoiseFile) -> str:
    mark = "?" if text.endswith("?") else "!"
    return text.rstrip("?!. ") + mark * rng.randint(2, 4) if not text[-1:].isdigit() else text


_COLOURS = (
    ("fillers", _start_thinking),
    ("remarks", _remark),
    ("regional", _regional),
    ("insistence", _insist),
    ("emojis", _emoji),
)


def _without_final_punctuation(text: str) -> str:
    return re.sub(r"[.!]+$", "", text) if not text.endswith(("...", "!!")) else text
