"""What changed between two models, on labelled messages."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from consumer.records import Satisfaction
from training.evaluating.answers import Answers
from training.evaluating.evaluate import Evaluation, evaluate
from training.evaluating.paired import Paired, paired
from training.operating.operating_point import NEEDLESS_FROM

LABELS = tuple(Satisfaction)


@dataclass(frozen=True, slots=True)
class McNemar:
    """
    `only_first` and `only_second` of the messages are right in one model alone.

    `p` is the exact two-sided probability of a split at least so uneven, were both equally good (McNemar 1947).
    """

    only_first: int
    only_second: int
    p: float


@dataclass(frozen=True, slots=True)
class Difference:
    """
    From the first model to the second. `right_decision` leaves two stars out: to answer them or not is neither wrong.

    `gained` are the second's figures less the first's.
    """

    rows: int
    same_label: float
    same_decision: float
    to_urgent: int
    to_routine: int
    right_label: McNemar
    right_decision: McNemar
    first: Evaluation
    second: Evaluation
    gained: Paired

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def difference(first: Answers, second: Answers, labels: NDArray[np.int64], at_recall: float) -> Difference:
    """Both models' answers to the same messages, which have all five labels."""
    decided = (labels == 0) | (labels >= NEEDLESS_FROM)
    wanted = (labels == 0)[decided]
    return Difference(
        rows=len(labels),
        same_label=float((first.predicted == second.predicted).mean()),
        same_decision=float((first.urgent == second.urgent).mean()),
        to_urgent=int((~first.urgent & second.urgent).sum()),
        to_routine=int((first.urgent & ~second.urgent).sum()),
        right_label=mcnemar(first.predicted == labels, second.predicted == labels),
        right_decision=mcnemar(first.urgent[decided] == wanted, second.urgent[decided] == wanted),
        first=evaluate(first, labels),
        second=evaluate(second, labels),
        gained=paired(second, first, labels, at_recall),
    )


def mcnemar(first_right: NDArray[np.bool_], second_right: NDArray[np.bool_]) -> McNemar:
    only_first, only_second = int((first_right & ~second_right).sum()), int((~first_right & second_right).sum())
    discordant = only_first + only_second
    return McNemar(only_first, only_second, float(binomtest(only_first, discordant, 0.5).pvalue) if discordant else 1.0)


def flips(first: Answers, second: Answers) -> NDArray[np.int64]:
    """The rows whose label or decision changed."""
    return np.flatnonzero((first.predicted != second.predicted) | (first.urgent != second.urgent))


def flip_lines(
    first: Answers, second: Answers, labels: NDArray[np.int64], texts: Sequence[str] | None
) -> Iterator[str]:
    """A JSON line for each row that changed, counted from 1; with its text, if texts are given."""
    for row in flips(first, second).tolist():
        told = {
            "row": row + 1,
            "stars": int(labels[row]) + 1,
            "decision_changed": bool(first.urgent[row] != second.urgent[row]),
            "a": _told(first, row),
            "b": _told(second, row),
        }
        yield json.dumps({**told, **({} if texts is None else {"text": texts[row]})}, ensure_ascii=False) + "\n"


def _told(answers: Answers, row: int) -> dict[str, object]:
    return {
        "satisfaction": LABELS[answers.predicted[row]],
        "urgency": float(answers.urgency[row]),
        "decision": "urgent" if answers.urgent[row] else "routine",
    }
