"""What a day with the model is: how many messages are looked at, and how many of the very unsatisfied are answered."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from training.measures.binomial import interval
from training.measures.intervals import Estimate


@dataclass(frozen=True, slots=True)
class Effort:
    """Of `messages`, of which `very_unsatisfied` are: `looked_at` in all, and `answered` of the very unsatisfied."""

    messages: float
    very_unsatisfied: float
    looked_at: float
    answered: float

    @property
    def work_saved(self) -> float:
        return 1 - self.looked_at / self.messages

    @property
    def missed(self) -> float:
        return 1 - self.answered / self.very_unsatisfied


@dataclass(frozen=True, slots=True)
class Estimated:
    """The same with intervals: each holds by itself with the confidence asked for."""

    messages: float
    very_unsatisfied: float
    looked_at: Estimate
    answered: Estimate
    work_saved: Estimate
    missed: Estimate

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def as_stated(
    messages: float = 10_000, very_unsatisfied: float = 500, recall: float = 0.95, needless: float = 0.12
) -> Effort:
    """
    The table that the reference run tells, by its own arithmetic: 500 + 0.12 x 10,000 = 1,700 looked at.

    It counts all very unsatisfied messages as looked at, the missed too, takes the needless share of all messages, and
    leaves out two stars; `exact` does not.
    """
    return Effort(messages, very_unsatisfied, very_unsatisfied + needless * messages, recall * very_unsatisfied)


def exact(messages: float, live: Sequence[float], answered: Sequence[float]) -> Effort:
    """From the share `answered` of each class, and the `live` shares of the classes."""
    shares, rates = np.array(live), np.array(answered)
    return Effort(
        messages, messages * live[0], messages * float(shares @ rates), messages * float(shares[0] * rates[0])
    )


def estimated(
    messages: float, live: Sequence[float], answered: Sequence[int], of: Sequence[int], confidence: float = 0.95
) -> Estimated:
    """
    `exact`, from `answered` of as many messages `of` each class, with intervals.

    Those of the looks hold whatever the true rates: each class' exact interval (Clopper-Pearson) at a fifth of the
    risk, added up. ValueError when a class has no message.
    """
    if min(of) == 0:
        raise ValueError("a class without messages has no rate; label some of each")
    found = exact(messages, live, np.array(answered) / np.array(of))
    each = 1 - (1 - confidence) / len(of)
    low, high = messages * np.array(live) @ [interval(*counts, each) for counts in zip(answered, of, strict=True)]
    hit = interval(answered[0], of[0], confidence)
    return Estimated(
        messages,
        found.very_unsatisfied,
        Estimate(found.looked_at, float(low), float(high)),
        Estimate(found.answered, hit[0] * found.very_unsatisfied, hit[1] * found.very_unsatisfied),
        Estimate(found.work_saved, 1 - float(high) / messages, 1 - float(low) / messages),
        Estimate(found.missed, 1 - hit[1], 1 - hit[0]),
    )
