"""
How far a measured figure can be trusted: Wilson's interval for shares, the bootstrap for everything else.

Every figure here depends on its messages only through how many of them lie in each of a few cells (label by
prediction, say). Drawing n messages with replacement and counting them is then one multinomial draw of those counts:
the bootstrap exactly (Efron 1979), at the cost of the cells and not of the messages.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from consumer import intervals
from consumer.intervals import CONFIDENCE

RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure, and the interval that holds it with 95 % confidence, or with what its maker says instead."""

    value: float
    low: float
    high: float

    def as_json(self) -> dict[str, float]:
        return asdict(self)


def wilson(hits: int, of: int) -> Estimate | None:
    """The share `hits / of` (Wilson 1927): sound for small numbers and at 0 and 1. None of none."""
    if not of:
        return None
    return Estimate(hits / of, *intervals.wilson(hits, of, CONFIDENCE))


def bootstrap(
    figure: Callable[[NDArray[np.float64]], NDArray[np.float64]], counts: ArrayLike, seed: int = 0
) -> list[Estimate]:
    """
    Estimates of `figure`, which takes counts (resamples, cells) and gives (resamples, figures).

    A resample in which a figure does not exist (NaN) counts for none.
    """
    measured = np.asarray(counts, dtype=np.int64)
    total = int(measured.sum())
    drawn = np.random.default_rng(seed).multinomial(total, measured / total, size=RESAMPLES)
    values = figure(measured[None, :].astype(np.float64))[0]
    return [estimate(value, draws) for value, draws in zip(values, figure(drawn.astype(np.float64)).T, strict=True)]


def estimate(value: float, draws: NDArray[np.float64]) -> Estimate:
    """`value` within the percentiles of what resampling made of it."""
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(draws, [tail, 1 - tail])
    return Estimate(float(value), float(low), float(high))


def ratio(part: NDArray[np.float64], whole: NDArray[np.float64], empty: float = np.nan) -> NDArray[np.float64]:
    """`part / whole`, and `empty` where there is no whole."""
    shares = np.full(np.broadcast(part, whole).shape, empty)
    np.divide(part, whole, out=shares, where=whole > 0)
    return shares
