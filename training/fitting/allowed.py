"""
Learning from messages of which people have judged the decision alone, not the stars.

Such a row's loss is the negative logarithm of the summed probabilities of the classes that its decision allows: urgent
are one and two stars, routine three to five. How the model shares it out among them is left to the rows with stars.
"""

import numpy as np
from numpy.typing import NDArray

from training.data.labelled import Labelled
from training.data.labels import DECISIONS, STARS

URGENT_STARS = 2  # at most
_LEAST = 1e-9


def classes(labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(rows, 5): the classes that each row's decision allows."""
    urgent = np.array(STARS) <= URGENT_STARS
    return np.where((labels == DECISIONS["urgent"])[:, None], urgent, ~urgent)


def spread(messages: Labelled, shares: NDArray[np.float64]) -> NDArray[np.float32]:
    """(rows, 5): each row's weight over the classes that it allows, by their `shares`, so that classes are counted."""
    own = np.where(classes(messages.labels), np.maximum(shares, _LEAST), 0.0)
    weighed: NDArray[np.float64] = own / own.sum(axis=1, keepdims=True) * messages.weights[:, None]
    return weighed.astype(np.float32)


def wide(targets: NDArray[np.float32], messages: Labelled) -> NDArray[np.float32]:
    """
    (rows, 10): targets (rows, 5), of which the last rows are these messages', as loss.cross_entropy takes them.

    In the first five columns stand the targets of rows with stars, in the others, of rows with a decision, the row's
    weight at each class that is allowed.
    """
    made = np.zeros((len(targets), 2 * len(STARS)), dtype=np.float32)
    first = len(targets) - len(messages)
    made[:first, : len(STARS)] = targets[:first]
    made[first:, len(STARS) :] = classes(messages.labels) * targets[first:].sum(axis=1, keepdims=True)
    return made
