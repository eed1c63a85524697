"""
How far a counted share can be trusted, without scipy, which serving does not install.

Wilson's interval (1927) for a share: sound for small numbers and at 0 and 1. For the difference of two shares of the
same messages that of Agresti and Min (2005), who add half a message to each of the four cells before Wald's formula.
"""

from math import sqrt
from statistics import NormalDist

CONFIDENCE = 0.95


def wilson(hits: float, of: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Around the share `hits / of`; `of` is above 0, and no whole number where messages have weights."""
    z = _z(confidence)
    share = hits / of
    middle = (share + z**2 / (2 * of)) / (1 + z**2 / of)
    reach = z * sqrt(share * (1 - share) / of + z**2 / (4 * of**2)) / (1 + z**2 / of)
    # At 0 and 1 the end is the share itself, which rounding could pass by.
    return min(share, max(0.0, middle - reach)), max(share, min(1.0, middle + reach))


def paired_difference(gained: int, lost: int, of: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Around `(gained - lost) / of`: what a share of the same `of` messages, 1 or more, rose by."""
    z = _z(confidence)
    more, less, all_of_them = gained + 0.5, lost + 0.5, of + 2
    middle = (more - less) / all_of_them
    reach = z * sqrt(max(0.0, more + less - (more - less) ** 2 / all_of_them)) / all_of_them
    difference = (gained - lost) / of
    return min(difference, max(-1.0, middle - reach)), max(difference, min(1.0, middle + reach))


def _z(confidence: float) -> float:
    return NormalDist().inv_cdf((1 + confidence) / 2)
