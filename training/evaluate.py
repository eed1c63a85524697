"""
What a model is worth on labelled messages: by its operating point and by argmax, apart.

`answered` by the operating point is what the consumer decides; by argmax it is a prediction of one or two stars. The
two differ in threshold and in meaning, so no figure mixes them.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from consumer.records import Decision, Satisfaction
from training.operate import needless_of, recall_of

LABELS = tuple(Satisfaction)


@dataclass(frozen=True, slots=True)
class Answered:
    """`recall` of one star, `unsatisfied` the share of two stars answered, `needless` that of three to five."""

    recall: float
    unsatisfied: float
    needless: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    rows: int
    accuracy: float
    loss: float
    operating_point: Answered
    argmax: Answered

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def evaluate(probabilities: NDArray[np.float64], urgent: NDArray[np.bool_], labels: NDArray[np.int64]) -> Evaluation:
    """`probabilities` (rows, 5), `urgent` (rows,) by the operating point, `labels` 0 to 4."""
    predicted = probabilities.argmax(axis=1)
    likely = np.maximum(probabilities[np.arange(len(labels)), labels], np.finfo(np.float64).tiny)
    return Evaluation(
        rows=len(labels),
        accuracy=float((predicted == labels).mean()),
        loss=float(-np.log(likely).mean()),
        operating_point=answered(urgent, labels),
        argmax=answered(predicted <= 1, labels),
    )


def evaluate_decisions(decisions: Sequence[Decision], labels: NDArray[np.int64]) -> Evaluation:
    """The same of what the consumer answered, fallbacks included."""
    probabilities = np.array([decision.probabilities for decision in decisions], dtype=np.float64)
    return evaluate(probabilities, np.array([decision.urgent for decision in decisions]), labels)


def answered(urgent: NDArray[np.bool_], labels: NDArray[np.int64]) -> Answered:
    return Answered(recall_of(urgent, labels), _share(urgent[labels == 1]), needless_of(urgent, labels))


def agreement(decisions: Sequence[Decision], others: Sequence[Decision]) -> float:
    """The share of texts with the same satisfaction and the same decision by two models."""
    same = [
        (one.satisfaction, one.urgent) == (other.satisfaction, other.urgent)
        for one, other in zip(decisions, others, strict=True)
    ]
    return sum(same) / len(same)


def largest_difference(decisions: Sequence[Decision], others: Sequence[Decision]) -> float:
    """Of any probability of any class."""
    ours = np.array([decision.probabilities for decision in decisions])
    theirs = np.array([decision.probabilities for decision in others])
    return float(np.abs(ours - theirs).max())


def _share(urgent: NDArray[np.bool_]) -> float:
    return float(urgent.mean()) if len(urgent) else float("nan")
