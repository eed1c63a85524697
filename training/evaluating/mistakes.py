"""
The mistakes to look at first. They hold row numbers, and texts only where somebody asks for them: in the run's folder,
never in an artifact.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from consumer.records import Satisfaction
from training.evaluating.answers import Answers
from training.operating.operating_point import NEEDLESS_FROM

MOST = 50
LABELS = tuple(Satisfaction)


@dataclass(frozen=True, slots=True)
class Mistake:
    """`row` counts the messages from 1; `confidence` is the probability of the class that was `predicted`."""

    row: int
    label: str
    predicted: str
    confidence: float
    urgency: float
    urgent: bool

    def as_json(
        self, texts: Sequence[str] | None = None, where: Callable[[int], str] | None = None
    ) -> dict[str, object]:
        """With the text out of `texts`, and `where` a row from 0 stands, if they are given."""
        told = {} if where is None else {"where": where(self.row - 1)}
        return {**asdict(self), **told, **({} if texts is None else {"text": texts[self.row - 1]})}


@dataclass(frozen=True, slots=True)
class Mistakes:
    """
    The worst first of each kind: `labels` by confidence, `missed` (very unsatisfied, not answered) from the lowest
    urgency, `needless` (3 to 5 stars, answered) from the highest.
    """

    labels: tuple[Mistake, ...]
    missed: tuple[Mistake, ...]
    needless: tuple[Mistake, ...]

    def as_json(
        self, texts: Sequence[str] | None = None, where: Callable[[int], str] | None = None
    ) -> dict[str, object]:
        kinds = {"labels": self.labels, "missed": self.missed, "needless": self.needless}
        return {kind: [each.as_json(texts, where) for each in some] for kind, some in kinds.items()}


def mistakes(answers: Answers, labels: NDArray[np.int64], most: int = MOST) -> Mistakes:
    """At most `most` of each kind."""
    confidence = answers.probabilities.max(axis=1)

    def worst(wrong: NDArray[np.bool_], badness: NDArray[np.float64]) -> tuple[Mistake, ...]:
        rows = np.flatnonzero(wrong)
        chosen = rows[np.argsort(-badness[rows], kind="stable")][:most]
        return tuple(_mistake(answers, labels, confidence, int(row)) for row in chosen)

    return Mistakes(
        worst(answers.predicted != labels, confidence),
        worst((labels == 0) & ~answers.urgent, -answers.urgency),
        worst((labels >= NEEDLESS_FROM) & answers.urgent, answers.urgency),
    )


def _mistake(answers: Answers, labels: NDArray[np.int64], confidence: NDArray[np.float64], row: int) -> Mistake:
    return Mistake(
        row + 1,
        LABELS[labels[row]].value,
        LABELS[answers.predicted[row]].value,
        float(confidence[row]),
        float(answers.urgency[row]),
        bool(answers.urgent[row]),
    )
