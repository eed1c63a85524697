"""What a threshold by cost saves: next to nothing, where it lies at an end and answers all messages, or none."""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from consumer.manifest import ClassShares
from training import recipe as recipes
from training.operating.operate import Operated
from training.operating.operating_point import NEEDLESS_FROM

LEAST_SAVED = 0.1  # of what the better of the two costs that need no model


@dataclass(frozen=True, slots=True)
class Saved:
    """
    The expected cost of a live message by the threshold, were `all_answered`, and were `none_answered`.

    Of the promise's `messages`, `very_unsatisfied` of them: where the threshold was not chosen on these, it may cost
    more than either.
    """

    by_threshold: float
    all_answered: float
    none_answered: float
    messages: int
    very_unsatisfied: int

    @property
    def share(self) -> float:
        """Of what the cheaper of both costs; below 0 where the threshold costs more."""
        least = min(self.all_answered, self.none_answered)
        return 1 - self.by_threshold / least if least else 0.0

    @property
    def warning(self) -> str | None:
        """What it means, and what to do, where it is little."""
        if self.share >= LEAST_SAVED:
            return None
        cheaper = "all" if self.all_answered <= self.none_answered else "none"
        least = min(self.all_answered, self.none_answered)
        saves = f"{self.share:.1%} less than" if self.share > 0 else "no less than"
        return (
            f"the threshold by cost is worth little: a live message costs {self.by_threshold:.3g} by it, {saves} the "
            f"{least:.3g} if {cheaper} were answered (on {self.messages} messages, {self.very_unsatisfied} with 1 "
            "star). Either the costs are so, or the messages are too few, or the model tells them apart too badly: "
            "look at cost_missed and cost_needless, label more for calibration, or promise a recall"
        )

    def as_json(self) -> dict[str, object]:
        return {**asdict(self), "share": self.share, "warning": self.warning}


def saved(operated: Operated, labels: NDArray[np.int64], shares: ClassShares, promise: recipes.Promise) -> Saved | None:
    """None of a threshold that was not chosen by cost."""
    if promise.by != "cost":
        return None
    assert promise.cost_missed is not None
    assert promise.cost_needless is not None
    own, live = labels[operated.promise], np.array(shares.live)
    answered = operated.urgent[operated.promise]
    rates = np.array([answered[own == label].mean() for label in range(len(live))])
    missed, needless = promise.cost_missed * live[0], promise.cost_needless * live[NEEDLESS_FROM:]
    return Saved(
        by_threshold=float(missed * (1 - rates[0]) + needless @ rates[NEEDLESS_FROM:]),
        all_answered=float(needless.sum()),
        none_answered=float(missed),
        messages=len(own),
        very_unsatisfied=int((own == 0).sum()),
    )
