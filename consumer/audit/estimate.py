"""
Recall and precision among live messages, from those that were marked with known probabilities and judged.

Each marked message speaks for 1 / probability messages (Horvitz and Thompson 1952), brought to what its stratum really
held (Hájek 1971): urgent ones, and routine ones by how near the threshold they came. So a marked message that nobody
has judged yet is taken to be like the judged ones of its stratum, and for nothing else. What people said of messages
that were not marked is left out: they wrote because something was wrong, and would bend any share.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from consumer.audit.weighted import Floats, share_limits, sum_limits
from consumer.intervals import CONFIDENCE, wilson

BANDS = 4  # of routine messages, by their urgency as a share of the threshold
LEAST_JUDGED = 20  # in a band that stands by itself; with fewer it goes together with the next one
LEAST_TIMES, MOST_TIMES = 0.01, 1_000.0  # of the window, between which days_until looks

URGENT = 0  # the stratum of urgent messages; 1 to BANDS are routine


@dataclass(frozen=True, slots=True)
class Sample:
    """The marked messages, a row each: `weight` is 1 / probability, `hit` says whether it is one of those asked for."""

    stratum: NDArray[np.int64]
    weight: Floats
    judged: NDArray[np.bool_]
    hit: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Sums:
    """Of what was found, by weight; floats, or arrays of many estimates. `largest` is the largest weight there was."""

    total: Floats
    squares: Floats
    largest: Floats

    def limits(self, confidence: float = CONFIDENCE) -> tuple[Floats, Floats]:
        """Half the allowance for what was not found, once anything was: the mid-P interval (Fay and Kim 2017)."""
        allowance = np.where(self.total > 0, self.largest / 2, self.largest)
        return sum_limits(self.total, self.squares, allowance, confidence)

    def times(self, factor: Floats) -> "Sums":
        """So much more of the same."""
        return replace(self, total=self.total * factor, squares=self.squares * factor)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A share with its interval."""

    value: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        return (self.high - self.low) / 2


def found(sample: Sample, held: Sequence[int]) -> tuple[Sums, Sums]:
    """
    Those asked for among the urgent and among the routine messages; `held` counts the messages of each stratum.

    Not a number where a side had messages, and none of them was judged.
    """
    groups = _together(np.bincount(sample.stratum[sample.judged], minlength=BANDS + 1))
    return _sums(sample, held, [[URGENT]]), _sums(sample, held, groups)


def recall(among_urgent: Sums, among_routine: Sums, confidence: float = CONFIDENCE) -> tuple[Floats, Floats, Floats]:
    """Value and limits; not a number where nothing was found."""
    return share_limits(
        (among_urgent.total, *among_urgent.limits(confidence)), (among_routine.total, *among_routine.limits(confidence))
    )


def recall_of(among_urgent: Sums, among_routine: Sums) -> Estimate | None:
    return _estimate(*recall(among_urgent, among_routine))


def precision(sample: Sample, held: Sequence[int]) -> Estimate | None:
    """Of the urgent messages, by Wilson's interval on as many as the weights are worth (Kish 1965)."""
    weight = sample.weight[sample.judged & (sample.stratum == URGENT)]
    if not weight.size or not held[URGENT]:
        return None
    worth = float(weight.sum() ** 2 / (weight**2).sum())
    value = float(_sums(sample, held, [[URGENT]]).total) / held[URGENT]
    return Estimate(value, *wilson(value * worth, worth))


def days_until(among_urgent: Sums, among_routine: Sums, window_days: float, half_width: float = 0.02) -> float | None:
    """
    How long it takes until recall is known to `half_width`, if all goes on as in the window; None where that is beyond
    any use. Where no missed one was found yet, it is reckoned as if half a one had been.
    """
    missed = among_routine
    if float(missed.total) == 0:
        missed = Sums(missed.largest / 2, missed.largest**2 / 2, missed.largest)
    times = np.geomspace(LEAST_TIMES, MOST_TIMES, 501)
    _, low, high = recall(_wide(among_urgent, times), _wide(missed, times))
    enough = (high - low) / 2 <= half_width
    # From where on it stays so: with next to nothing found, everything is possible, and an end may lie at 0 or 1.
    late = np.flatnonzero(~enough)
    first = 0 if not late.size else int(late[-1]) + 1
    return None if first == times.size else float(times[first]) * window_days


def _wide(sums: Sums, times: Floats) -> Sums:
    return replace(sums.times(times), largest=np.full(times.shape, float(sums.largest)))


def _sums(sample: Sample, held: Sequence[int], groups: Sequence[Sequence[int]]) -> Sums:
    total = squares = largest = 0.0
    for group in groups:
        messages = sum(held[each] for each in group)
        if not messages:
            continue
        judged = sample.judged & np.isin(sample.stratum, group)
        weight = sample.weight[judged]
        if not weight.size:
            return Sums(*(np.asarray(np.nan) for _ in range(3)))
        weight = weight * (messages / weight.sum())
        hits = weight[sample.hit[judged]]
        total += hits.sum()
        squares += (hits**2).sum()
        largest = max(largest, weight.max())
    return Sums(np.asarray(total), np.asarray(squares), np.asarray(largest))


def _together(judged: NDArray[np.int64]) -> list[list[int]]:
    """Neighbouring bands of routine messages, in groups with enough judged ones each; all in one of few."""
    groups: list[list[int]] = [[]]
    for band in range(1, BANDS + 1):
        if judged[groups[-1]].sum() >= LEAST_JUDGED:
            groups.append([])
        groups[-1].append(band)
    if len(groups) > 1 and judged[groups[-1]].sum() < LEAST_JUDGED:
        last = groups.pop()
        groups[-1] += last
    return groups


def _estimate(value: Floats, low: Floats, high: Floats) -> Estimate | None:
    return None if np.isnan(value) else Estimate(float(value), float(low), float(high))
