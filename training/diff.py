"""What changed between two models, on labelled messages."""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from training.answers import Answers
from training.evaluate import Evaluation, evaluate
from training.operate import NEEDLESS_FROM
from training.paired import Paired, paired


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
        first=evaluate(first.probabilities, first.urgent, labels),
        second=evaluate(second.probabilities, second.urgent, labels),
        gained=paired(second, first, labels, at_recall),
    )


def mcnemar(first_right: NDArray[np.bool_], second_right: NDArray[np.bool_]) -> McNemar:
    only_first, only_second = int((first_right & ~second_right).sum()), int((~first_right & second_right).sum())
    discordant = only_first + only_second
    return McNemar(only_first, only_second, float(binomtest(only_first, discordant, 0.5).pvalue) if discordant else 1.0)


def flips(first: Answers, second: Answers) -> NDArray[np.int64]:
    """The rows whose label or decision changed."""
    return np.flatnonzero((first.predicted != second.predicted) | (first.urgent != second.urgent))
