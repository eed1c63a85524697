"""What scores and texts looked like where the model was measured, so that drift has something to differ from."""

from typing import cast

import numpy as np
from numpy.typing import NDArray

from consumer.manifest import Histogram, Reference

URGENCY_EDGES = np.linspace(0.0, 1.0, 21)
LENGTH_EDGES = np.array([0, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 513], dtype=np.float64)


def reference(
    probabilities: NDArray[np.float64],
    urgency: NDArray[np.float64],
    lengths: NDArray[np.int64],
    unknown_shares: NDArray[np.float64],
) -> Reference:
    """From calibration texts: predicted classes' shares, urgency and length in tokens, mean share of unknown tokens."""
    predicted = np.bincount(probabilities.argmax(axis=1), minlength=probabilities.shape[1])
    shares = cast("tuple[float, float, float, float, float]", tuple((predicted / len(urgency)).tolist()))
    return Reference(
        class_shares=shares,
        urgency=_histogram(urgency, URGENCY_EDGES),
        token_length=_histogram(lengths.astype(np.float64), LENGTH_EDGES),
        unknown_share=float(unknown_shares.mean()),
    )


def _histogram(values: NDArray[np.float64], edges: NDArray[np.float64]) -> Histogram:
    counts, _ = np.histogram(values, edges)
    return Histogram(edges=tuple(edges.tolist()), counts=tuple(counts.tolist()))
