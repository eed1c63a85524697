"""Per precision: temperature, threshold, what they promise, and whether it may be served beside fp32."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from consumer.decide import probabilities, urgencies
from consumer.manifest import ClassShares, Promise, Served
from training import recipe as recipes
from training.calibrate import temperature
from training.crossfit import Calibration
from training.gate import Decided, measured, passed
from training.graphs import PRECISIONS
from training.operate import OperatingPoint, needless_of, operating_point


@dataclass(frozen=True, slots=True)
class Operated:
    """One set of scores with its temperature and operating point."""

    temperature: float
    point: OperatingPoint
    urgency: NDArray[np.float64]
    predicted: NDArray[np.int64]

    @property
    def urgent(self) -> NDArray[np.bool_]:
        answered: NDArray[np.bool_] = self.urgency >= self.point.threshold
        return answered

    @property
    def decided(self) -> Decided:
        return Decided(self.urgency, self.urgent, self.predicted)


def operate(
    logits: NDArray[np.float32], labels: NDArray[np.int64], shares: ClassShares, promise: recipes.Promise
) -> Operated:
    """Temperature first, then the threshold on the urgencies that the consumer would give."""
    warmth = temperature(logits, labels)
    urgency = urgencies(logits, warmth, prior_shift(shares))
    point = operating_point(urgency, labels, promise.recall, promise.confidence)
    return Operated(warmth, point, urgency, probabilities(logits, warmth).argmax(axis=1))


def prior_shift(shares: ClassShares) -> list[float]:
    shift: list[float] = (np.log(np.array(shares.live)) - np.log(np.array(shares.training))).tolist()
    return shift


def recall_bound(point: OperatingPoint) -> float:
    """The recall that holds with the point's confidence: at least what was asked for (Clopper-Pearson)."""
    return float(beta.ppf(1 - point.confidence, point.size - point.allowed, point.allowed + 1))


def operated(calibration: Calibration, shares: ClassShares, promise: recipes.Promise) -> dict[str, Operated]:
    """Each precision on its own scores."""
    return {
        name: operate(scored.logits, calibration.labels, shares, promise) for name, scored in calibration.scored.items()
    }


def served(precisions: Mapping[str, Operated], labels: NDArray[np.int64], gate: recipes.Gate) -> dict[str, Served]:
    """The manifest's `precisions`."""
    return {name: _served(name, each, precisions["fp32"], labels, gate) for name, each in precisions.items()}


def _served(name: str, operated: Operated, exact: Operated, labels: NDArray[np.int64], limits: recipes.Gate) -> Served:
    gate = None if name == "fp32" else measured(operated.decided, exact.decided, labels, limits)
    point = operated.point
    return Served(
        files=(PRECISIONS[name],),
        temperature=operated.temperature,
        threshold=point.threshold,
        servable=gate is None or passed(gate, limits),
        promise=Promise(
            target=point.recall,
            recall=recall_bound(point),
            confidence=point.confidence,
            calibration_size=len(labels),
            needless=needless_of(operated.urgent, labels),
        ),
        gate=gate,
    )
