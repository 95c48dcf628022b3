"""What the attendant may say and do by itself: facts, plans, abilities, tools, as a file of plain data.

    python -m validators check FILE --knowledge knowledge.yaml
    python -m validators check FILE --pack templates/unimed_natal

A knowledge file is YAML or JSON with any of these lists; without one the checks that need it keep silent:

    values: ["(84) 4020-8900", "7 dias úteis"]   numbers, dates and names that may be said without a source
    plans: [Bronze, Prata]                       plan names, all of them
    names: [Íris]                                what the attendant may be called
    abilities: [transferir]                      what it may promise, as the verb's infinitive
    tools: [{"type": "function", ...}]           functions, for rows that make calls but declare no `tools`
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from validators.finding import UsageError

KEYS = {"values", "plans", "names", "abilities", "tools"}


@dataclass(frozen=True)
class Knowledge:
    """What may be claimed without a source in the conversation; `tools` is a JSON text."""

    values: tuple[str, ...] = ()
    plans: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    abilities: tuple[str, ...] = ()
    tools: str | None = None


def read_knowledge(path: str | Path) -> Knowledge:
    """Read a knowledge file; raises UsageError when it is none."""
    data = _read(Path(path))
    if not isinstance(data, dict) or not set(data) <= KEYS:
        raise UsageError(f"{path}: a knowledge file is an object with the lists {', '.join(sorted(KEYS))}")
    lists = {key: data.get(key) or [] for key in KEYS}
    for key, items in lists.items():
        if not isinstance(items, list) or (key != "tools" and not all(isinstance(item, str) for item in items)):
            raise UsageError(f"{path}: {key} is not a list of texts")
    tools = json.dumps(lists.pop("tools"), ensure_ascii=False) if lists["tools"] else None
    return Knowledge(**{key: tuple(items) for key, items in lists.items() if key != "tools"}, tools=tools)


def read_pack(folder: str | Path) -> Knowledge:
    """Read the same from a pack's pack.yaml, facts.yaml and tools.yaml; raises UsageError when they are not there."""
    folder = Path(folder)
    pack, facts, tools = (_read(folder / f"{name}.yaml") for name in ("pack", "facts", "tools"))
    if not (isinstance(pack, dict) and isinstance(facts, list) and isinstance(tools, dict)):
        raise UsageError(f"{folder}: is no pack; it wants pack.yaml, facts.yaml and tools.yaml")
    known = [fact for fact in facts if isinstance(fact, dict) and fact.get("known", True)]
    attendant = pack.get("attendant") or {}
    function = {"type": "function", "function": tools.get("function")}
    return Knowledge(
        values=(str(pack.get("title", "")), *_values(known)),
        plans=tuple(map(str, _picks((tools.get("record") or {}).get("plan")))),
        names=tuple(str(attendant[key]) for key in ("name",) if attendant.get(key)),
        abilities=tuple(map(str, pack.get("abilities") or [])),
        tools=json.dumps([function], ensure_ascii=False) if tools.get("function") else None,
    )


def _values(facts: list[dict[str, Any]]) -> Iterator[str]:
    """Everything that the known facts say: their values, and the words of their answers."""
    for fact in facts:
        for value in (fact.get("values") or {}).values():
            yield str(value)
        yield from map(str, fact.get("answers") or [])
        if fact.get("norm"):
            yield str(fact["norm"])


def _picks(entry: Any) -> list[Any]:
    picks = entry.get("pick") if isinstance(entry, dict) else entry
    return picks if isinstance(picks, list) else [] if picks is None else [picks]


def _read(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as reason:
        raise UsageError(f"{path}: cannot be read: {getattr(reason, 'strerror', None) or reason}") from None
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        import yaml
    except ImportError:
        raise UsageError(f"{path}: is no JSON, and YAML needs the package pyyaml") from None
    try:
        return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as reason:
        raise UsageError(f"{path}: is neither JSON nor YAML: {reason}") from None
