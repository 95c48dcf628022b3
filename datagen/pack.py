"""What an author wrote, read into typed objects: pack, acts, slots, facts, tools, fragments, flows.

    python -m datagen lint --pack unimed_natal

Every mistake of form is reported as `file:line: field: what is wrong`, all of them at once.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, Union

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, TypeAdapter, ValidationError

from datagen.errors import PackError, Problem
from datagen.yamlfile import Document, Text, load

CATEGORIES = ("greetings", "missing_data", "partial_data", "tool_calls", "facts", "edge_cases")
CONTEXTS = ("none", "system", "tools", "system_and_tools")


def _text(value: Any) -> Any:
    if isinstance(value, str):
        if not value.strip():
            raise ValueError("is empty; write the text or delete the line")
        return value
    kind = "nothing" if value is None else type(value).__name__
    raise ValueError(f"YAML reads this as {kind}, not as a text; put it in double quotes")


AuthorText = Annotated[Any, BeforeValidator(_text)]
"""A text with its place: pydantic must hand the `Text` through untouched."""


def _messages(value: Any) -> tuple[Text, ...]:
    """One wording: a text, or a list of texts that a person sends one after the other."""
    return tuple(_text(item) for item in value) if isinstance(value, list) and value else (_text(value),)


Wordings = Annotated[list[Annotated[Any, BeforeValidator(_messages)]], Field(min_length=1)]


class Strict(BaseModel):
    """Refuses unknown keys and values of another type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


# ---------------------------------------------------------------------------------------------- steps of a flow


class UserStep(Strict):
    """The customer writes."""

    user: AuthorText
    """Act: what the turn does, snake_case."""
    say: Wordings | None = None
    """Wordings of this act here; without it, those of acts/*.yaml."""
    fact: AuthorText | None = None
    """Draws a fact (`known`, `unknown`, an id or a topic); gives {{ question }} now and {{ answer }} afterwards."""


class AssistantStep(Strict):
    """The attendant writes."""

    assistant: AuthorText
    say: Wordings | None = None


class ConsultStep(Strict):
    """The attendant calls the tool and the tool answers."""

    consult: Literal["client", "relative"]
    answers: Annotated[list[AuthorText], Field(min_length=1)]
    """Names in tools.yaml; one is drawn evenly."""
    cpf: Literal["value", "typo", "other"] = "value"
    birth_date: Literal["value", "typo"] = "value"


class OnStep(Strict):
    """Branches on the answer of the last consult."""

    on: dict[str, Steps]
    """Keys: answer names, several joined by commas, or `other`."""


class MaybeStep(Strict):
    """Happens in some conversations."""

    maybe: Annotated[int, Field(ge=1, le=99)]
    """Percent."""
    steps: Steps


class Branch(Strict):
    """One of several ways on."""

    weight: Annotated[int, Field(ge=1)] = 1
    steps: Steps


def _branch(value: Any) -> Any:
    return {"steps": value} if isinstance(value, list) else value


class EitherStep(Strict):
    """Exactly one of the branches happens."""

    either: Annotated[list[Annotated[Branch, BeforeValidator(_branch)]], Field(min_length=2)]


class FollowStep(Strict):
    """Goes on with the steps of a fragment."""

    follow: AuthorText


_STEP_KINDS = ("user", "assistant", "consult", "on", "maybe", "either", "follow")


def _kind(value: Any) -> str | None:
    if isinstance(value, BaseModel):
        value = value.model_fields_set
    return next((kind for kind in _STEP_KINDS if kind in value), None) if isinstance(value, (dict, set)) else None


Step = Annotated[
    Union[  # noqa: UP007 - a union inside Annotated with tags reads better so
        Annotated[UserStep, Tag("user")],
        Annotated[AssistantStep, Tag("assistant")],
        Annotated[ConsultStep, Tag("consult")],
        Annotated[OnStep, Tag("on")],
        Annotated[MaybeStep, Tag("maybe")],
        Annotated[EitherStep, Tag("either")],
        Annotated[FollowStep, Tag("follow")],
    ],
    Discriminator(
        _kind,
        custom_error_type="step",
        custom_error_message=f"a step begins with one of: {', '.join(_STEP_KINDS)}",
    ),
]
Steps = list[Step]


class FlowFile(Strict):
    """One file under flows/<category>/."""

    summary: AuthorText
    weight: Annotated[int, Field(ge=1)] = 1
    """Share within the category."""
    relative: list[AuthorText] | None = None
    """Kinship words of the second person; one is drawn."""
    code: AuthorText | None = None
    """Stable name of the situation (edge cases)."""
    steps: Annotated[Steps, Field(min_length=2)]


for _model in (OnStep, MaybeStep, Branch, EitherStep, FlowFile):
    _model.model_rebuild()


# ---------------------------------------------------------------------------------------------- the other files


class Attendant(Strict):
    """Who answers."""

    gender: Literal["feminine", "masculine"] = "feminine"
    role: AuthorText = "assistente virtual"


class Splits(Strict):
    """How rows are divided; the rest is train."""

    eval: Annotated[int, Field(ge=0, le=256)] = 256
    """Rows of eval.jsonl at most."""
    test: Annotated[int, Field(ge=0)] = 1000
    """Rows of test.jsonl at most."""
    held_out_percent: Annotated[int, Field(ge=0, le=50)] = 10
    """Share of user wordings that train never sees; half of eval and test is made of them."""


class Noise(Strict):
    """How people type: percent of conversations (whole-message habits) or of words (the others)."""

    lowercase: Annotated[int, Field(ge=0, le=100)] = 0
    no_accents: Annotated[int, Field(ge=0, le=100)] = 0
    abbreviations: Annotated[int, Field(ge=0, le=100)] = 0
    no_final_punctuation: Annotated[int, Field(ge=0, le=100)] = 0
    no_commas: Annotated[int, Field(ge=0, le=100)] = 0
    typos: Annotated[int, Field(ge=0, le=100)] = 0
    elongation: Annotated[int, Field(ge=0, le=100)] = 0


class PackFile(Strict):
    """pack.yaml."""

    name: AuthorText
    title: AuthorText
    """What {{ brand }} says."""
    language: Literal["pt-BR"] = "pt-BR"
    base: AuthorText = "_ptbr"
    attendant: Attendant = Attendant()
    abilities: list[AuthorText] = []
    """What the attendant can do beyond the tool; empty: it promises nothing and names a channel."""
    categories: dict[Literal[CATEGORIES], Annotated[int, Field(ge=0)]]
    contexts: dict[Literal[CONTEXTS], Annotated[int, Field(ge=0)]]
    splits: Splits = Splits()
    noise: Noise = Noise()


class Fact(Strict):
    """Something the attendant knows, or knows that it does not know."""

    id: AuthorText
    topic: AuthorText = "general"
    known: bool = True
    values: dict[str, AuthorText] = {}
    questions: Wordings
    answers: Wordings
    source: Literal["guide", "law", "owner"] = "owner"
    norm: AuthorText | None = None
    """The norm behind it; said only when asked."""
    confirmed: bool = False
    near: AuthorText | None = None
    """Of an unknown fact: the known one that it is easily taken for."""


class Draw(Strict):
    """How one field of the fictional record is drawn: exactly one of the keys."""

    pick: list[Any] | None = None
    money: tuple[float, float] | None = None
    whole: tuple[int, int] | None = None
    days: tuple[int, int] | None = None
    """Days from the row's own fictional today."""
    digits: AuthorText | None = None
    """`#` stands for a random digit."""
    person: Literal["full_name", "full_name_upper", "first_name", "birth_date"] | None = None

    model_config = ConfigDict(extra="forbid", strict=False, frozen=True)


def _draw(value: Any) -> Any:
    if isinstance(value, dict):
        draw = Draw.model_validate(value)
        if len(draw.model_fields_set) != 1:
            raise ValueError("give exactly one of: pick, money, whole, days, digits, person")
        return draw
    return value


Field_ = Annotated[Any, BeforeValidator(_draw)]


class Answer(Strict):
    """One way in which the tool answers."""

    found: bool
    transient: bool = False
    """The same call may be made again after the user has spoken."""
    empty: bool = False
    """`sucesso` without any data."""
    record: dict[str, Field_] = {}
    """Fields of the record that this answer sets."""
    code: AuthorText | None = None
    status_code: int = 200
    message: AuthorText | None = None


class Shape(Strict):
    """How the tool's JSON looks: a tree whose `{{ }}` leaves keep their type."""

    found: Any
    error: Any
    empty: Any = None


class ToolsFile(Strict):
    """tools.yaml."""

    function: dict[str, Any]
    record: dict[str, Field_]
    answers: dict[str, Answer]
    shapes: Annotated[dict[str, Shape], Field(min_length=1)]


class ActsFile(Strict):
    """acts/*.yaml."""

    user: dict[str, Wordings] = {}
    assistant: dict[str, Wordings] = {}


class Slot(Strict):
    """A name in {{ }} that stands for one of several texts."""

    values: Annotated[list[AuthorText], Field(min_length=1)]
    once: bool = False
    """Drawn once for the whole conversation."""


class Kinship(Strict):
    """A relative as the customer names them."""

    word: AuthorText
    gender: Literal["f", "m"]
    my: AuthorText
    your: AuthorText
    of_my: AuthorText
    of_your: AuthorText
    age: Annotated[tuple[int, int], Field(strict=False)]
    """Youngest and oldest age in years of such a relative."""


class PeopleFile(Strict):
    """people.yaml: the names of the fictional people."""

    female: list[AuthorText]
    male: list[AuthorText]
    surnames: list[AuthorText]
    kinship: list[Kinship]


class NoiseFile(Strict):
    """noise.yaml: how words are shortened and which keys lie side by side."""

    abbreviations: dict[str, list[AuthorText]]
    neighbours: dict[str, AuthorText]
    misspellings: dict[str, list[AuthorText]] = {}


# ---------------------------------------------------------------------------------------------- the pack as a whole


@dataclass(frozen=True)
class Flow:
    """A flow file with its identity."""

    id: str
    category: str
    place: str
    file: FlowFile


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
    places: dict[str, str] = field(default_factory=dict)
    """Name of a slot, act, fact, fragment → `file:line`."""

    def flows_of(self, category: str) -> list[Flow]:
        """The flows of one category, in file order."""
        return [flow for flow in self.flows if flow.category == category]


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
    people = read(base / "people.yaml", PeopleFile)
    noise = read(base / "noise.yaml", NoiseFile)
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
    return Pack(folder, config, acts, slots, by_id, tools, fragments, flows, systems, people, noise)


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
    message = error["msg"].removeprefix("Value error, ")
    fix = ""
    if error["type"] == "extra_forbidden":
        message, fix = "unknown key", "delete it or correct its spelling; templates/README.md lists the keys"
    return Problem(document.place(location), f"{name}: {message}" if name else message, fix)


def _without_tags(location: tuple[str | int, ...]) -> list[str | int]:
    """A pydantic location as YAML has it: the tag of a step's kind stands after the step's number."""
    pairs = zip((None, *location), location, strict=False)
    return [part for before, part in pairs if not (isinstance(before, int) and part in _STEP_KINDS)]


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
            yield Flow(f"{category}/{path.stem}", category, str(path), file)


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
