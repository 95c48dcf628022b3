"""What a dataset is judged by: each figure with its gate, its goal, and what known corpora reach.

The yardsticks were taken on samples of the same size (see figures.py), on the texts as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Measure:
    """One line of the table: what is measured, and how good it must and should be."""

    name: str
    text: str
    form: str
    """`percent` (of 1), `number`, `count`, `ratio` (to 1) or `points` (of a hundred)."""
    gate: float | None
    """The build fails beyond it."""
    goal: float | None
    low: bool = True
    """Low is good."""
    exact: bool = False
    """Does not hang on sample size: fails a dataset of any size."""
    yardsticks: dict[str, float] = field(default_factory=dict)
    """Corpus → what it reaches."""

    def within(self, value: float, limit: float | None) -> bool:
        """Whether `value` is as good as `limit` or better; true where there is no limit."""
        return limit is None or (value <= limit if self.low else value >= limit)


YARDSTICKS = {
    "SGD": "Schema-Guided Dialogue, 26 services, outlines rewritten by people",
    "SGD one service": "its dialogues about one service: the fair yardstick",
    "TAIS": "what people write to a Brazilian government chatbot",
    "Sim-M": "films: templates rewritten by people",
}


def _beside(*values: float | None) -> dict[str, float]:
    return {name: value for name, value in zip(YARDSTICKS, values, strict=False) if value is not None}


MEASURES = (
    Measure("duplicates", "exact duplicate conversations (raw)", "count", 0, 0, exact=True, yardsticks=_beside(0, 0)),
    Measure("user_duplicates", "duplicate user utterances per 1,000", "percent", 0.16, 0.06,
            yardsticks=_beside(0.066, 0.155, 0.018, 0.343)),
    Measure("near_duplicates_80", "conversations with a near-duplicate ≥ .8", "percent", 0.01, 0,
            yardsticks=_beside(0, 0, None, 0.108)),
    Measure("near_duplicates_50", "conversations with a near-duplicate ≥ .5", "percent", 0.05, 0.01,
            yardsticks=_beside(0, 0, None, 0.116)),
    Measure("user_distinct_2", "user distinct-2", "number", 0.28, 0.42, low=False,
            yardsticks=_beside(0.413, 0.277, 0.555, 0.240)),
    Measure("user_compression", "user compression ratio", "number", 4.0, 3.3,
            yardsticks=_beside(3.15, 3.96, 3.52, 4.37)),
    Measure("user_self_bleu", "user Self-BLEU4", "number", 0.60, 0.38,
            yardsticks=_beside(0.387, 0.593, 0.321, 0.608)),
    Measure("assistant_distinct_2", "assistant distinct-2", "number", 0.30, 0.38, low=False,
            yardsticks=_beside(0.505, 0.345, None, 0.212)),
    Measure("assistant_compression", "assistant compression ratio", "number", 4.2, 3.7,
            yardsticks=_beside(2.91, 3.89, None, 4.86)),
    Measure("assistant_self_bleu", "assistant Self-BLEU4", "number", 0.62, 0.52,
            yardsticks=_beside(0.375, 0.568, None, 0.702)),
    Measure("user_top_ten", "share of the ten most common user utterances", "percent", 0.10, 0.04,
            yardsticks=_beside(0.042, 0.075, 0.022, 0.257)),
    Measure("assistant_top_ten", "share of the ten most common assistant utterances", "percent", 0.15, 0.07,
            yardsticks=_beside(0.076, 0.128, None, 0.114)),
    Measure("act_sequences", "distinct act sequences per 400 rows", "percent", 0.60, 0.80, low=False,
            yardsticks=_beside(0.861, 0.795, None, 0.732)),
    Measure("top_act_sequence", "the most common act sequence", "percent", 0.05, 0.015,
            yardsticks=_beside(0.0027, 0.013, None, 0.027)),
    Measure("grounded", "call arguments grounded", "percent", 1, 1, low=False, exact=True, yardsticks=_beside(0.977)),
    Measure("not_literal", "call arguments in another form than the literal", "percent", 0.30, 0.50, low=False,
            yardsticks=_beside(0.316)),
    Measure("off_quota", "rows off the quota of their category", "count", 0, 0, exact=True),
    Measure("entropy", "entropy within a category, the lowest", "number", 0.90, 0.97, low=False,
            yardsticks=_beside(0.967)),
    Measure("shared_people", "CPFs or (name, birth date) shared between splits", "count", 0, 0, exact=True),
    Measure("unseen_in_train", "user utterances of test_unseen that stand in train", "percent", 0.10, 0.03,
            yardsticks=_beside(0.259, None, None, 0.456)),
    Measure("known_facts", "known : unknown facts", "ratio", 3, None, low=False),
    Measure("contexts", "contexts × category, deviation from independence", "points", 2, None),
    Measure("failing_answers", "tool answers that fail or are empty", "percent", 0.15, None, low=False),
    Measure("assistant_words", "words per reply, median", "count", 30, None),
    Measure("split_groups", "contrast groups that stand in several splits", "count", 0, 0, exact=True),
)  # fmt: skip


def shown(value: float | None, form: str) -> str:
    """A figure as a person reads it."""
    if value is None:
        return "–"
    if form == "percent":
        return f"{100 * value:.2f}".rstrip("0").rstrip(".") + "%"
    if form == "count":
        return f"{value:g}"
    return f"{value:.2f} : 1" if form == "ratio" else f"{value:.2f} points" if form == "points" else f"{value:.3f}"
