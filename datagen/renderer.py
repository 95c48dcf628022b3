"""Finds the words: turns a plan into the messages of one row, with the template line behind each of them."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import unicodedata
from dataclasses import dataclass, field
from random import Random
from typing import Any

from datagen import documents, noise, toolbox
from datagen.pack import Pack
from datagen.phrasebook import Phrase, Phrasebook, Wording, WordingList, date_br
from datagen.planner import Consultation, Plan, Turn
from datagen.toolbox import Toolbox
from datagen.values import Digits, unmarked

_DOCUMENTS = {make.__name__: make for make in documents.ALL}
_UNTIDY = re.compile(r"\A\s|\s\s|\t|\s\Z")

_SEPARATELY = 0.5
"""Share of multi-part wordings sent as several messages; the others are joined by line breaks."""


@dataclass
class Row:
    """A rendered conversation and where each message came from."""

    id: str
    category: str
    messages: list[dict[str, Any]]
    tools: str | None
    lines: list[str]
    """Template `file:line` of each message."""
    before_noise: list[str | None]
    """The user's text before noise; None where nothing changed."""
    habits: list[str]
    """The register, then the habits of typing."""
    events: list[int]
    """Which event of the plan each message belongs to; -1 for the system message."""
    held_out: int = 0
    """How many user turns use a wording that train never sees."""

    def data(self) -> dict[str, Any]:
        """The row as it stands in the dataset."""
        row = {"id": self.id, "category": self.category, "messages": self.messages}
        return row | ({"tools": self.tools} if self.tools else {})


class Renderer:
    """Words the plans of one pack."""

    def __init__(self, pack: Pack, book: Phrasebook, tools: Toolbox) -> None:
        """Share the phrasebook and the toolbox with the planner."""
        self.pack, self.book, self.toolbox = pack, book, tools
        self.definition = tools.definition()
        self.facts = {
            fact.id: {name: str(value) for name, value in fact.values.items()} for fact in pack.facts.values()
        }

    def render(self, plan: Plan, row_id: str, rng: Random, noise_rng: Random) -> Row:
        """The row of `plan`; `noise_rng` types the user's texts, so that wordings stay put when a dial is turned."""
        return _Conversation(self, plan, row_id, rng, noise_rng).render()


class _Slot:
    """A slot in a template: each time it is printed it draws another of its texts."""

    __slots__ = ("_conversation", "_name")

    def __init__(self, conversation: _Conversation, name: str) -> None:
        self._conversation, self._name = conversation, name

    def __str__(self) -> str:
        return self._conversation.draw_slot(self._name)


class _Variables(dict):
    """What templates may name. Slots and documents are made when first named: a row names few of them."""

    def __init__(self, conversation: _Conversation, known: dict[str, Any]) -> None:
        super().__init__(known)
        self._conversation = conversation

    def __missing__(self, name: str) -> Any:
        conversation = self._conversation
        if name in conversation.renderer.book.slots:
            value: Any = _Slot(conversation, name)
        else:
            value = _DOCUMENTS[name](Random(f"{conversation.papers}:{name}"))
        self[name] = value
        return value


def _appointment(today: dt.date, seed: int) -> Digits:
    """A day in the weeks after `today`: an appointment, no birth date."""
    rng = Random(seed)
    return Digits(rng, date_br(today + dt.timedelta(days=rng.randint(3, 60))))


class _Question:
    """`{{ question }}`: one of the wordings in which the current fact is asked."""

    def __init__(self, conversation: _Conversation, wordings: WordingList) -> None:
        self._conversation, self._wordings = conversation, wordings

    def __str__(self) -> str:
        return self._conversation.phrase(self._conversation.choose(self._wordings, "user").phrases[0])


@dataclass
class _Conversation:
    """The state of one rendering."""

    renderer: Renderer
    plan: Plan
    row_id: str
    rng: Random
    noise_rng: Random
    messages: list[dict[str, Any]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    before_noise: list[str | None] = field(default_factory=list)
    events: list[int] = field(default_factory=list)
    event: int = -1
    held_out: int = 0
    calls: int = 0

    def render(self) -> Row:
        pack = self.renderer.pack
        self.habits = noise.Habits.draw(self.noise_rng, pack.config.noise, pack.noise, self.plan.moods)
        self.once: dict[str, str] = {}
        self.layout = self.noise_rng.getrandbits(32)
        self.papers = self.noise_rng.getrandbits(32)
        self.variables = self._variables()
        if self.plan.context in ("system", "system_and_tools"):
            system = self.rng.choice(self.renderer.book.systems)
            self._add({"role": "system", "content": _clean(system.render(self.variables))}, system.place)
        for number, event in enumerate(self.plan.events):
            self.event = number
            if isinstance(event, Consultation):
                self._consult(event)
            elif event.role == "user":
                self._user(event)
            else:
                self._assistant(event)
        tools = self.renderer.definition if self.plan.context in ("tools", "system_and_tools") else None
        return Row(
            self.row_id,
            self.plan.category,
            self.messages,
            tools,
            self.lines,
            self.before_noise,
            [self.habits.register, *sorted(self.habits.names)],
            self.events,
            self.held_out,
        )

    def draw_slot(self, name: str) -> str:
        """A text for slot `name`, the same throughout the conversation where the slot says `once`."""
        if name in self.once:
            return self.once[name]
        text = self.phrase(self.rng.choice(self.renderer.book.slots[name]))
        if self.renderer.pack.slots[name].once:
            self.once[name] = text
        return text

    def phrase(self, phrase: Phrase) -> str:
        """`phrase` with this conversation's variables."""
        return phrase.render(self.variables)

    def choose(self, wordings: WordingList, role: str) -> Wording:
        """One wording, evenly; a user turn of an unseen row takes one that is kept from train, where there is one."""
        kept = wordings.unseen if self.plan.split == "test_unseen" else wordings.held_out
        if role == "user" and self.plan.unseen and kept:
            self.held_out += 1
            return self.rng.choice(kept)
        return self.rng.choice(wordings.seen)

    def _variables(self) -> _Variables:
        client = self.plan.people["client"]
        feminine = self.renderer.pack.config.attendant.gender == "feminine"
        thanks = "obrigada" if feminine else "obrigado"
        known = {
            **self.plan.people,
            "cpf": client.cpf,
            "birth_date": client.birth_date,
            "first_name": client.first_name,
            "full_name": client.full_name,
            "brand": str(self.renderer.pack.config.title),
            "facts": self.renderer.facts,
            "obrigada": thanks,
            "Obrigada": thanks.capitalize(),
            "today": date_br(self.plan.today),
            "appointment": _appointment(self.plan.today, self.papers),
        }
        return _Variables(self, known)

    def _use_fact(self, turn: Turn) -> None:
        if turn.fact is None:
            return
        book = self.renderer.book
        self.variables.update(self.renderer.facts[turn.fact.id])
        if turn.role == "user":
            self.variables["question"] = _Question(self, book.of(turn.fact.questions))
        else:
            answer = self.choose(book.of(turn.fact.answers), "assistant")
            self.variables["answer"] = self.phrase(answer.phrases[0])

    def _user(self, turn: Turn) -> None:
        self._use_fact(turn)
        wording = self.choose(turn.wordings, "user")
        texts = [self.phrase(phrase) for phrase in wording.phrases]
        places = [phrase.place for phrase in wording.phrases]
        if len(texts) == 1:
            texts = noise.split_messages(texts[0], self.habits)
            places *= len(texts)
        separate = len(texts) == 1 or self.rng.random() < _SEPARATELY
        file = self.renderer.pack.noise
        typed = [noise.type_as_people_do(_tidy(text), self.habits, self.noise_rng, file) for text in texts]
        if not separate:
            texts, typed = ["\n".join(texts)], ["\n".join(typed)]
        for text, place, final in zip(texts, places, typed, strict=False):
            before, after = _clean(text), _clean(final)
            self._add({"role": "user", "content": after}, place, before if before != after else None)

    def _assistant(self, turn: Turn) -> None:
        self._use_fact(turn)
        wording = self.choose(turn.wordings, "assistant")
        text = _clean("\n".join(self.phrase(phrase) for phrase in wording.phrases))
        self._add({"role": "assistant", "content": text}, wording.place)

    def _consult(self, event: Consultation) -> None:
        plan, tools = self.plan, self.renderer.toolbox
        person, record = plan.people[event.who], plan.records[event.who]
        answer = tools.tools.answers[event.answer]
        tools.settle(self.rng, record, answer, person, plan.today)
        cpf = person.cpf if event.cpf == "value" else getattr(person.cpf, event.cpf)
        date = person.birth_date if event.birth_date == "value" else person.birth_date.typo
        call_id = f"call_{hashlib.sha256(f'{self.row_id}:{self.calls}'.encode()).hexdigest()[:9]}"
        self.calls += 1
        function = {"name": tools.name, "arguments": tools.call(cpf.digits, date.date)}
        call = {"id": call_id, "type": "function", "function": function}
        place = f"{self.renderer.pack.folder}/tools.yaml"
        self._add({"role": "assistant", "content": None, "tool_calls": [call]}, place)
        content = tools.answer(Random(self.layout), plan.shape, event.answer, record, person)
        self._add({"role": "tool", "tool_call_id": call_id, "content": content}, place)
        if answer.found:
            self.variables["result"] = toolbox.visible(record, person)

    def _add(self, message: dict[str, Any], place: str, before: str | None = None) -> None:
        self.messages.append(message)
        self.lines.append(place)
        self.before_noise.append(before)
        self.events.append(self.event)


def _tidy(text: str) -> str:
    """Single blanks, none at the edges of a line."""
    if not _UNTIDY.search(text):
        return text
    return "\n".join(re.sub(r"[ \t]+", " ", line).strip() for line in text.strip().split("\n"))


def _clean(text: str) -> str:
    """The text as it goes into the row: marks gone, NFC, tidy."""
    return _tidy(unicodedata.normalize("NFC", unmarked(text)))
