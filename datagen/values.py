"""What every document has in common: it prints itself anew each time, between marks that keep noise away."""

from __future__ import annotations

from random import Random

OPEN, CLOSE = "\ue000", "\ue001"
"""Private-use marks around a value that noise must not touch; the renderer strips them."""

EDIT_OPEN, EDIT_CLOSE = "\ue002", "\ue003"
"""Marks around the edit of a contrast: noise that throws dice passes over it, so that all ways are typed alike."""

MARKS = (OPEN, CLOSE, EDIT_OPEN, EDIT_CLOSE)
"""None of them is in a row."""


def unmarked(text: str) -> str:
    """`text` without any mark."""
    for mark in MARKS:
        text = text.replace(mark, "")
    return text


def protect(text: str) -> str:
    """Mark a value that noise must leave as it is."""
    return f"{OPEN}{text}{CLOSE}"


class Value:
    """A value that is written differently each time it is printed."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng

    def written(self) -> str:
        """One surface form."""
        raise NotImplementedError

    def __str__(self) -> str:
        return protect(self.written())


class Digits(Value):
    """Digits that are always written the same way."""

    def __init__(self, rng: Random, text: str) -> None:
        super().__init__(rng)
        self.text = text

    def written(self) -> str:
        """One surface form."""
        return self.text
