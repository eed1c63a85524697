"""
What a model is worth on labelled messages: by its operating point and by argmax, apart.

`answered` by the operating point is what the consumer decides; by argmax it is a prediction of one or two stars. The
two differ in threshold and in meaning, so no figure mixes them.
"""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from training.evaluating.answers import Answers
from training.operating.operating_point import needless_of, recall_of


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


def evaluate(answers: Answers, labels: NDArray[np.int64]) -> Evaluation:
    """`labels` (rows,) 0 to 4. Who was urgent is taken from the answers, never worked out anew."""
    predicted = answers.predicted
    likely = np.maximum(answers.probabilities[np.arange(len(labels)), labels], np.finfo(np.float64).tiny)
    return Evaluation(
        rows=len(labels),
        accuracy=float((predicted == labels).mean()),
        loss=float(-np.log(likely).mean()),
        operating_point=answered(answers.urgent, labels),
        argmax=answered(predicted <= 1, labels),
    )


def answered(urgent: NDArray[np.bool_], labels: NDArray[np.int64]) -> Answered:
    return Answered(recall_of(urgent, labels), _share(urgent[labels == 1]), needless_of(urgent, labels))


def agreement(ours: Answers, theirs: Answers) -> float:
    """The share of texts with the same class and the same decision by two models."""
    return float(((ours.predicted == theirs.predicted) & (ours.urgent == theirs.urgent)).mean())


def largest_difference(ours: Answers, theirs: Answers) -> float:
    """Of any probability of any class."""
    return float(np.abs(ours.probabilities - theirs.probabilities).max())


def _share(urgent: NDArray[np.bool_]) -> float:
    return float(urgent.mean()) if len(urgent) else float("nan")
