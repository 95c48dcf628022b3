"""Which checks apply to which rows, and how hard.

`rendered` rows come from templates, `imported` ones from real attendance, `played` ones from a model; `foreign` is
anybody's file: what is our custom and not a fault is off there, what can only be suspected is a warning.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from validators.finding import CODES, UsageError

OFF, WARNING, ERROR = "off", "warning", "error"
PROFILES: dict[str, dict[str, str]] = {
    "rendered": {"privacy.identifier": OFF, "file.convention": OFF},
    "imported": {
        "privacy.identifier": ERROR,
        "file.convention": OFF,
        "behaviour.missed_call": WARNING,
        "behaviour.asks_half": WARNING,
        "behaviour.asks_early": WARNING,
        "behaviour.length": WARNING,
        "corpus.min_": OFF,
    },
    "played": {"privacy.identifier": OFF, "file.convention": OFF, "corpus.min_": OFF, "corpus.concentrated": OFF},
    "foreign": {
        "row.id": OFF,
        "row.category": OFF,
        "claims.": WARNING,
        "behaviour.": WARNING,
        "behaviour.language": OFF,
        "privacy.": WARNING,
        "call.text_beside": WARNING,
        "call.several": WARNING,
        "call.arguments_order": WARNING,
        "call.repeated": WARNING,
        "tool.not_json": WARNING,
        "text.edges": WARNING,
        "order.two_answers": WARNING,
        "order.result_unspoken": WARNING,
        "corpus.min_": OFF,
        "file.convention": WARNING,
    },
}


@dataclass(frozen=True)
class Selection:
    """The level of every code: what the profile says, narrowed by --select and --ignore."""

    levels: tuple[tuple[str, str], ...]

    def as_dict(self) -> dict[str, str]:
        """Code to level."""
        return dict(self.levels)


def selection(profile: str = "rendered", select: Iterable[str] = (), ignore: Iterable[str] = ()) -> Selection:
    """The levels under a profile; `select` and `ignore` are codes or their beginnings (`claims`, `call.cpf_form`)."""
    for name in (*select, *ignore):
        if not any(_covers(name, code) for code in CODES):
            raise UsageError(f"{name}: no code begins like this; `python -m validators codes` lists them")
    chosen, left = tuple(select), tuple(ignore)
    levels = {}
    for code, entry in CODES.items():
        level = _level(PROFILES[profile], code) or entry.level
        if (chosen and not any(_covers(name, code) for name in chosen)) or any(_covers(name, code) for name in left):
            level = OFF
        levels[code] = level
    return Selection(tuple(levels.items()))


def _level(rules: dict[str, str], code: str) -> str:
    """The rule with the longest beginning decides."""
    fitting = [name for name in rules if code.startswith(name)]
    return rules[max(fitting, key=len)] if fitting else ""


def _covers(name: str, code: str) -> bool:
    return code == name or code.startswith(name if name.endswith((".", "_")) else f"{name}.")


def table() -> str:
    """Every code with its level in each profile, its meaning and its remedy, as Markdown."""
    levels = {name: selection(name).as_dict() for name in PROFILES}
    lines = [f"| code | {' | '.join(PROFILES)} | what it means | how to mend it |"]
    lines.append("|---" * (len(PROFILES) + 3) + "|")
    for code, entry in CODES.items():
        shown = " | ".join(levels[name][code] for name in PROFILES)
        lines.append(f"| `{code}` | {shown} | {entry.meaning} | {entry.fix.replace('|', chr(92) + '|')} |")
    return "\n".join(lines)
