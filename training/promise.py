"""Per precision: temperature, threshold, what they promise, and whether int8 may be served beside fp32."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue
from scipy.stats import beta

from consumer.decide import probabilities, urgencies
from consumer.manifest import ClassShares, Promise, Served
from training import recipe as recipes
from training.calibrate import temperature
from training.crossfit import PRECISIONS, Calibration
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


def served(
    calibration: Calibration, shares: ClassShares, promise: recipes.Promise, gate: recipes.Gate
) -> dict[str, Served]:
    """The manifest's `precisions`."""
    operated = {
        name: operate(calibration.scored[name].logits, calibration.labels, shares, promise) for name in PRECISIONS
    }
    return {name: _served(name, each, operated["fp32"], calibration.labels, gate) for name, each in operated.items()}


def _served(name: str, operated: Operated, exact: Operated, labels: NDArray[np.int64], gate: recipes.Gate) -> Served:
    needless = needless_of(operated.urgent, labels)
    agreement = float((operated.predicted == exact.predicted).mean())
    more_needless = needless - needless_of(exact.urgent, labels)
    servable = agreement >= gate.min_agreement and more_needless <= gate.max_more_needless
    measured: dict[str, JsonValue] = {
        "label_agreement": agreement,
        "decision_flips": int((operated.urgent != exact.urgent).sum()),
        "largest_urgency_difference": float(np.abs(operated.urgency - exact.urgency).max()),
        "more_needless": more_needless,
        "min_agreement": gate.min_agreement,
        "max_more_needless": gate.max_more_needless,
    }
    point = operated.point
    return Served(
        files=(PRECISIONS[name],),
        temperature=operated.temperature,
        threshold=point.threshold,
        servable=name == "fp32" or servable,
        promise=Promise(
            target=point.recall,
            recall=recall_bound(point),
            confidence=point.confidence,
            calibration_size=len(labels),
            needless=needless,
        ),
        gate=None if name == "fp32" else measured,
    )
