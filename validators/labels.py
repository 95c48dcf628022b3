"""What the words beside a number call it: a CPF, a telephone, a document, a date of birth or another date.

No command of its own; `formats` uses it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from validators.tokens import NUMBERS_IN_SHAPE, Tokens

AFTERWARDS = re.compile(r"[.:]?(\()?([&we:]{0,6})([cbto])")
LOOK_BACK = 9
PAPERS = frozenset("rg identidade cnh habilitacao carteira".split())
"""Papers on which a birth date stands too."""
HAD = frozenset("tive fiz tenho minha uma marquei teve fez".split())


class Labels:
    """What the words beside a number call it. A label that stands behind its number is not read for the next one."""

    def __init__(self, text: str, tokens: Tokens) -> None:
        self.text, self.tokens = text, tokens
        self.claimed: set[int] = set()
        self.known: dict[int, list[tuple[str, int]]] = {}

    def claim_before(self, place: int) -> None:
        """Keep the label directly before a telephone in brackets from being read for the next number."""
        self.claimed.update(near for near in range(max(place - 4, 0), place) if self.tokens.shape[near] == "t")

    def before(self, place: int) -> list[tuple[str, int]]:
        """The labels between the number before and this one, nearest first, with their distance in tokens."""
        if place not in self.known:
            self.known[place] = list(self._walk_back(place))
        return self.known[place]

    def _walk_back(self, place: int) -> Iterator[tuple[str, int]]:
        shape, words, line = self.tokens.shape, 0, False
        for step in range(1, min(LOOK_BACK, place) + 1):
            letter = shape[place - step]
            if letter == "!" or letter in NUMBERS_IN_SHAPE or (line and letter == "w") or (letter == "n" and words):
                return
            line = line or letter == "n"
            words += letter == "w"
            if letter in "cbtor" and place - step not in self.claimed and not self._is_apart(letter, place - step):
                yield letter, step
            if letter == "q" and step == 1 and place > 1 and self.tokens.words[place - 2] in HAD:
                yield "o", step
            if letter == "q" and any(self._points_to_a_day(place - near) for near in range(1, step)):
                yield "o", step

    def _is_apart(self, letter: str, place: int) -> bool:
        """Whether a label names no number: `ele não usa celular. 529 ...`, `na identidade está 15/06/1985`."""
        words = self.tokens.words
        if letter == "t":
            return len(words[place]) > 4 and words[place + 1 : place + 2] == ["."]
        return letter == "r" and words[place] in PAPERS and place > 0 and words[place - 1] in ("na", "no")

    def _points_to_a_day(self, place: int) -> bool:
        return self.tokens.shape[place] in "de" or self.tokens.words[place] in ("em", "para", "pra", "pro", "no")

    def after(self, end: int, whole: bool = False) -> str:
        """The label in `52998224725 é o meu cpf` or `52998224725 (cpf)`; behind a `whole` value `e` may be `é`."""
        match = AFTERWARDS.match(self.tokens.shape, end)
        if not match:
            return ""
        verb = match.start(2)
        at_the_end = self.tokens.shape[match.end() : match.end() + 1] in ("", "n")
        is_verb = match[2][:1] == "&" and (
            self.text[self.tokens.starts[verb]] in "éÉ" or (whole and at_the_end and match[3] == "c")
        )
        if not (match[1] or is_verb or (match[2] and self.tokens.words[verb] == "eh")):
            return ""
        self.claimed.add(match.start(3))
        return match[3]

    def of_figures(self, place: int) -> str:
        """cpf, phone, document or nothing: what a run of figures is said to be."""
        for letter, distance in self.before(place):
            if letter == "c":
                return "cpf"
            if letter == "t" and distance <= 5:  # further off, the telephone is what is being talked about
                return "phone"
            if letter == "r" and distance <= 3:
                return "document"
            if letter == "b" and distance <= 3:
                return "birth"
        return ""

    def after_figures(self, end: int) -> str:
        """cpf, phone or nothing: what the words behind a run of figures call it."""
        return {"c": "cpf", "t": "phone"}.get(self.after(end, whole=True), "")

    def of_date(self, first: int, end: int) -> str:
        """birth, other or nothing: which date this is said to be."""
        for letter, _ in self.before(first):
            if letter in "bo":
                return {"b": "birth", "o": "other"}[letter]
        return {"b": "birth", "o": "other"}.get(self.after(end), "")
