"""
Thresholds by what they cost where the model runs, in money or in looks a day, for the class shares of live traffic.

Unlike the promised recall's, they are chosen by looking at all scores, so nothing can be promised of the messages they
were chosen on as if they had not been: see `training.operating.operate` for the bound that is left.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consumer.errors import LimitError
from consumer.records import Satisfaction
from training.operating.operating_point import NEEDLESS_FROM, threshold_below


@dataclass(frozen=True, slots=True)
class Choices:
    """`answered` (choices, 5): the share of each class whose urgency is `lowest` (choices,), ascending, or more."""

    lowest: NDArray[np.float64]
    answered: NDArray[np.float64]

    @classmethod
    def of(cls, urgency: NDArray[np.float64], labels: NDArray[np.int64]) -> "Choices":
        """Each different urgency could be the last that is answered. Every class must be there."""
        lowest = np.unique(urgency)
        answered = np.empty((len(lowest), len(Satisfaction)))
        for label in range(len(Satisfaction)):
            scores = np.sort(urgency[labels == label])
            answered[:, label] = 1 - np.searchsorted(scores, lowest) / len(scores)
        return cls(lowest, answered)


def by_cost(
    urgency: NDArray[np.float64],
    labels: NDArray[np.int64],
    live: tuple[float, ...],
    cost_missed: float,
    cost_needless: float,
) -> float:
    """
    The threshold with the least expected cost of a live message; of equal ones the lowest.

    Missed is a very unsatisfied message that is not answered, needless an answered one of three to five stars. One of
    two stars costs nothing and saves nothing either way.
    """
    choices, shares = Choices.of(urgency, labels), np.array(live)
    missed = shares[0] * (1 - choices.answered[:, 0])
    needless = choices.answered[:, NEEDLESS_FROM:] @ shares[NEEDLESS_FROM:]
    return threshold_below(urgency, choices.lowest[np.argmin(cost_missed * missed + cost_needless * needless)])


def by_capacity(
    urgency: NDArray[np.float64], labels: NDArray[np.int64], live: tuple[float, ...], most_answered: float
) -> float:
    """
    The lowest threshold that answers at most the share `most_answered` of live messages.

    LimitError when even the highest urgency alone is more.
    """
    choices = Choices.of(urgency, labels)
    answered = choices.answered @ np.array(live)
    within = np.flatnonzero(answered <= most_answered * (1 + 1e-12))
    if not len(within):
        raise LimitError(
            f"The most urgent of the calibration messages are {answered[-1]:.2%} of live traffic, and there is time to "
            f"look at {most_answered:.2%}: look at more a day, or calibrate on more messages."
        )
    return threshold_below(urgency, choices.lowest[within[0]])
