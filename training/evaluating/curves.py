"""
How well urgency puts the very unsatisfied before those with 3 to 5 stars, whatever the threshold.

Two stars are neither: to answer them is no mistake, and to leave them out breaks no promise.
"""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import auc, average_precision_score, precision_recall_curve, roc_curve

from training.operating.operating_point import NEEDLESS_FROM

MOST_POINTS = 200


@dataclass(frozen=True, slots=True)
class Curve:
    """Points in order; `area` is that of all points, not only of those that are kept here."""

    x: tuple[float, ...]
    y: tuple[float, ...]
    area: float


@dataclass(frozen=True, slots=True)
class Curves:
    """`roc` is recall (y) by needless answers (x), `precision_recall` precision (y) by recall (x)."""

    very_unsatisfied: int
    three_to_five_stars: int
    roc: Curve
    precision_recall: Curve

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def curves(urgency: NDArray[np.float64], labels: NDArray[np.int64]) -> Curves:
    """Both (rows,). The area of `precision_recall` is the average precision, which no interpolation flatters."""
    chosen = (labels == 0) | (labels >= NEEDLESS_FROM)
    truth, scores = labels[chosen] == 0, urgency[chosen]
    needless, recall, _ = roc_curve(truth, scores)
    precision, found, _ = precision_recall_curve(truth, scores)
    return Curves(
        int(truth.sum()),
        int((~truth).sum()),
        _thinned(needless, recall, float(auc(needless, recall))),
        _thinned(found[::-1], precision[::-1], float(average_precision_score(truth, scores))),
    )


def _thinned(x: NDArray[np.float64], y: NDArray[np.float64], area: float) -> Curve:
    kept = np.unique(np.linspace(0, len(x) - 1, min(len(x), MOST_POINTS)).round().astype(int))
    return Curve(tuple(x[kept].tolist()), tuple(y[kept].tolist()), area)
