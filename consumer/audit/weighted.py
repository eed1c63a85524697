"""
Limits of sums whose terms were drawn with unequal probabilities, honest also where few were found. All take arrays.

A weighted sum of rare findings is one of Poisson counts: its limits are Fay and Feuer's (1997), by gamma quantiles,
with an allowance for the one that was just not found. The ratio of two such sums is limited by MOVER (Donner and Zou
2012).
"""

from math import lgamma
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TINY = 1e-300
STEPS = 40  # of Newton and halving together; each at least halves what is left
EXACT_UP_TO = 2000.0  # beyond this shape Wilson and Hilferty's quantile is right to six digits


def sum_limits(total: Floats, squares: Floats, largest: Floats, confidence: float) -> tuple[Floats, Floats]:
    """
    Around `total`, the sum of what was found by its weights; `squares` is that of the weights squared.

    `largest` is the greatest weight that one which was not found could have had.
    """
    tail = (1 - confidence) / 2
    scale = squares / np.maximum(total, TINY)
    low = np.where(total > 0, scale * gamma_quantile(total / np.maximum(scale, TINY), tail), 0.0)
    more, more_squares = total + largest, squares + largest**2
    high_scale = more_squares / np.maximum(more, TINY)
    high = high_scale * gamma_quantile(more / np.maximum(high_scale, TINY), 1 - tail)
    return np.minimum(low, total), np.maximum(high, total)


def share_limits(
    part: tuple[Floats, Floats, Floats], rest: tuple[Floats, Floats, Floats]
) -> tuple[Floats, Floats, Floats]:
    """
    Of part / (part + rest), each a sum with its limits: the value and its limits.

    Not a number where both are 0. The two have to be independent.
    """
    total, low, high = part
    other, other_low, other_high = rest
    with np.errstate(invalid="ignore"):
        value = total / (total + other)
    # The limits of rest / part, which is above 0 whatever the limits are.
    product = total * other
    other_from, other_to = other_low * (2 * other - other_low), other_high * (2 * other - other_high)
    total_from, total_to = low * (2 * total - low), high * (2 * total - high)
    # Where nothing was, or could be, found on the one side, the ratio is without bounds.
    unbound = np.where(other_from > 0, np.inf, 0.0)
    least = _divided(other_from, product + np.sqrt(np.maximum(0.0, product**2 - other_from * total_to)), unbound)
    most = _divided(product + np.sqrt(np.maximum(0.0, product**2 - other_to * total_from)), total_from, np.inf)
    return value, 1 / (1 + np.maximum(most, least)), 1 / (1 + least)


def gamma_quantile(shape: Floats, probability: float) -> Floats:
    """Of the gamma distribution with scale 1, elementwise: below it lies `probability`. 0 for a shape of 0."""
    shape = np.asarray(shape, dtype=np.float64)
    a = np.maximum(shape, 1e-9)
    z = NormalDist().inv_cdf(probability)
    guess = np.asarray(a * np.maximum(1e-6, 1 - 1 / (9 * a) + z / (3 * np.sqrt(a))) ** 3)
    few = (a <= EXACT_UP_TO) & (shape > 0)
    if few.any():
        guess[few] = _solved(a[few], guess[few], probability)
    return np.where(shape > 0, guess, 0.0)


def _solved(a: Floats, guess: Floats, probability: float) -> Floats:
    """Newton's steps, and halving where they would leave what is known to hold the quantile."""
    low, high = np.zeros_like(a), a + 10 * np.sqrt(a) + 50
    x = np.clip(guess, 1e-12, high)
    gammas = np.array([lgamma(each) for each in a])
    for _ in range(STEPS):
        below = _below(a, x, gammas)
        low, high = np.where(below < probability, x, low), np.where(below < probability, high, x)
        density = np.exp((a - 1) * np.log(x) - x - gammas)
        step = x - (below - probability) / np.maximum(density, TINY)
        moved = np.where((step > low) & (step < high), step, (low + high) / 2)
        if np.abs(moved - x).max() <= 1e-10 * x.max():
            return moved
        x = moved
    return x


def _below(a: Floats, x: Floats, gammas: Floats) -> Floats:
    """The distribution function, by its series."""
    term = np.exp(a * np.log(x) - x - gammas) / a
    total, n = term.copy(), 0
    while (term > 1e-15 * total).any() and n < 20_000:
        n += 1
        term = term * x / (a + n)
        total += term
    return np.minimum(total, 1.0)


def _divided(one: Floats, by: Floats, otherwise: Floats | float) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(by > 0, one / by, otherwise)
