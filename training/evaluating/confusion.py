"""Which class was taken for which: precision, recall and F1 of each, and how many stars off."""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from consumer.records import Satisfaction
from training.measures.intervals import Estimate, bootstrap, ratio

CLASSES = len(Satisfaction)
STARS_APART = np.abs(np.subtract.outer(np.arange(CLASSES), np.arange(CLASSES))).ravel()


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """`rows` have this label. A class that is never predicted has precision 0, as in scikit-learn."""

    rows: int
    precision: Estimate
    recall: Estimate
    f1: Estimate


@dataclass(frozen=True, slots=True)
class Confusion:
    """`counts[label][predicted]`; `classes` in the labels' order. Predictions are by argmax."""

    counts: tuple[tuple[int, ...], ...]
    classes: tuple[ClassFigures, ...]
    accuracy: Estimate
    macro_f1: Estimate
    mean_absolute_error_stars: Estimate

    def as_json(self) -> dict[str, object]:
        named = {name.value: asdict(each) for name, each in zip(Satisfaction, self.classes, strict=True)}
        return {**asdict(self), "classes": named}


def confusion(predicted: NDArray[np.int64], labels: NDArray[np.int64], seed: int = 0) -> Confusion:
    """Both (rows,), 0 to 4."""
    cells = np.bincount(labels * CLASSES + predicted, minlength=CLASSES**2)
    counts = cells.reshape(CLASSES, CLASSES)
    *each, accuracy, macro_f1, stars_off = bootstrap(_figures, cells, seed)
    classes = [
        ClassFigures(int(counts[label].sum()), each[label], each[CLASSES + label], each[2 * CLASSES + label])
        for label in range(CLASSES)
    ]
    return Confusion(tuple(tuple(row) for row in counts.tolist()), tuple(classes), accuracy, macro_f1, stars_off)


def _figures(cells: NDArray[np.float64]) -> NDArray[np.float64]:
    """(resamples, 25) to (resamples, 18): precisions, recalls, F1s, accuracy, mean F1, mean absolute error."""
    counts = cells.reshape(-1, CLASSES, CLASSES)
    right, told, there = np.diagonal(counts, axis1=1, axis2=2), counts.sum(axis=1), counts.sum(axis=2)
    rows = cells.sum(axis=1)
    f1 = ratio(2 * right, told + there, 0.0)
    means = np.column_stack([right.sum(axis=1) / rows, f1.mean(axis=1), cells @ STARS_APART / rows])
    return np.hstack([ratio(right, told, 0.0), ratio(right, there, 0.0), f1, means])
