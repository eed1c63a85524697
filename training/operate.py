"""
The operating point: how high the threshold may lie and still keep a promise about the very unsatisfied.

Wilks' tolerance limit (Ann. Math. Statist. 12, 1941): among n very unsatisfied messages like those to come, the
(k+1)-th smallest urgency has at least `recall` of all such messages at or above it with probability at least
`confidence`, where k is the largest number with P[Binomial(n, 1 - recall) <= k] <= 1 - confidence. One order
statistic is chosen before any score is seen, so there is no scan to correct for.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from consumer.errors import LimitError

NEEDLESS_FROM = 2  # labels 2 to 4: three stars and more


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """`size` very unsatisfied messages were scored, `allowed` of them lie below the threshold at most."""

    threshold: float
    recall: float
    confidence: float
    size: int
    allowed: int


def allowed_misses(size: int, recall: float, confidence: float) -> int:
    """The k of the order statistic; -1 when even k = 0 would promise too much."""
    most = int(binom.ppf(1 - confidence, size, 1 - recall))
    while most >= 0 and binom.cdf(most, size, 1 - recall) > 1 - confidence:
        most -= 1
    return most


def size_needed(recall: float, confidence: float) -> int:
    """The fewest very unsatisfied messages that can carry the promise: recall ** n <= 1 - confidence."""
    return int(np.ceil(np.log1p(-confidence) / np.log(recall)))


def require_enough(size: int, recall: float, confidence: float) -> int:
    """`allowed_misses`. LimitError, saying how many more labelled messages it takes, when `size` are too few."""
    allowed = allowed_misses(size, recall, confidence)
    if allowed < 0:
        needed = size_needed(recall, confidence)
        raise LimitError(
            f"{size} very unsatisfied messages are too few to promise a recall of {recall:g} with "
            f"confidence {confidence:g}: label {needed - size} more ({needed} in all), or promise less."
        )
    return allowed


def operating_point(
    urgency: NDArray[np.float64], labels: NDArray[np.int64], recall: float, confidence: float
) -> OperatingPoint:
    """
    The threshold that promises `recall` of the very unsatisfied (label 0) with `confidence`.

    It lies in the middle of the gap to the next smaller urgency of any label, so that another machine's rounding flips
    nothing. Raises LimitError when the messages are too few.
    """
    dissatisfied = np.sort(urgency[labels == 0])
    allowed = require_enough(len(dissatisfied), recall, confidence)
    lowest = float(dissatisfied[allowed])
    below = urgency[urgency < lowest]
    threshold = (lowest + float(below.max())) / 2 if len(below) else lowest / 2
    return OperatingPoint(threshold, recall, confidence, len(dissatisfied), allowed)


def recall_of(urgent: NDArray[np.bool_], labels: NDArray[np.int64]) -> float:
    """The share of the very unsatisfied that is answered."""
    return float(urgent[labels == 0].mean())


def needless_of(urgent: NDArray[np.bool_], labels: NDArray[np.int64]) -> float:
    """The share of three to five stars that is answered."""
    return float(urgent[labels >= NEEDLESS_FROM].mean())
