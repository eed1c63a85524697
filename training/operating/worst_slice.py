"""
A promise that holds in every slice of the messages (a language, a product category), not only in their mean.

Each slice has the order statistic of its own messages, and the threshold is the lowest of them. No correction for their
number is due: all slices keep the promise as soon as the threshold is low enough for the one that truly is worst. That
one's own order statistic, whichever slice it is, does this with the confidence asked for, and the lowest of all can
only be more careful (an intersection-union test, Berger 1982).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from consumer.errors import LimitError, SettingsError
from consumer.visible import visible
from training.operating.operating_point import OperatingPoint, operating_point, total_needed

MOST_SLICES = 50
MOST_TOLD = 10
SHOWN_CHARACTERS = 40  # of a slice's value, which may be anything


@dataclass(frozen=True, slots=True)
class SlicePoint:
    """The threshold that this slice's `size` very unsatisfied messages would allow if no other slice held it down."""

    value: str
    size: int
    allowed: int
    threshold: float

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def worst_slice(
    urgency: NDArray[np.float64], labels: NDArray[np.int64], slices: Sequence[str], recall: float, confidence: float
) -> tuple[OperatingPoint, tuple[SlicePoint, ...]]:
    """
    The point of the slice with the lowest threshold, and every slice's own, lowest first.

    It promises the least that any slice's size does: which threshold is the lowest, the scores themselves have decided.
    LimitError names the slices with too few very unsatisfied messages, and how many more each needs.
    """
    require_slices(labels, slices, recall, confidence)
    values = np.array(slices)
    points = {
        str(value): operating_point(urgency, labels, recall, confidence, values == value) for value in np.unique(values)
    }
    own = [SlicePoint(value, point.size, point.allowed, point.threshold) for value, point in points.items()]
    lowest = min(points.values(), key=lambda point: point.threshold)
    promised = min(point.promised for point in points.values())
    return replace(lowest, promised=promised), tuple(sorted(own, key=lambda each: each.threshold))


def require_few(values: int) -> None:
    """SettingsError for a column with too many different ones: their messages would be few, and they may be names."""
    if values > MOST_SLICES:
        raise SettingsError(
            f"The column of the slices holds {values} different values, and at most {MOST_SLICES} can be promised: "
            "name one with fewer, as of a language or a category."
        )


def require_slices(
    labels: NDArray[np.int64], slices: Sequence[str], recall: float, confidence: float, share: float = 0.0
) -> None:
    """
    LimitError as of `worst_slice`, SettingsError for a column with too many values to be slices.

    `share` of the messages will serve the temperature.
    """
    values, where = np.unique(np.array(slices), return_inverse=True)
    require_few(len(values))
    sizes = np.bincount(where[labels == 0], minlength=len(values)).tolist()
    needed = total_needed(recall, confidence, share)
    few = {str(value): needed - size for value, size in zip(values, sizes, strict=True) if size < needed}
    if few:
        named = ", ".join(
            f"{more} of {visible(value, SHOWN_CHARACTERS)}" for value, more in list(few.items())[:MOST_TOLD]
        )
        others = f" and of {len(few) - MOST_TOLD} others" if len(few) > MOST_TOLD else ""
        raise LimitError(
            f"{len(few)} of {len(values)} slices have too few very unsatisfied messages to promise a recall of "
            f"{recall:g} with confidence {confidence:g}: label {needed} in all of each (still {named}{others}), join "
            "small slices, or promise the mean."
        )
