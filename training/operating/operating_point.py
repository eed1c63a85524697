"""
The operating point: how high the threshold may lie and still keep a promise about the very unsatisfied.

Wilks' tolerance limit (Ann. Math. Statist. 12, 1941): among n very unsatisfied messages like those to come, the
(k+1)-th smallest urgency has at least `recall` of all such messages at or above it with probability at least
`confidence`, where k is the largest number with P[Binomial(n, 1 - recall) <= k] <= 1 - confidence. One order
statistic is chosen before any score is seen, so there is no scan to correct for. (Where the temperature was fitted on
the same messages, it has moved their scores, and the bound holds but nearly.) Testing one threshold after the other
from the lowest up, until a binomial test fails, ends at the same one (Learn-then-Test by fixed sequence,
arXiv:2110.01052).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from consumer.errors import LimitError
from consumer.manifest import Bound
from training.measures.binomial import share_at_least

NEEDLESS_FROM = 2  # labels 2 to 4: three stars and more


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """
    `size` very unsatisfied messages were scored, `allowed` of them lie below the threshold at most.

    `recall` was asked for, `promised` holds with `confidence` by `bound`.
    """

    threshold: float
    recall: float
    confidence: float
    size: int
    allowed: int
    promised: float
    bound: Bound = "wilks"


def allowed_misses(size: int, recall: float, confidence: float) -> int:
    """The k of the order statistic; -1 when even k = 0 would promise too much."""
    most = int(binom.ppf(1 - confidence, size, 1 - recall))
    while most >= 0 and binom.cdf(most, size, 1 - recall) > 1 - confidence:
        most -= 1
    return most


def size_needed(recall: float, confidence: float) -> int:
    """The fewest very unsatisfied messages that can carry the promise: recall ** n <= 1 - confidence."""
    return int(np.ceil(np.log1p(-confidence) / np.log(recall)))


def best_recall(size: int, confidence: float) -> float:
    """The highest recall that `size` very unsatisfied messages can promise, with not one of them missed."""
    return share_at_least(size, size, confidence)


def taken_of(size: int, share: float) -> int:
    """How many of `size` messages of a class serve the temperature alone."""
    return int(np.ceil(size * share - 1e-9))


def total_needed(recall: float, confidence: float, share: float = 0.0) -> int:
    """`size_needed`, and those that serve the temperature beside."""
    needed = size_needed(recall, confidence)
    total = int(needed / (1 - share))
    while total - taken_of(total, share) < needed:
        total += 1
    return total


def require_enough(size: int, recall: float, confidence: float, share: float = 0.0) -> int:
    """
    `allowed_misses` of what the temperature's `share` leaves of `size` very unsatisfied messages.

    LimitError, saying how many more labelled messages it takes, when that is too few.
    """
    kept = size - taken_of(size, share)
    allowed = allowed_misses(kept, recall, confidence)
    if allowed < 0:
        needed = total_needed(recall, confidence, share)
        beside = f", {share:.0%} of which serve the temperature" if share else ""
        most = np.floor(best_recall(kept, confidence) * 1000) / 1000 if kept else 0.0
        less = f", or promise less (at most {most:g})" if most else ""
        raise LimitError(
            f"{size} very unsatisfied messages are too few to promise a recall of {recall:g} with "
            f"confidence {confidence:g}: label {needed - size} more ({needed} in all{beside}){less}."
        )
    return allowed


def lowest_answered(scores: NDArray[np.float64], allowed: int) -> NDArray[np.float64]:
    """The order statistic of (..., n) urgencies of very unsatisfied messages: `allowed` of each n lie below it."""
    return np.partition(scores, allowed, axis=-1)[..., allowed]


def threshold_below(urgency: NDArray[np.float64], lowest: float) -> float:
    """
    A threshold that answers `lowest` and nothing below it.

    It lies in the middle of the gap to the next smaller urgency, so that another machine's rounding flips nothing.
    """
    below = urgency[urgency < lowest]
    return (lowest + float(below.max())) / 2 if len(below) else lowest / 2


def operating_point(
    urgency: NDArray[np.float64],
    labels: NDArray[np.int64],
    recall: float,
    confidence: float,
    of: NDArray[np.bool_] | None = None,
) -> OperatingPoint:
    """
    The threshold that promises `recall` of the very unsatisfied (label 0) with `confidence`.

    Of those among the rows `of`, if given; the gap below their order statistic is that of all rows. LimitError when
    the messages are too few.
    """
    dissatisfied = urgency[(labels == 0) if of is None else (labels == 0) & of]
    size = len(dissatisfied)
    allowed = require_enough(size, recall, confidence)
    threshold = threshold_below(urgency, float(lowest_answered(dissatisfied, allowed)))
    promised = share_at_least(size - allowed, size, confidence)
    return OperatingPoint(threshold, recall, confidence, size, allowed, promised)


def recall_of(urgent: NDArray[np.bool_], labels: NDArray[np.int64]) -> float:
    """The share of the very unsatisfied that is answered."""
    return float(urgent[labels == 0].mean())


def needless_of(urgent: NDArray[np.bool_], labels: NDArray[np.int64]) -> float:
    """The share of three to five stars that is answered."""
    return float(urgent[labels >= NEEDLESS_FROM].mean())


def needless_at_recall(urgency: NDArray[np.float64], labels: NDArray[np.int64], recall: float) -> float:
    """
    The share of 3 to 5 stars at or above the highest threshold that `recall` of these very unsatisfied reach.

    For comparing models on the same messages: it looks at what it measures, so it promises nothing.
    """
    dissatisfied = urgency[labels == 0]
    # Rounding must not take away a miss that is allowed: 0.05 of 20 is one.
    allowed = int(np.floor((1 - recall) * len(dissatisfied) + 1e-9))
    return needless_of(urgency >= lowest_answered(dissatisfied, allowed), labels)
