"""From the class shares that a model speaks for to others: what is added to its logits."""

import numpy as np
from numpy.typing import NDArray

from consumer.manifest import ClassShares


def own_shift(shares: ClassShares, labels: NDArray[np.int64]) -> list[float]:
    """To those of the messages with these labels."""
    own = np.bincount(labels, minlength=len(shares.training)) / len(labels)
    shift: list[float] = (np.log(own) - np.log(np.array(shares.training))).tolist()
    return shift
