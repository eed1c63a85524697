"""
Whether a promise is kept on real scores: half of them choose the threshold, the other half says what it answers.

Theory knows how often it should be. Of two halves that are alike, how many of the second lie below the (k + 1)-th
smallest of the first is beta-binomial, whatever the scores are; the promise is for all messages, and a half of them
is a sample, so a promise with 95 % confidence is seen kept on fewer halves than 95 %.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import betabinom, binom

from training.operating.operating_point import allowed_misses, lowest_answered

SPLITS = 200


@dataclass(frozen=True, slots=True)
class Kept:
    """Shares of splits in which the other half's recall was as promised; `low` to `high` holds 95 % of such draws."""

    observed: float
    predicted: float
    low: float
    high: float
    recall: float


def kept_on_halves(urgency: NDArray[np.float64], recall: float, confidence: float, seed: int = 0) -> Kept:
    """`urgency` is that of the very unsatisfied alone. `recall` of the result is the mean over the splits."""
    generator = np.random.default_rng(seed)
    first = len(urgency) // 2
    other = len(urgency) - first
    allowed = allowed_misses(first, recall, confidence)
    recalls = []
    for _ in range(SPLITS):
        drawn = generator.permutation(urgency)
        recalls.append(float((drawn[first:] >= lowest_answered(drawn[:first], allowed)).mean()))
    bearable = int(np.floor(other * (1 - recall) + 1e-9))
    predicted = float(betabinom.cdf(bearable, other, allowed + 1, first - allowed))
    # The splits share their scores, so this is narrower than it should be; it is there for scale.
    low, high = binom.interval(0.95, SPLITS, predicted)
    return Kept(
        float(np.mean([each >= recall - 1e-9 for each in recalls])),
        predicted,
        float(low) / SPLITS,
        float(high) / SPLITS,
        float(np.mean(recalls)),
    )
