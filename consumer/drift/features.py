"""What is looked at of each answered message, and how it is counted: here, in training's reference and live alike."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from consumer.records import Satisfaction

Feature = Literal["satisfaction", "urgency", "token_length", "unknown_share"]
SCORES: tuple[Feature, ...] = ("satisfaction", "urgency")
TEXTS: tuple[Feature, ...] = ("token_length", "unknown_share")
FEATURES = SCORES + TEXTS

CLASS_EDGES = np.arange(len(Satisfaction) + 1, dtype=np.float64)
CLASS_PLACES = {each: place for place, each in enumerate(Satisfaction)}
# None at all has a bin of its own, for that is what most messages have.
UNKNOWN_EDGES = np.array([0, 1e-6, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1], dtype=np.float64)

Edges = NDArray[np.float64]
Values = Mapping[Feature, Sequence[float] | NDArray[np.generic]]
Counts = Mapping[Feature, NDArray[np.int64]]  # messages by bin


def counted(edges: Edges, values: Sequence[float] | NDArray[np.generic]) -> NDArray[np.int64]:
    """
    (bins,): how many values lie from each edge up to the next.

    What lies before the first edge or behind the last counts in the bin beside it.
    """
    bins = len(edges) - 1
    places = np.searchsorted(edges, np.asarray(values, dtype=np.float64), side="right") - 1
    return np.bincount(np.clip(places, 0, bins - 1), minlength=bins)
