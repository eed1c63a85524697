"""Two models on the same messages: what one gains over the other, by pairs, since most messages are easy for both."""

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from training.evaluating.answers import Answers
from training.measures.intervals import RESAMPLES, Estimate, bootstrap, estimate, ratio
from training.operating.operating_point import NEEDLESS_FROM, needless_at_recall

CHUNK_DRAWS = 1_000_000
VERY_UNSATISFIED, BETWEEN, QUIET = range(3)


@dataclass(frozen=True, slots=True)
class Paired:
    """
    The first model's figures less the second's. `recall` and `needless` are by each one's own threshold;
    `needless_at_recall` gives both the threshold at which they answer the share `at_recall` of these very messages.
    """

    accuracy: Estimate
    recall: Estimate
    needless: Estimate
    at_recall: float
    needless_at_recall: Estimate

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def paired(first: Answers, second: Answers, labels: NDArray[np.int64], at_recall: float, seed: int = 0) -> Paired:
    """Intervals by the paired bootstrap: each resample takes a message for both models or for neither."""
    group = np.select([labels == 0, labels >= NEEDLESS_FROM], [VERY_UNSATISFIED, QUIET], BETWEEN)
    place = (group, first.predicted == labels, second.predicted == labels, first.urgent, second.urgent)
    shape = (3, 2, 2, 2, 2)
    cells = np.bincount(np.ravel_multi_index(tuple(each.astype(np.int64) for each in place), shape), minlength=48)
    accuracy, recall, needless = bootstrap(lambda counts: _figures(counts.reshape(-1, *shape)), cells, seed)
    return Paired(accuracy, recall, needless, at_recall, _needless_at_recall(first, second, labels, at_recall, seed))


def needless_of_one(urgency: NDArray[np.float64], labels: NDArray[np.int64], recall: float, seed: int = 0) -> Estimate:
    """`needless_at_recall` with its interval, of which the threshold's own chance is a part."""
    ranked = _Ranked(urgency, labels)
    draws = _resampled(len(labels), lambda weights: ranked.needless(weights, recall), seed)
    return estimate(needless_at_recall(urgency, labels, recall), draws)


class _Ranked:
    """Urgencies in order, so that a resample is only other weights of the same rows."""

    def __init__(self, urgency: NDArray[np.float64], labels: NDArray[np.int64]) -> None:
        order = np.argsort(urgency, kind="stable")
        self._very = order[labels[order] == 0]
        self._quiet = order[labels[order] >= NEEDLESS_FROM]
        self._below = np.searchsorted(urgency[self._quiet], urgency[self._very])

    def needless(self, weights: NDArray[np.float64], recall: float) -> NDArray[np.float64]:
        """`weights` (resamples, rows) to (resamples,)."""
        reached = weights[:, self._very].cumsum(axis=1)
        # Rounding must not take away a miss that is allowed: 0.05 of 20 is one.
        allowed = np.floor((1 - recall) * reached[:, -1] + 1e-9)
        lowest = (reached > allowed[:, None]).argmax(axis=1)
        passed = np.pad(weights[:, self._quiet].cumsum(axis=1), ((0, 0), (1, 0)))
        below = passed[np.arange(len(weights)), self._below[lowest]]
        return 1 - ratio(below, passed[:, -1])


def _figures(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Counts (resamples, group, first right, second right, first urgent, second urgent) to three differences."""
    right = counts[:, :, 1].sum(axis=(1, 2, 3, 4)) - counts[:, :, :, 1].sum(axis=(1, 2, 3, 4))
    urgent = counts[:, :, :, :, 1].sum(axis=(2, 3, 4)) - counts[:, :, :, :, :, 1].sum(axis=(2, 3, 4))
    rows = counts.sum(axis=(2, 3, 4, 5))
    shares = ratio(urgent, rows)
    return np.column_stack([right / rows.sum(axis=1), shares[:, VERY_UNSATISFIED], shares[:, QUIET]])


def _needless_at_recall(
    first: Answers, second: Answers, labels: NDArray[np.int64], recall: float, seed: int
) -> Estimate:
    ranked, other = _Ranked(first.urgency, labels), _Ranked(second.urgency, labels)
    draws = _resampled(
        len(labels), lambda weights: ranked.needless(weights, recall) - other.needless(weights, recall), seed
    )
    value = needless_at_recall(first.urgency, labels, recall) - needless_at_recall(second.urgency, labels, recall)
    return estimate(value, draws)


def _resampled(
    rows: int, figure: Callable[[NDArray[np.float64]], NDArray[np.float64]], seed: int
) -> NDArray[np.float64]:
    """`figure` takes weights (resamples, rows); a part of them at once, for memory's sake."""
    generator, chunk = np.random.default_rng(seed), max(1, CHUNK_DRAWS // rows)
    draws = []
    for start in range(0, RESAMPLES, chunk):
        count = min(chunk, RESAMPLES - start)
        taken = generator.integers(0, rows, size=(count, rows)) + rows * np.arange(count)[:, None]
        weights = np.bincount(taken.ravel(), minlength=count * rows).reshape(count, rows).astype(np.float64)
        draws.append(figure(weights))
    return np.concatenate(draws)
