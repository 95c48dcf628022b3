"""How varied texts are: masking, near-duplicates, and the usual figures on fixed budgets.

Figures depend on sample size, so each is taken on a seeded sample of a fixed size. Sources: distinct-n (Li et al.
2016), compression ratio and Self-BLEU as recommended by Shaib et al. 2024 (arXiv 2403.00553), near-duplicates as
Jaccard similarity of word 3-grams (candidates by MinHash).
"""

from __future__ import annotations

import gzip
import math
import re
import unicodedata
import zlib
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from rensa import RMinHash

SHINGLE = 3
"""Words per shingle."""
_PERMUTATIONS, _BAND = 63, 3
"""MinHash values per text, and how many of them make a band: pairs with a Jaccard of .5 are found in 94 of 100 cases,
of .8 always."""

_NUMBER_WORDS = (
    "zero um uma dois duas três tres quatro cinco seis meia sete oito nove dez onze doze treze quatorze catorze quinze "
    "dezesseis dezessete dezoito dezenove vinte trinta quarenta cinquenta sessenta setenta oitenta noventa cem cento "
    "duzentos trezentos quatrocentos quinhentos seiscentos setecentos oitocentos novecentos mil primeiro"
)
_MONTHS = "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro"
_NUMBER = re.compile(
    rf"\b(?:{_NUMBER_WORDS.replace(' ', '|')})\b(?:(?:\s+e|,)?\s+(?:{_NUMBER_WORDS.replace(' ', '|')})\b)+"
)
_MONTH = re.compile(rf"\b(?:{_MONTHS.replace(' ', '|')}|{'|'.join(name[:3] for name in _MONTHS.split())})\b")
_DIGITS = re.compile(r"\d[\d\s.,/\-]*\d|\d")
_PARTICLES = frozenset("da das de do dos e d".split())
_NOT_WORDS = re.compile(r"[^\w\s]")
_TOKEN = re.compile(r"\w+|[^\w\s]")


def masked(text: str, names: frozenset[str] = frozenset()) -> str:
    """`text` in small letters without punctuation; numbers, amounts, dates are `0`, words in `names` are `nome`."""
    text = unicodedata.normalize("NFKC", text).lower()
    text = _MONTH.sub("mês", _NUMBER.sub("0", _DIGITS.sub(" 0 ", text)))
    words: list[str] = []
    for word in _NOT_WORDS.sub(" ", text).split():
        word = "nome" if word in names else word
        if word != "nome" or words[-1:] != ["nome"]:
            words.append(word)
    return " ".join(words)


def name_words(names: Iterable[str]) -> frozenset[str]:
    """The words of people's full `names` that `masked` replaces; not the particles (da, de, dos)."""
    return frozenset(word for name in names for word in name.lower().split()) - _PARTICLES


# ------------------------------------------------------------------------------------------------ near-duplicates


@dataclass(frozen=True)
class Likeness:
    """A text as near-duplicate search sees it."""

    shingles: bytes
    """Sorted crc32 of its word 3-grams, four bytes each."""
    bands: bytes
    """Keys under which alike texts are found, eight bytes each."""


def likeness(text: str) -> Likeness:
    """The `Likeness` of an already masked text."""
    words = text.split()
    grams = {" ".join(words[at : at + SHINGLE]) for at in range(max(len(words) - SHINGLE + 1, 1))}
    sketch = RMinHash(num_perm=_PERMUTATIONS, seed=1)
    sketch.update(sorted(grams))
    values = array("I", sketch.digest())
    keys = [
        zlib.crc32(values[at : at + _BAND].tobytes(), at) << 32 | zlib.adler32(values[at : at + _BAND].tobytes())
        for at in range(0, _PERMUTATIONS, _BAND)
    ]
    return Likeness(
        array("I", sorted(zlib.crc32(gram.encode()) for gram in grams)).tobytes(), array("Q", keys).tobytes()
    )


def jaccard(one: bytes, other: bytes) -> float:
    """Share of shingles that two texts have in common."""
    first, second = set(array("I", one)), set(array("I", other))
    return len(first & second) / len(first | second)


@dataclass
class Neighbours:
    """The texts seen so far, to be asked for the one that is most alike."""

    names: list[str] = field(default_factory=list)
    _shingles: list[bytes] = field(default_factory=list)
    _buckets: dict[int, int | list[int]] = field(default_factory=dict)

    def most_alike(self, text: Likeness) -> tuple[float, str]:
        """The highest Jaccard similarity with a text seen before, and that text's name; (0, "") where there is none."""
        found: set[int] = set()
        for key in array("Q", text.bands):
            bucket = self._buckets.get(key)
            if isinstance(bucket, int):
                found.add(bucket)
            elif bucket:
                found.update(bucket)
        best, name = 0.0, ""
        size = len(text.shingles)
        for at in sorted(found):
            other = self._shingles[at]
            if min(size, len(other)) > best * max(size, len(other)) and (same := jaccard(text.shingles, other)) > best:
                best, name = same, self.names[at]
        return best, name

    def add(self, name: str, text: Likeness) -> None:
        """Remember a text under its name."""
        at = len(self.names)
        self.names.append(name)
        self._shingles.append(text.shingles)
        for key in array("Q", text.bands):
            bucket = self._buckets.setdefault(key, at)
            if isinstance(bucket, list):
                bucket.append(at)
            elif bucket != at:
                self._buckets[key] = [bucket, at]


def closest(texts: Sequence[Likeness], groups: Sequence[str | None] | None = None) -> list[float]:
    """For each text its highest Jaccard similarity with any other; texts of one group are not held against another."""
    buckets: dict[int, list[int]] = {}
    for at, text in enumerate(texts):
        for key in array("Q", text.bands):
            buckets.setdefault(key, []).append(at)
    shingles = [frozenset(array("I", text.shingles)) for text in texts]
    best = [0.0] * len(texts)
    for at, text in enumerate(texts):
        for other in {other for key in array("Q", text.bands) for other in buckets[key] if other > at}:
            if groups and groups[at] is not None and groups[at] == groups[other]:
                continue
            one, two = shingles[at], shingles[other]
            same = len(one & two) / len(one | two)
            best[at], best[other] = max(best[at], same), max(best[other], same)
    return best


# ------------------------------------------------------------------------------------------------ figures


def sample(texts: Sequence[str], count: int, seed: int = 0) -> list[str]:
    """`count` texts at random, or all of them in another order."""
    return Random(seed).sample(list(texts), min(count, len(texts)))


def duplicate_share(texts: Sequence[str], longer_than: int = 3) -> float:
    """Share of texts that repeat another; those of `longer_than` words or fewer ("sim", "bom dia") belong to all."""
    longer = [text for text in texts if len(text.split()) > longer_than]
    return (len(longer) - len(set(longer))) / len(texts) if texts else 0.0


def top_share(texts: Sequence[str], count: int = 10) -> float:
    """Share of the `count` most common texts."""
    return sum(number for _, number in Counter(texts).most_common(count)) / len(texts) if texts else 0.0


def distinct_n(texts: Iterable[str], n: int = 2, tokens: int = 8_000) -> float:
    """Distinct n-grams among the first `tokens` tokens."""
    grams: list[tuple[str, ...]] = []
    seen = 0
    for text in texts:
        words = _TOKEN.findall(text.lower())
        grams += zip(*(words[at:] for at in range(n)), strict=False)
        seen += len(words)
        if seen >= tokens:
            break
    return len(set(grams)) / len(grams) if grams else 0.0


def compression_ratio(texts: Iterable[str], budget: int = 40_000) -> float:
    """Size over size after gzip -9, of the first `budget` bytes: higher means more repetitive."""
    taken: list[str] = []
    size = 0
    for text in texts:
        taken.append(text)
        size += len(text.encode()) + 1
        if size >= budget:
            break
    data = " ".join(taken).encode()
    return len(data) / len(gzip.compress(data, 9, mtime=0)) if data else 0.0


def self_bleu(texts: Iterable[str], count: int = 300, longest: int = 4) -> float:
    """Mean BLEU-4 of each of the first `count` texts of four or more tokens against all the others."""
    tokens = [words for words in (_TOKEN.findall(text.lower()) for text in texts) if len(words) >= longest][:count]
    if len(tokens) < 2:
        return 0.0
    grams = [
        [Counter(zip(*(words[at:] for at in range(n)), strict=False)) for n in range(1, longest + 1)]
        for words in tokens
    ]
    most = [_two_highest(counts[n] for counts in grams) for n in range(longest)]
    lengths = sorted(map(len, tokens))
    return sum(_bleu(at, len(tokens[at]), grams[at], most, lengths) for at in range(len(tokens))) / len(tokens)


def _two_highest(counters: Iterable[Counter]) -> dict[tuple, tuple[int, int, int]]:
    """n-gram → (highest count, whose it is, highest count of all others)."""
    best: dict[tuple, tuple[int, int, int]] = {}
    for at, counter in enumerate(counters):
        for gram, count in counter.items():
            high, owner, second = best.get(gram, (0, -1, 0))
            best[gram] = (count, at, high) if count > high else (high, owner, max(second, count))
    return best


def _bleu(at: int, length: int, grams: list[Counter], most: list[dict], lengths: list[int]) -> float:
    total = 0.0
    for n, counter in enumerate(grams):
        matches = sum(min(count, _of_others(most[n][gram], at)) for gram, count in counter.items())
        total += math.log((matches or 0.1) / sum(counter.values())) / len(grams)
    others = _without(lengths, length)
    reference = min(others, key=lambda other: (abs(other - length), other))
    return math.exp(total) * (1 if length > reference else math.exp(1 - reference / length))


def _of_others(best: tuple[int, int, int], at: int) -> int:
    high, owner, second = best
    return second if owner == at else high


def _without(lengths: list[int], length: int) -> Iterator[int]:
    """All but one of `length`."""
    gone = False
    for other in lengths:
        if other == length and not gone:
            gone = True
        else:
            yield other


def entropy(counts: Iterable[int]) -> float:
    """Normalised entropy over everything that could occur: 1 where all counts are equal, 0 where one has everything.

    Zeros count: what never occurs makes the rest less even.
    """
    numbers = list(counts)
    whole = sum(numbers)
    if len(numbers) < 2 or not whole:
        return 1.0
    return -sum(number / whole * math.log(number / whole) for number in numbers if number) / math.log(len(numbers))
