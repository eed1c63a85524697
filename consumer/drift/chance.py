"""
How far a window may differ from the reference by chance alone.

Drawn and not looked up: the reference is a sample too, weighed by class, and its bins hold many messages or none, which
no table of Kolmogorov's or of chi-square covers. The draws are the same each time.

A reference may be an unlucky draw itself, and all windows are held against that one. So the rate is held for one that
is unluckier than 95 of 100 are, and not on average over those that there might have been.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from consumer.drift.features import Feature

REFERENCES = 60
UNLUCKY = 0.95
FEWEST_DRAWS, MOST_DRAWS = 20_000, 200_000
DRAWS_PER_LEVEL = 4
AT_ONCE = 20_000

Shares = NDArray[np.float64]


def distance(feature: Feature, found: Shares, expected: Shares) -> NDArray[np.float64]:
    """
    Of shares by bin (…, bins), from 0 to 1.

    Classes: the share of messages that would have to be in another one (total variation). Else the largest difference
    of what lies below one value (Kolmogorov and Smirnov's).
    """
    return _apart(feature, _compared(feature, found) - _compared(feature, expected), axis=-1)


def _compared(feature: Feature, shares: Shares) -> Shares:
    return shares if feature == "satisfaction" else shares.cumsum(axis=-1)


def _apart(feature: Feature, difference: NDArray[Any], axis: int) -> NDArray[Any]:
    far = np.abs(difference)
    return far.sum(axis=axis) / 2 if feature == "satisfaction" else far.max(axis=axis)  # type: ignore[no-any-return]


def draws(level: float) -> int:
    """How many it takes to tell what happens in `level` of the windows."""
    return int(min(MOST_DRAWS, max(FEWEST_DRAWS, DRAWS_PER_LEVEL / level)))


def by_chance(
    feature: Feature, counts: NDArray[np.float64], weights: Shares, messages: int, count: int
) -> NDArray[np.float64]:
    """
    (count,): distances of windows of `messages` that differ by nothing, the largest first.

    `counts` (classes, bins) are the reference's, `weights` (classes,) how often each class occurs.
    """
    generator = np.random.default_rng(0)
    sizes = counts.sum(axis=1)
    # Half a message more in each bin: one that the reference never saw is rare, not impossible.
    smooth = (counts + 0.5) / (sizes[:, None] + counts.shape[1] / 2)
    references = sum(
        weight * generator.multinomial(int(size), shares, REFERENCES) / size
        for weight, size, shares in zip(weights, sizes, smooth, strict=True)
        if weight > 0
    )
    true = weights @ smooth
    found = np.empty((REFERENCES, count), dtype=np.float32)
    for start in range(0, count, AT_ONCE):
        windows = generator.multinomial(messages, true / true.sum(), min(AT_ONCE, count - start)) / messages
        # By bin, as numpy goes through memory fastest.
        compared = np.ascontiguousarray(_compared(feature, windows).T, dtype=np.float32)
        for row, reference in zip(found, _compared(feature, np.asarray(references)).astype(np.float32), strict=True):
            row[start : start + len(windows)] = _apart(feature, compared - reference[:, None], axis=0)
    found.sort(axis=1)
    # Rank by rank, what an unlucky reference has there.
    place = int(np.ceil(UNLUCKY * REFERENCES)) - 1
    return np.partition(found, place, axis=0)[place, ::-1].astype(np.float64)
