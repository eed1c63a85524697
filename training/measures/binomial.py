"""What a count of hits says about the share behind it: exact bounds, from the binomial distribution alone."""

import numpy as np
from scipy.stats import beta, binom


def share_at_least(hits: int, of: int, confidence: float) -> float:
    """The share that holds with `confidence`, at a threshold not chosen by these outcomes (Clopper-Pearson 1934)."""
    return float(beta.ppf(1 - confidence, hits, of - hits + 1)) if hits else 0.0


def share_at_most(hits: int, of: int, confidence: float) -> float:
    """The other side of `share_at_least`."""
    return float(beta.ppf(confidence, hits + 1, of - hits)) if hits < of else 1.0


def interval(hits: int, of: int, confidence: float) -> tuple[float, float]:
    """Both sides: the true share lies outside with at most 1 - `confidence`."""
    each = (1 + confidence) / 2
    return share_at_least(hits, of, each), share_at_most(hits, of, each)


def share_wherever_cut(hits: int, of: int, confidence: float) -> float:
    """
    `share_at_least` at a threshold that was chosen by looking at these very scores, whichever it is.

    Of thresholds alone: scores that a temperature was fitted to on the same messages are nearly, not quite, such.
    Massart's constant for the distance of an empirical distribution from the true one (Ann. Probab. 18, 1990), which is
    proven for a confidence of at least a half.
    """
    reach = np.sqrt(-np.log(1 - max(confidence, 0.5)) / (2 * of))
    return max(0.0, hits / of - float(reach))


def as_few_misses(misses: int, size: int, recall: float) -> float:
    """P[no more misses], were the recall just below `recall`: small when the promise is kept."""
    return float(binom.cdf(misses, size, 1 - recall))


def as_many_misses(misses: int, size: int, recall: float) -> float:
    """P[no fewer misses], were the recall `recall`: small when the promise is broken."""
    return float(binom.sf(misses - 1, size, 1 - recall))
