"""Types a user's text as people do: small letters, no accents, abbreviations, missing punctuation, slips of the finger.

Letters only: what stands between the marks of `values.protect` (CPF, dates, other numbers) is left as it is, so
that the label of a call stays true. How often each habit occurs is in pack.yaml (`noise`), how words are shortened and
which keys lie side by side in noise.yaml.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from datagen.grammar import Noise, NoiseFile
from datagen.values import CLOSE, OPEN

_PROTECTED = re.compile(f"({OPEN}[^{CLOSE}]*{CLOSE})")
_WORD = re.compile(r"[^\W\d_]+")
_CHANCE_PER_WORD = {"abbreviations": 0.5, "typos": 0.06}
"""Within a conversation that has the habit, the share of fit words that it befalls."""


@dataclass(frozen=True)
class Habits:
    """How one person types throughout a conversation."""

    names: frozenset[str]

    @classmethod
    def draw(cls, rng: Random, dials: Noise) -> Habits:
        """Each habit with the percentage of its dial."""
        return cls(frozenset(name for name, percent in dials if rng.randrange(100) < percent))


def type_as_people_do(text: str, habits: Habits, rng: Random, file: NoiseFile) -> str:
    """`text` with the marks of protected values still in it, typed with `habits`."""
    for name, change in _CHANNELS:
        if name in habits.names:
            text = _outside_marks(text, lambda part, change=change: change(part, rng, file))
    if "no_final_punctuation" in habits.names:
        text = _without_final_punctuation(text)
    return text if re.search(r"\w", text) else text.strip() or "."


def _outside_marks(text: str, change: Callable[[str], str]) -> str:
    return "".join(part if part.startswith(OPEN) else change(part) for part in _PROTECTED.split(text))


def _by_word(text: str, rng: Random, chance: float, change: Callable[[str], str]) -> str:
    return _WORD.sub(lambda match: change(match[0]) if rng.random() < chance else match[0], text)


def _abbreviate(text: str, rng: Random, file: NoiseFile) -> str:
    def shorten(word: str) -> str:
        variants = file.abbreviations.get(word.lower())
        return str(rng.choice(variants)) if variants else word

    return _by_word(text, rng, _CHANCE_PER_WORD["abbreviations"], shorten)


def _without_accents(text: str, rng: Random, file: NoiseFile) -> str:
    kept = (char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char))
    return unicodedata.normalize("NFC", "".join(kept))


def _lowercase(text: str, rng: Random, file: NoiseFile) -> str:
    return text.lower()


def _without_commas(text: str, rng: Random, file: NoiseFile) -> str:
    return text.replace(", ", " ")


def _without_final_punctuation(text: str) -> str:
    return re.sub(r"[.!]+$", "", text) if not text.endswith("...") else text


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


_CHANNELS = (
    ("abbreviations", _abbreviate),
    ("elongation", _elongate),
    ("typos", _slip),
    ("no_accents", _without_accents),
    ("lowercase", _lowercase),
    ("no_commas", _without_commas),
)
"""In this order: words are looked up as an author wrote them, before accents and capitals are lost."""
