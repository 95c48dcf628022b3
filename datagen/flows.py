"""Flows, one per situation: a file with `codes` becomes one flow for each code, with its own words in the steps."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datagen.errors import Problem
from datagen.grammar import (
    AssistantStep,
    Case,
    ConsultStep,
    Contrast,
    EitherStep,
    FlowFile,
    MaybeStep,
    OnStep,
    Steps,
    UserStep,
    parts_of,
)
from datagen.values import EDIT_CLOSE, EDIT_OPEN
from datagen.yamlfile import Text


@dataclass(frozen=True)
class Flow:
    """What happens in a conversation, with its identity."""

    id: str
    category: str
    place: str
    """`file` or, of a code, `file:line`."""
    file: FlowFile
    situation: Text | None = None
    """Of an edge case: what happens, in one sentence."""
    contrast: str | None = None
    """Of a way of a contrast: the contrast's name."""

    @property
    def chance(self) -> str:
        """What seeds its rows: the ways of a contrast share people, words and noise up to the edit."""
        return f"contrast/{self.contrast}" if self.contrast else self.id

    @property
    def code(self) -> str | None:
        """Stable name of the situation; None outside the table of edge cases."""
        return str(self.file.code) if self.file.code else None


def flows_in(name: str, category: str, path: Path, file: FlowFile, problems: list[Problem]) -> Iterator[Flow]:
    """The flow of a file, or one for each of its codes; mistakes in codes are added to `problems`."""
    if not file.codes:
        yield Flow(name, category, str(path), file, file.summary if file.code else None)
    acts = _acts_in(file.steps)
    for code, case in file.codes.items():
        problems.extend(_unknown_acts(code, case, acts))
        changes = {
            "code": Text(code, case.situation.place),
            "codes": {},
            "weight": case.weight,
            "relative": case.relative or file.relative,
            "age": case.age or file.age,
            "gender": case.gender or file.gender,
            "must": [*file.must, *case.must],
            "must_not": [*file.must_not, *case.must_not],
            "steps": _with_words(file.steps, case.say, iter([case.answers] if case.answers else [])),
        }
        yield Flow(f"{name}.{code}", category, case.situation.place, file.model_copy(update=changes), case.situation)


def ways_of(name: str, contrast: Contrast, problems: list[Problem]) -> Iterator[Flow]:
    """The flows of a contrast, one per way, with its edit written into the wordings."""
    for number, way in enumerate(contrast.ways, 1):
        say = [tuple(_edited(text, way.edit, problems) for text in texts) for texts in contrast.say]
        for texts, before in zip(say, contrast.say, strict=True):
            if sum(map(len, texts)) == sum(map(len, before)):
                problems.append(Problem(before[0].place, "say: {{ edit }} is not in this wording", "put it in, once"))
        step = UserStep.model_construct(user=contrast.user, say=say, fact=None)
        file = FlowFile.model_construct(
            summary=contrast.summary, relative=contrast.relative, steps=[*contrast.before, step, *way.steps]
        )
        yield Flow(f"contrast/{name}.{number}", way.category, way.edit.place, file, contrast=name)


def _edited(text: Text, edit: Text, problems: list[Problem]) -> Text:
    return Text(text.replace("{{ edit }}", f"{EDIT_OPEN}{edit}{EDIT_CLOSE}"), text.place)


def _unknown_acts(code: str, case: Case, acts: set[str]) -> Iterator[Problem]:
    for act, wordings in case.say.items():
        if act not in acts:
            close = difflib.get_close_matches(act, acts, 1)
            fix = f"did you mean '{close[0]}'?" if close else f"the steps have: {', '.join(sorted(acts))}"
            yield Problem(wordings[0][0].place, f"codes.{code}.say.{act}: no step has this act", fix)


def _acts_in(steps: Steps) -> set[str]:
    acts = {str(step.user if isinstance(step, UserStep) else step.assistant) for step in steps if _speaks(step)}
    return acts.union(*(_acts_in(part) for step in steps for part in parts_of(step)))


def _speaks(step: Any) -> bool:
    return isinstance(step, (UserStep, AssistantStep))


def _with_words(steps: Steps, say: dict[str, Any], answers: Iterator) -> Steps:
    """`steps` with the wordings of `say`; the first consult takes what `answers` holds."""
    return [_step_with_words(step, say, answers) for step in steps]


def _step_with_words(step: Any, say: dict[str, Any], answers: Iterator) -> Any:
    if _speaks(step):
        wordings = say.get(str(step.user if isinstance(step, UserStep) else step.assistant))
        return step.model_copy(update={"say": wordings}) if wordings else step
    if isinstance(step, ConsultStep):
        own = next(answers, None)
        return step.model_copy(update={"answers": own}) if own else step
    if isinstance(step, EitherStep):
        branches = [b.model_copy(update={"steps": _with_words(b.steps, say, answers)}) for b in step.either]
        return step.model_copy(update={"either": branches})
    if isinstance(step, OnStep):
        return step.model_copy(update={"on": {key: _with_words(part, say, answers) for key, part in step.on.items()}})
    if isinstance(step, MaybeStep):
        return step.model_copy(update={"steps": _with_words(step.steps, say, answers)})
    return step
