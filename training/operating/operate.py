"""Temperature and threshold of each precision, and what they promise."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consumer.decide import prior_shift, probabilities, urgencies
from consumer.manifest import ClassShares
from training import recipe as recipes
from training.measures.binomial import share_at_least, share_wherever_cut
from training.operating.basis import Basis
from training.operating.calibrate import temperature
from training.operating.gate import Decided
from training.operating.operating_point import OperatingPoint, operating_point
from training.operating.tradeoff import by_capacity, by_cost
from training.operating.worst_slice import SlicePoint, worst_slice
from training.scoring.crossfit import Calibration
from training.scoring.score import Scored
from training.scoring.shares import own_shift


@dataclass(frozen=True, slots=True)
class Operated:
    """
    One set of scores with its temperature and operating point; `promise` are the rows that it rests on.

    `column` has the values of `slices`; `apart` is false where the temperature has seen the promise's rows.
    """

    temperature: float
    point: OperatingPoint
    urgency: NDArray[np.float64]
    promise: NDArray[np.int64]
    apart: bool
    slices: tuple[SlicePoint, ...] = ()
    column: str | None = None

    @property
    def urgent(self) -> NDArray[np.bool_]:
        answered: NDArray[np.bool_] = self.urgency >= self.point.threshold
        return answered


def operate(
    logits: NDArray[np.float32],
    labels: NDArray[np.int64],
    shares: ClassShares,
    promise: recipes.Promise,
    basis: Basis | None = None,
) -> Operated:
    """Temperature first, then the threshold on the urgencies that the consumer would give."""
    parts = basis or Basis.all_for_both(len(labels))
    chosen = parts.temperature
    fitted = temperature(logits[chosen], labels[chosen], own_shift(shares, labels))
    urgency = urgencies(logits, fitted, prior_shift(shares))
    if promise.by != "recall":
        point = _by_tradeoff(urgency, labels, shares, promise, parts)
        return Operated(fitted, point, urgency, parts.promise, parts.apart)
    own, theirs = urgency[parts.promise], labels[parts.promise]
    if not parts.slices:
        point = operating_point(own, theirs, promise.recall, promise.confidence)
        return Operated(fitted, point, urgency, parts.promise, parts.apart)
    values = [parts.slices[row] for row in parts.promise]
    point, slices = worst_slice(own, theirs, values, promise.recall, promise.confidence)
    return Operated(fitted, point, urgency, parts.promise, parts.apart, slices, promise.slices)


def _by_tradeoff(
    urgency: NDArray[np.float64],
    labels: NDArray[np.int64],
    shares: ClassShares,
    promise: recipes.Promise,
    basis: Basis,
) -> OperatingPoint:
    """
    Chosen on the temperature's rows, so that the others bound its recall as if it had fallen from the sky.

    Where they are the same rows, the bound is one that holds for every threshold at once, of the scores as they are.
    """
    choose, rest = basis.temperature, basis.promise
    if promise.by == "cost":
        assert promise.cost_missed is not None
        assert promise.cost_needless is not None
        costs = promise.cost_missed, promise.cost_needless
        threshold = by_cost(urgency[choose], labels[choose], shares.live, *costs)
    else:
        assert promise.looks_per_day is not None
        assert promise.messages_per_day is not None
        most = promise.looks_per_day / promise.messages_per_day
        threshold = by_capacity(urgency[choose], labels[choose], shares.live, most)
    answered = (urgency[rest] >= threshold)[labels[rest] == 0]
    hits, size = int(answered.sum()), len(answered)
    bound = share_at_least if basis.apart else share_wherever_cut
    promised = bound(hits, size, promise.confidence)
    return OperatingPoint(
        threshold,
        promised,
        promise.confidence,
        size,
        size - hits,
        promised,
        "clopper-pearson" if basis.apart else "massart",
    )


def operated(
    calibration: Calibration, shares: ClassShares, promise: recipes.Promise, basis: Basis | None = None
) -> dict[str, Operated]:
    """Each precision on its own scores."""
    return {
        name: operate(scored.logits, calibration.labels, shares, promise, basis)
        for name, scored in calibration.scored.items()
    }


def decided(scored: Mapping[str, Scored], points: Mapping[str, Operated], shares: ClassShares) -> dict[str, Decided]:
    """Each precision's scores, of whichever messages and model, by the temperature and threshold chosen for it."""
    return {name: _decided(scored[name], each, shares) for name, each in points.items()}


def _decided(scored: Scored, operated: Operated, shares: ClassShares) -> Decided:
    urgency = urgencies(scored.logits, operated.temperature, prior_shift(shares))
    predicted = probabilities(scored.logits, operated.temperature).argmax(axis=1)
    return Decided(urgency, urgency >= operated.point.threshold, predicted)
