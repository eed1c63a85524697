"""One temperature for all logits, so that probabilities mean what they say (Guo et al., arXiv:1706.04599)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

COLDEST, HOTTEST = 0.05, 20.0
FEWEST = 50  # messages; of fewer, all of which may be told right, the best temperature can be next to nothing


def loss(
    logits: NDArray[np.float32], labels: NDArray[np.int64], temperature: float = 1.0, shift: Sequence[float] = (0.0,)
) -> float:
    """Mean cross-entropy in nats of (rows, 5) logits divided by `temperature`, with `shift` (5,) added after that."""
    log_probabilities = log_softmax(logits.astype(np.float64) / temperature + np.array(shift), axis=1)
    return float(-log_probabilities[np.arange(len(labels)), labels].mean())


def temperature(logits: NDArray[np.float32], labels: NDArray[np.int64], shift: Sequence[float] = (0.0,)) -> float:
    """
    The temperature with the least cross-entropy on messages that the model was not fitted on; 1 of fewer than FEWEST.

    `shift` (5,) takes the logits from the class shares that they speak for to those of these messages.
    """
    if len(labels) < FEWEST:
        return 1.0
    found = minimize_scalar(
        lambda log_temperature: loss(logits, labels, float(np.exp(log_temperature)), shift),
        bounds=(np.log(COLDEST), np.log(HOTTEST)),
        method="bounded",
    )
    return float(np.exp(found.x))
