"""What an author wrote, read from a pack's folder and its shared base into one object.

    python -m datagen lint --pack unimed_natal

Every mistake of form is reported as `file:line: field: what is wrong`, all of them at once.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Union

from pydantic import Field, TypeAdapter, ValidationError

from datagen.errors import PackError, Problem
from datagen.flows import Flow, flows_in, ways_of
from datagen.grammar import (
    CATEGORIES,
    STEP_KINDS,
    ActsFile,
    AuthorText,
    Contrast,
    Fact,
    FlowFile,
    NoiseFile,
    PackFile,
    PeopleFile,
    Slot,
    Steps,
    ToolsFile,
)
from datagen.yamlfile import Document, Text, load


@dataclass
class Pack:
    """Everything an author wrote for one client, merged with the shared base."""

    folder: Path
    config: PackFile
    acts: dict[tuple[str, str], list[tuple[Text, ...]]]
    """(role, act) → wordings."""
    slots: dict[str, Slot]
    facts: dict[str, Fact]
    tools: ToolsFile
    fragments: dict[str, Steps]
    flows: list[Flow]
    systems: list[Text]
    people: PeopleFile
    noise: NoiseFile
    kinds: dict[str, list[Text]] = field(default_factory=dict)
    """What an act of the attendant does → patterns of act names."""
    _kinds: dict[str, str | None] = field(default_factory=dict)

    def kind_of(self, act: str) -> str | None:
        """The kind of an act of the attendant: the first whose patterns fit; None where the pack tells no kinds."""
        if act not in self._kinds:
            fits = (kind for kind, names in self.kinds.items() if any(fnmatchcase(act, name) for name in names))
            self._kinds[act] = next(fits, None)
        return self._kinds[act]

    def flows_of(self, category: str) -> list[Flow]:
        """The flows of one category, in file order, without the ways of contrasts."""
        return [flow for flow in self.flows if flow.category == category and not flow.contrast]

    def contrasts(self) -> dict[str, list[Flow]]:
        """Name of each contrast → its ways."""
        ways: dict[str, list[Flow]] = {}
        for flow in self.flows:
            if flow.contrast:
                ways.setdefault(flow.contrast, []).append(flow)
        return ways


def find_pack(name: str, root: Path = Path("templates")) -> Path:
    """The folder of pack `name`. Raises PackError with the packs there are."""
    packs = sorted(path.parent.name for path in root.glob("*/pack.yaml"))
    if name in packs:
        return root / name
    close = difflib.get_close_matches(name, packs, 1)
    fix = f"did you mean '{close[0]}'?" if close else f"packs here: {', '.join(packs) or 'none'}"
    raise PackError(Problem(str(root / name), f"there is no pack '{name}'", fix))


def load_pack(folder: Path) -> Pack:
    """Read a pack folder and its base. Raises PackError with every mistake of form."""
    problems: list[Problem] = []

    def read(path: Path, model: Any, *, default: Any = None) -> Any:
        if default is not None and not path.exists():
            return default
        try:
            return _validate(load(path), model)
        except PackError as error:
            problems.extend(error.problems)
            return None

    config = read(folder / "pack.yaml", PackFile)
    if config is None:
        raise PackError(*problems)
    if config.name != folder.name:
        problem = f"name: is '{config.name}', but the folder is called '{folder.name}'"
        problems.append(Problem(config.name.place, problem, f"write name: {folder.name}"))
    base = folder.parent / config.base
    slots = _slots(read(base / "phrases.yaml", _SLOTS), read(folder / "slots.yaml", _SLOTS, default={}))
    acts: dict[tuple[str, str], list[tuple[Text, ...]]] = {}
    for path in sorted((folder / "acts").glob("*.yaml")):
        _merge_acts(acts, read(path, ActsFile), path, problems)
    facts = read(folder / "facts.yaml", TypeAdapter(list[Fact]), default=[])
    tools = read(folder / "tools.yaml", ToolsFile)
    fragments = read(folder / "fragments.yaml", TypeAdapter(dict[str, Steps]), default={})
    flows = list(_flows(folder, read, problems))
    for path in sorted((folder / "contrasts").glob("*.yaml")):
        for name, contrast in (read(path, TypeAdapter(dict[str, Contrast])) or {}).items():
            flows += ways_of(name, contrast, problems)
    people = read(base / "people.yaml", PeopleFile)
    noise = read(base / "noise.yaml", NoiseFile)
    kinds = read(folder / "kinds.yaml", TypeAdapter(dict[str, list[AuthorText]]), default={})
    systems = _systems(folder / "system.j2", problems)
    if problems:
        raise PackError(*problems)
    by_id: dict[str, Fact] = {}
    for fact in facts:
        if fact.id in by_id:
            problems.append(Problem(fact.id.place, f"fact '{fact.id}' stands here twice", "give one another id"))
        by_id[fact.id] = fact
    if problems:
        raise PackError(*problems)
    return Pack(folder, config, acts, slots, by_id, tools, fragments, flows, systems, people, noise, kinds)


_SLOTS = TypeAdapter(dict[str, Union[Slot, Annotated[list[AuthorText], Field(min_length=1)]]])  # noqa: UP007


def _validate(document: Document, model: Any) -> Any:
    adapter = model if isinstance(model, TypeAdapter) else TypeAdapter(model)
    try:
        return adapter.validate_python(document.data)
    except ValidationError as error:
        raise PackError(*(_problem(document, item) for item in error.errors())) from None


def _problem(document: Document, error: Any) -> Problem:
    location = _without_tags(error["loc"])
    name = ".".join(map(str, location))
    message, _, fix = error["msg"].removeprefix("Value error, ").partition("; ")
    if error["type"] == "extra_forbidden":
        message, fix = "unknown key", "delete it or correct its spelling; templates/README.md lists the keys"
    elif error["type"] == "missing":
        message, fix = "is missing", "add this key; templates/README.md shows an example"
    fix = fix or "templates/README.md tells what belongs here"
    return Problem(document.place(location), f"{name}: {message}" if name else message, fix)


def _without_tags(location: tuple[str | int, ...]) -> list[str | int]:
    """A pydantic location as YAML has it: the tag of a step's kind stands after the step's number."""
    pairs = zip((None, *location), location, strict=False)
    return [part for before, part in pairs if not (isinstance(before, int) and part in STEP_KINDS)]


def _slots(*files: dict[str, Slot | list[Text]] | None) -> dict[str, Slot]:
    slots: dict[str, Slot] = {}
    for file in files:
        for name, slot in (file or {}).items():
            slots[name] = slot if isinstance(slot, Slot) else Slot(values=slot)
    return slots


def _merge_acts(acts: dict, file: ActsFile | None, path: Path, problems: list[Problem]) -> None:
    for role in ("user", "assistant"):
        for act, wordings in getattr(file, role, {}).items():
            if (role, act) in acts:
                problems.append(Problem(str(path), f"{role}.{act}: this act is written in two files", "merge them"))
            acts[role, act] = wordings


def _flows(folder: Path, read: Any, problems: list[Problem]) -> Iterator[Flow]:
    for path in sorted((folder / "flows").glob("*/*.yaml")):
        category = path.parent.name
        if category not in CATEGORIES:
            problems.append(Problem(str(path), f"'{category}' is no category", f"use one of: {', '.join(CATEGORIES)}"))
            continue
        file = read(path, FlowFile)
        if file is not None:
            yield from flows_in(f"{category}/{path.stem}", category, path, file, problems)


def _systems(path: Path, problems: list[Problem]) -> list[Text]:
    """The system wordings: blocks of text separated by lines that hold only `---`."""
    if not path.exists():
        problems.append(Problem(str(path), "file not found", "write at least one system wording"))
        return []
    systems: list[Text] = []
    block: list[str] = []
    start = 1
    for number, line in enumerate([*path.read_text(encoding="utf-8").splitlines(), "---"], 1):
        if line.strip() != "---":
            block.append(line)
            continue
        text = "\n".join(block).strip()
        if text:
            systems.append(Text(text, f"{path}:{start}"))
        block, start = [], number + 1
    return systems
