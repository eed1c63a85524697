"""What a precision loses against fp32, and whether it may be served all the same."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from training import recipe as recipes
from training.operating.operating_point import needless_of


class Decided(NamedTuple):
    """Of one precision, by its own temperature and threshold, each (rows,)."""

    urgency: NDArray[np.float64]
    urgent: NDArray[np.bool_]
    predicted: NDArray[np.int64]


def measured(rounded: Decided, exact: Decided, labels: NDArray[np.int64], limits: recipes.Gate) -> dict[str, JsonValue]:
    """The manifest's `gate`: counts and shares, no row."""
    return {
        "label_agreement": float((rounded.predicted == exact.predicted).mean()),
        "decision_flips": int((rounded.urgent != exact.urgent).sum()),
        "largest_urgency_difference": float(np.abs(rounded.urgency - exact.urgency).max()),
        "more_needless": needless_of(rounded.urgent, labels) - needless_of(exact.urgent, labels),
        "min_agreement": limits.min_agreement,
        "max_more_needless": limits.max_more_needless,
    }


def passed(gate: Mapping[str, JsonValue], limits: recipes.Gate) -> bool:
    agreement, more_needless = gate["label_agreement"], gate["more_needless"]
    assert isinstance(agreement, float)
    assert isinstance(more_needless, float)
    return agreement >= limits.min_agreement and more_needless <= limits.max_more_needless


def flips(rounded: Decided, exact: Decided, labels: NDArray[np.int64]) -> list[dict[str, object]]:
    """Each row that is decided or labelled otherwise than by fp32: for the run's folder, never for the artifact."""
    rows = np.flatnonzero((rounded.urgent != exact.urgent) | (rounded.predicted != exact.predicted))
    return [
        {
            "row": int(row),
            "label": int(labels[row]),
            "urgency": [float(exact.urgency[row]), float(rounded.urgency[row])],
            "urgent": [bool(exact.urgent[row]), bool(rounded.urgent[row])],
            "predicted": [int(exact.predicted[row]), int(rounded.predicted[row])],
        }
        for row in rows
    ]
