"""What stands beside the manifest in operating_point.json: how it was chosen, and what its probabilities are worth."""

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from consumer.decide import prior_shift, probabilities, urgencies
from consumer.manifest import ClassShares
from consumer.records import Satisfaction
from training import recipe as recipes
from training.measures.reliability import reliability
from training.operating.basis import Basis
from training.operating.calibrate import loss
from training.operating.effort import Estimated, estimated
from training.operating.operate import Operated
from training.operating.saved import saved
from training.scoring.crossfit import Calibration
from training.scoring.score import Scored
from training.scoring.shares import own_shift


def chosen(
    points: Mapping[str, Operated],
    labels: NDArray[np.int64],
    shares: ClassShares,
    promise: recipes.Promise,
    basis: Basis,
) -> dict[str, object]:
    """
    `precisions` has each OperatingPoint's fields, its `slices`, a day's `effort` if the recipe says how long it is, and
    what is `saved` by a threshold that costs choose.

    `effort` is of the calibration messages that the promise rests on; of test messages it is a better estimate.
    """
    return {
        "by": promise.by,
        "slices": promise.slices,
        "messages": {"temperature": len(basis.temperature), "promise": len(basis.promise), "apart": basis.apart},
        "precisions": {
            name: {
                **asdict(each.point),
                "slices": [one.as_json() for one in each.slices],
                "effort": effort.as_json() if (effort := _effort(each, labels, shares, promise)) else None,
                "saved": by_cost.as_json() if (by_cost := saved(each, labels, shares, promise)) else None,
            }
            for name, each in points.items()
        },
    }


def calibrated(
    calibration: Calibration, points: Mapping[str, Operated], shares: ClassShares, basis: Basis
) -> dict[str, object]:
    """
    Per precision `before` (a temperature of 1) and `after`: `loss` and Reliability's fields, on the promise's messages.

    Where `messages.apart` is false, the temperature has seen them.
    """
    return {
        name: {
            "before": _reliable(calibration.scored[name], calibration.labels, 1.0, shares, basis),
            "after": _reliable(calibration.scored[name], calibration.labels, each.temperature, shares, basis),
        }
        for name, each in points.items()
    }


def _reliable(
    scored: Scored, labels: NDArray[np.int64], temperature: float, shares: ClassShares, basis: Basis
) -> dict[str, object]:
    """As of the messages' own class shares; urgency as the consumer gives it."""
    logits, own, shift = scored.logits[basis.promise], labels[basis.promise], own_shift(shares, labels)
    found = reliability(
        probabilities((logits + temperature * np.array(shift)).astype(np.float32), temperature),
        urgencies(logits, temperature, prior_shift(shares)),
        own,
        np.array(shares.in_urgency) * len(labels) / np.bincount(labels, minlength=len(shares.live)),
    )
    return {"loss": loss(logits, own, temperature, shift), **found.as_json()}


def _effort(
    operated: Operated, labels: NDArray[np.int64], shares: ClassShares, promise: recipes.Promise
) -> Estimated | None:
    own, classes = labels[operated.promise], len(Satisfaction)
    of = np.bincount(own, minlength=classes).tolist()
    if promise.messages_per_day is None or min(of) == 0:
        return None
    answered = np.bincount(own[operated.urgent[operated.promise]], minlength=classes).tolist()
    return estimated(promise.messages_per_day, shares.live, answered, of, promise.confidence)
