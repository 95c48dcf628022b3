"""The grammar in which authors write: one pydantic model per kind of file, one per kind of step.

Strict and closed: an unknown key or a value of another type is a mistake, told with file and line by `pack.load_pack`.
"""

from __future__ import annotations

from functools import cached_property
from itertools import accumulate
from typing import Annotated, Any, Literal, Union

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, field_validator

from datagen.yamlfile import Text

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


Percent = Annotated[int, Field(ge=0, le=100)]

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


STEP_KINDS = ("user", "assistant", "consult", "on", "maybe", "either", "follow")


def _kind(value: Any) -> str | None:
    if isinstance(value, BaseModel):
        value = value.model_fields_set
    return next((kind for kind in STEP_KINDS if kind in value), None) if isinstance(value, (dict, set)) else None


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
        custom_error_message=f"a step begins with one of: {', '.join(STEP_KINDS)}",
    ),
]
Steps = list[Step]


def _rising(ages: tuple[int, int]) -> tuple[int, int]:
    if not 0 <= ages[0] <= ages[1] <= OLDEST:
        raise ValueError(f"must be two ages, the younger first, from 0 to {OLDEST}")
    return ages


OLDEST = 105
"""Age in years of the oldest customers."""
Ages = Annotated[tuple[int, int], Field(strict=False), AfterValidator(_rising)]
Gender = Literal["f", "m"]


class Case(Strict):
    """One situation of a flow that several situations share: what is its own."""

    situation: AuthorText
    """What happens, in one sentence: the row of the table of edge cases."""
    weight: Annotated[int, Field(ge=1)] = 1
    """Share within the flow."""
    say: dict[str, Wordings] = {}
    """Act → its wordings in this situation, instead of those of the step or of acts/*.yaml."""
    answers: Annotated[list[AuthorText], Field(min_length=1)] | None = None
    """How the tool answers the first consult in this situation."""
    relative: list[AuthorText] | None = None
    age: Ages | None = None
    gender: Gender | None = None
    must: list[AuthorText] = []
    must_not: list[AuthorText] = []


class FlowFile(Strict):
    """One file under flows/<category>/."""

    summary: AuthorText
    weight: Annotated[int, Field(ge=1)] = 1
    """Share within the category; in a flow with `codes`, each code's own weight counts."""
    relative: list[AuthorText] | None = None
    """Kinship words of the second person; one is drawn."""
    age: Ages | None = None
    """Youngest and oldest age of the customer, where what is said tells it (a job, a grandchild)."""
    gender: Gender | None = None
    """The customer's, where what is said tells it (pregnant, "meu marido")."""
    code: AuthorText | None = None
    """Stable name of the situation (edge cases)."""
    codes: dict[str, Case] = {}
    """Several situations that run alike: code → what is its own. Each becomes a flow `<file>.<code>`."""
    must: list[AuthorText] = []
    """What the attendant does in every row of this code: names of `situations.SEEN` and of kinds.yaml."""
    must_not: list[AuthorText] = []
    """What she never does in a row of this code."""
    steps: Annotated[Steps, Field(min_length=1)]


class Way(Strict):
    """One member of a contrast group: its edit, and what that edit demands."""

    edit: AuthorText
    """What {{ edit }} stands for in this way."""
    category: Literal[CATEGORIES]
    steps: Annotated[Steps, Field(min_length=1)]


class Contrast(Strict):
    """Rows that are alike but for one edit, and go on differently (contrasts/*.yaml)."""

    summary: AuthorText
    relative: list[AuthorText] | None = None
    before: Steps = []
    """Steps before the edited turn, the same in every way."""
    user: AuthorText
    """Act of the edited turn."""
    say: Wordings
    """Its wordings; each holds {{ edit }} once."""
    ways: Annotated[list[Way], Field(min_length=2)]


for _model in (OnStep, MaybeStep, Branch, EitherStep, FlowFile, Way, Contrast):
    _model.model_rebuild()


def parts_of(step: Any) -> list[Steps]:
    """The lists of steps inside a step."""
    if isinstance(step, EitherStep):
        return [branch.steps for branch in step.either]
    if isinstance(step, OnStep):
        return list(step.on.values())
    return [step.steps] if isinstance(step, MaybeStep) else []


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
    test_unseen: Annotated[int, Field(ge=0)] = 500
    """Rows of test_unseen.jsonl at most."""
    held_out_percent: Annotated[int, Field(ge=0, le=50)] = 10
    """Share of user wordings that train never sees; half of eval and test is made of them."""
    unseen_percent: Annotated[int, Field(ge=0, le=50)] = 6
    """Share of user wordings that neither train nor eval nor test sees; test_unseen is made of them."""
    unseen_flows: list[AuthorText] = []
    """Flows that only test_unseen takes."""


class Noise(Strict):
    """How people type: percent of conversations that have the habit. What it is for, dial by dial, is in noise.py."""

    lowercase: Percent = 0
    no_accents: Percent = 0
    abbreviations: Percent = 0
    no_final_punctuation: Percent = 0
    no_commas: Percent = 0
    typos: Percent = 0
    elongation: Percent = 0
    capitals: Percent = 0
    insistence: Percent = 0
    remarks: Percent = 0
    regional: Percent = 0
    emojis: Percent = 0
    fillers: Percent = 0
    foreign_words: Percent = 0
    several_messages: Percent = 0


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
    contrasts: Annotated[int, Field(ge=0, le=50)] = 0
    """Percent of rows that stand in contrast groups."""
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
    """Days from the row's own fictional today; never before the person was born."""
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
    held_out: bool = False
    """Only test_unseen shows this shape."""


class ToolsFile(Strict):
    """tools.yaml."""

    function: dict[str, Any]
    record: dict[str, Field_]
    answers: dict[str, Answer]
    name_limit: Annotated[int, Field(ge=12)] | None = None
    """Characters after which some registers cut names off."""
    extras: dict[str, Annotated[list[Any], Field(min_length=1)]] = {}
    """Fields that nobody asked for: name → values; some answers carry one."""
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
    older: Annotated[tuple[int, int], Field(strict=False)] = (-90, 90)
    """How many years older than the customer, least and most; below 0: younger."""


class PeopleFile(Strict):
    """people.yaml: the names of the fictional people."""

    common: dict[str, Annotated[int, Field(ge=1)]] = {}
    """Name or surname → how many times as often as the others it is drawn."""
    female: list[AuthorText]
    male: list[AuthorText]
    surnames: list[AuthorText]
    kinship: list[Kinship]

    @cached_property
    def weights(self) -> dict[str, list[int]]:
        """For each list of names how often each is drawn, added up as `random.choices` wants it."""
        lists = {"female": self.female, "male": self.male, "surnames": self.surnames}
        return {kind: list(accumulate(self.common.get(name, 1) for name in names)) for kind, names in lists.items()}


class Register(Strict):
    """A way of writing: who is in a hurry, who dictates, who is angry."""

    weight: Annotated[int, Field(ge=1)]
    dials: dict[str, Percent] = {}
    """Dials of `noise` that this register sets anew."""
    before: list[AuthorText] = []
    """Remarks that may stand before a longer message (with the dial `remarks`)."""
    after: list[AuthorText] = []

    @field_validator("dials")
    @classmethod
    def _known(cls, dials: dict[str, int]) -> dict[str, int]:
        for name in dials:
            if name not in Noise.model_fields:
                raise ValueError(f"there is no dial '{name}'; dials: {', '.join(Noise.model_fields)}")
        return dials


class NoiseFile(Strict):
    """noise.yaml: how words are shortened, which keys lie side by side, which registers there are."""

    abbreviations: dict[str, list[AuthorText]]
    neighbours: dict[str, AuthorText]
    misspellings: dict[str, list[AuthorText]] = {}
    registers: dict[str, Register] = {}
    regional_before: list[AuthorText] = []
    regional_after: list[AuthorText] = []
    emojis: list[AuthorText] = []
    fillers: list[AuthorText] = []
    """What people say while they think, in voice messages."""
    foreign_words: dict[str, list[AuthorText]] = {}
    """Word → what a foreigner writes for it."""
