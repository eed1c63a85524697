"""What the events of a window tell, and how people judged them: the strata, and the marked messages in them."""

from collections import Counter
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from consumer.audit.estimate import BANDS, URGENT, Sample
from consumer.corrections.entries import Correction
from consumer.decide import BY_MODEL
from consumer.flips.answers import FATES, Answer
from consumer.records import Satisfaction
from consumer.run_names import LIVE

Of = Literal["very-unsatisfied", "should-be-urgent"]

# Of messages: by whether the model decided them, and by stratum.
Held = dict[bool, Counter[int]]


@dataclass(frozen=True, slots=True)
class Marked:
    stratum: int
    probability: float
    by_model: bool


class Population:
    """
    Of one window; `corrected` are the event ids that people said something of.

    What is kept grows with the marked and the corrected messages. A marked one that was answered twice counts once.
    """

    def __init__(self, corrected: Container[str]) -> None:
        self._corrected = corrected
        self.held: Held = {True: Counter(), False: Counter()}
        self.marked: dict[str, Marked] = {}
        self.known: dict[str, bool] = {}  # those of the corrected that are in the window: whether they were urgent
        self.others = 0  # answers of replays
        self.models: Counter[tuple[str | None, ...]] = Counter()
        self.first_ms: int | None = None  # when the first answer was written

    def add(self, answer: Answer) -> None:
        if answer.fate not in FATES:
            return
        if answer.run != LIVE:
            self.others += 1
            return
        stratum, by_model = stratum_of(answer), answer.reason == BY_MODEL
        self.held[by_model][stratum] += 1
        self.models[answer.model] += 1
        if answer.written_ms is not None:
            self.first_ms = min(answer.written_ms, answer.written_ms if self.first_ms is None else self.first_ms)
        event_id = answer.event_id
        if event_id in self._corrected:
            self.known[event_id] = stratum == URGENT
        if answer.audit is not None:
            self.marked[event_id] = Marked(stratum, answer.audit, by_model)

    def strata(self, *, by_model: bool) -> list[int]:
        """How many messages each holds; only those that the model decided, or all."""
        both = self.held[True] if by_model else self.held[True] + self.held[False]
        return [both[stratum] for stratum in range(BANDS + 1)]

    def sample(self, standing: Mapping[str, Correction], of: Of, *, by_model: bool) -> Sample:
        rows = [(each, standing.get(name)) for name, each in self.marked.items() if each.by_model or not by_model]
        said = [None if correction is None else _said(correction, of) for _, correction in rows]
        return Sample(
            np.array([each.stratum for each, _ in rows], dtype=np.int64),
            np.array([1 / each.probability for each, _ in rows], dtype=np.float64),
            np.array([each is not None for each in said], dtype=np.bool_),
            np.array([bool(each) for each in said], dtype=np.bool_),
        )

    def speaks_for(self) -> tuple[float, float, int]:
        """How many messages the marked ones stand for, the standard deviation of that, and how many there were."""
        weights = np.array([1 / each.probability for each in self.marked.values()], dtype=np.float64)
        deviation = float(np.sqrt((weights * (weights - 1)).sum()))
        return float(weights.sum()), deviation, sum(self.strata(by_model=False))

    def unmarked(self, standing: Mapping[str, Correction]) -> Counter[str]:
        """What people said of messages that were not marked: missed, needless or right."""
        told: Counter[str] = Counter()
        for name, urgent in self.known.items():
            if name in standing and name not in self.marked:
                should = standing[name].decision == "urgent"
                told["right" if should == urgent else "missed" if should else "needless"] += 1
        return told


def stratum_of(answer: Answer) -> int:
    """Urgent, or a band of routine ones; what tells no urgency is in the highest, where most is looked at."""
    if answer.fate == "urgent":
        return URGENT
    if answer.urgency is None or not answer.threshold:
        return BANDS
    return 1 + min(BANDS - 1, int(BANDS * max(0.0, answer.urgency / answer.threshold)))


def _said(correction: Correction, of: Of) -> bool | None:
    if of == "should-be-urgent":
        return correction.decision == "urgent"
    return None if correction.satisfaction is None else correction.satisfaction == Satisfaction.VERY_UNSATISFIED
