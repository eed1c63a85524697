"""What is done about classes that are rarer than others in the training messages."""

import numpy as np
from numpy.typing import NDArray


def class_weights(targets: NDArray[np.float32]) -> NDArray[np.float32]:
    """(classes,): as much for each class in all as for any other, 1 for a row on average."""
    counts = targets.sum(axis=0, dtype=np.float64)
    weights: NDArray[np.float64] = counts.sum() / (len(counts) * counts)
    return weights.astype(np.float32)


def log_prior(targets: NDArray[np.float32]) -> NDArray[np.float32]:
    """
    (classes,): added to the logits of training alone, so that they come out as if the classes were even.

    Logit adjustment (Menon et al., arXiv:2007.07314).
    """
    shares = targets.mean(axis=0, dtype=np.float64)
    logs: NDArray[np.float64] = np.log(shares / shares.sum())
    return logs.astype(np.float32)
