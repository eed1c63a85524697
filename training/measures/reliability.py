"""
Whether probabilities mean what they say: expected calibration error, reliability diagrams, Brier score.

The error is the mean distance of what was predicted from what came, in bins of equally many messages. By chance alone
it is above 0 however good the probabilities are; `value` is the error that, with that chance, would be measured as
large. The interval is the bootstrap's (Efron 1979), and begins at 0 where labels drawn from the very probabilities give
as large an error in more than one case of forty (consistency resampling, Bröcker & Smith 2007). On 300 to 3,000 made-up
messages, 83 to 99 of a hundred such intervals held the true error, and 93 on average (LOG.md).
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import erf

from consumer.records import Satisfaction
from training.measures.intervals import Estimate

BINS = 15
FEW_POINTS, FEW_ROWS = 5, 500  # of a diagram: a dozen messages a point would be scattered by chance
RESAMPLES = 300
TAIL = 0.025
UNSATISFIED = 2  # labels below: one and two stars

Happened = Callable[[NDArray[np.int64]], NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class Event:
    """
    What is said to happen with `predicted` (events, rows), and whether it did, for any `labels`.

    Of several events the mean error counts. `weights` (5,) says how often a class is live for once that it is here.
    """

    predicted: NDArray[np.float64]
    happened: Happened
    weights: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CalibrationError:
    """`plain` as it is usually given; `error` without what chance adds, with an interval meant to be of 95 %."""

    plain: float
    error: Estimate

    def as_json(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Point:
    """One bin of a reliability diagram."""

    predicted: float
    happened: float
    rows: int


@dataclass(frozen=True, slots=True)
class Reliability:
    """
    `class_wise` is the mean over the five classes; `urgency` is the two-class event "one or two stars".

    Urgency and its Brier score are those of live traffic: as published, each message weighed by its class' live share
    as urgency counts it.
    """

    top_label: CalibrationError
    class_wise: CalibrationError
    urgency: CalibrationError
    brier: float
    brier_urgency: float
    top_label_points: tuple[Point, ...]
    urgency_points: tuple[Point, ...]

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def reliability(
    probabilities: NDArray[np.float64],
    urgency: NDArray[np.float64],
    labels: NDArray[np.int64],
    counted_per_row: NDArray[np.float64],
) -> Reliability:
    """
    `probabilities` (rows, 5) and `urgency` (rows,) of `labels`.

    `counted_per_row` (5,) is a class' live share, as urgency counts it, / its share here.
    """
    best, one = probabilities.argmax(axis=1), np.ones(len(Satisfaction))
    classes = np.arange(len(Satisfaction))[:, None]
    top = Event(probabilities.max(axis=1)[None], lambda drawn: (drawn == best)[None], one)
    each = Event(probabilities.T, lambda drawn: drawn == classes, one)
    urgent = Event(urgency[None], lambda drawn: (drawn < UNSATISFIED)[None], counted_per_row)
    weights = counted_per_row[labels]
    return Reliability(
        top_label=calibration_error(top, probabilities, labels),
        class_wise=calibration_error(each, probabilities, labels),
        urgency=calibration_error(urgent, probabilities, labels),
        brier=float(((probabilities - (labels[:, None] == classes.T)) ** 2).sum(axis=1).mean()),
        brier_urgency=float(np.average((urgency - (labels < UNSATISFIED)) ** 2, weights=weights)),
        top_label_points=points(top, labels),
        urgency_points=points(urgent, labels),
    )


def calibration_error(
    event: Event, probabilities: NDArray[np.float64], labels: NDArray[np.int64], seed: int = 0
) -> CalibrationError:
    """
    With an interval that is meant to be of 95 %; above is how often it held.

    `probabilities` (rows, 5) are what labels are drawn from to see what chance alone gives.
    """
    generator = np.random.default_rng(seed)
    bins, size = _bins(event.predicted), len(labels)
    apart = _apart(event, labels, bins, np.arange(size))
    resampled = [_apart(event, labels, bins, generator.integers(size, size=size)) for _ in range(RESAMPLES)]
    steps = probabilities.cumsum(axis=1)[:, :-1]
    by_chance = [
        _error(_apart(event, (steps < generator.random((size, 1))).sum(axis=1), bins, np.arange(size)))
        for _ in range(RESAMPLES)
    ]
    plain, errors = _error(apart), np.abs(resampled).sum(axis=(1, 2))
    value = _without_chance(apart, np.std(resampled, axis=0))
    # Reflected about what was measured, and shifted to what is left of it: small errors need both to be wide enough.
    centres = (2 * plain, value + errors.mean())
    low, high = min(centres) - np.quantile(errors, 1 - TAIL), max(centres) - np.quantile(errors, TAIL)
    if plain <= np.quantile(by_chance, 1 - TAIL):
        low = 0.0
    return CalibrationError(plain, Estimate(value, max(0.0, float(low)), float(high)))


def points(event: Event, labels: NDArray[np.int64]) -> tuple[Point, ...]:
    """The reliability diagram of a single event, weighed as its error is; of fewer messages, in fewer bins."""
    count = BINS if len(labels) >= FEW_ROWS else FEW_POINTS
    (bins,), (predicted,), (happened,) = _bins(event.predicted, count), event.predicted, event.happened(labels)
    weights = event.weights[labels]
    rows = [np.flatnonzero(bins == number) for number in range(count)]
    return tuple(
        Point(
            float(np.average(predicted[some], weights=weights[some])),
            float(np.average(happened[some], weights=weights[some])),
            len(some),
        )
        for some in rows
        if len(some)
    )


def _bins(predicted: NDArray[np.float64], count: int = BINS) -> NDArray[np.int64]:
    """(events, rows): the number of the bin, each of as many rows as the others."""
    places = predicted.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
    bins: NDArray[np.int64] = places * count // predicted.shape[1]
    return bins


def _apart(
    event: Event, labels: NDArray[np.int64], bins: NDArray[np.int64], rows: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(events, bins): what each bin of the `rows` adds to the error, with its sign."""
    weights = event.weights[labels[rows]]
    apart = (event.predicted[:, rows] - event.happened(labels)[:, rows]) * weights
    places = bins[:, rows] + BINS * np.arange(len(bins))[:, None]
    sums = np.bincount(places.ravel(), apart.ravel(), BINS * len(bins)).reshape(len(bins), BINS)
    shares: NDArray[np.float64] = sums / (len(bins) * weights.sum())
    return shares


def _error(apart: NDArray[np.float64]) -> float:
    return float(np.abs(apart).sum())


def _without_chance(apart: NDArray[np.float64], spread: NDArray[np.float64]) -> float:
    """The error that, with this spread in every bin, would be measured as large as this was (folded normal's mean)."""
    spread = np.maximum(spread, np.finfo(np.float64).tiny)

    def measured(share: float) -> float:
        true = share * np.abs(apart)
        folded = spread * np.sqrt(2 / np.pi) * np.exp(-((true / spread) ** 2) / 2) + true * erf(
            true / spread / np.sqrt(2)
        )
        return float(folded.sum())

    error = _error(apart)
    if measured(0) >= error:
        return 0.0
    return error * float(brentq(lambda share: measured(share) - error, 0, 1))
