"""The one exception that a user's input can raise: where, what is wrong, how to mend it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One mistake in a pack, addressed to its author."""

    place: str
    """`file:line` relative to the working folder, or a file alone."""
    message: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" + (f"\n    fix: {self.fix}" if self.fix else "")


class PackError(Exception):
    """The pack, the command line or the output folder is wrong; carries every problem found, not only the first."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems
