"""How the decisions do in each channel, language and attribute, worst first."""

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

from consumer.audit.count import estimate
from consumer.audit.estimate import URGENT, found, recall_of
from consumer.audit.population import Of, Population
from consumer.corrections.entries import Correction
from consumer.flips.answers import Answer
from consumer.intervals import wilson

LEAST_MESSAGES = 100  # of a slice that is told; of fewer, anything looks odd
MOST_VALUES = 200  # of one name; what comes beyond is counted together
MOST_TOLD = 12
TOLD_UNASKED = ("channel", "language")
TOGETHER = "\0others"  # no value can be it: Kafka's strings may hold it, and are counted together with them

Figures = dict[str, Any]


class Slices:
    """Of one window. `names` are attributes, beside channel and language; `corrected` as Population takes it."""

    def __init__(self, names: Sequence[str], corrected: Container[str]) -> None:
        self._names = tuple(dict.fromkeys(names))
        self._corrected = corrected
        self.attributes: set[str] = set()  # that the answers have, or so many of them
        self._found: dict[str, dict[str, Population]] = {name: {} for name in (*TOLD_UNASKED, *self._names)}

    def add(self, answer: Answer) -> None:
        if len(self.attributes) < MOST_VALUES:
            self.attributes.update(answer.attributes)
        for name, value in self._values(answer):
            groups = self._found[name]
            if value not in groups and len(groups) >= MOST_VALUES:
                value = TOGETHER
            if value not in groups:
                groups[value] = Population(self._corrected)
            groups[value].add(answer)

    def unknown(self) -> list[str]:
        """Names of attributes that no answer has; a channel and a language every answer might have had."""
        return [name for name in self._names if name not in TOLD_UNASKED and not self._found[name]]

    def figures(self, standing: Mapping[str, Correction], of: Of) -> Figures:
        """By name: the slices that are large enough, worst first, and how many were too small."""
        return {name: _told(groups, standing, of) for name, groups in self._found.items() if groups}

    def _values(self, answer: Answer) -> Iterator[tuple[str, str]]:
        known = {"channel": answer.channel, "language": answer.language}
        for name in self._found:
            value = known.get(name)
            if value is None:
                value = answer.attributes.get(name)
            if value is not None:
                yield name, value


def _told(groups: Mapping[str, Population], standing: Mapping[str, Correction], of: Of) -> Figures:
    rows = [_row(value, group, standing, of) for value, group in groups.items() if value != TOGETHER]
    large = sorted((row for row in rows if row["messages"] >= LEAST_MESSAGES), key=_badness)
    return {"values": large[:MOST_TOLD], "left_out": len(groups) - min(len(large), MOST_TOLD)}


def _row(value: str, group: Population, standing: Mapping[str, Correction], of: Of) -> Figures:
    strata = group.strata(by_model=False)
    messages, urgent = sum(strata), strata[URGENT]
    low, high = wilson(urgent, messages) if messages else (0.0, 1.0)
    return {
        "value": value,
        "messages": messages,
        "urgent": {"messages": urgent, "value": urgent / messages if messages else 0.0, "low": low, "high": high},
        "recall": estimate(recall_of(*found(group.sample(standing, of, by_model=False), strata))),
    }


def _badness(row: Figures) -> tuple[float, float]:
    """Least is worst: by what the recall is at most, so that no few unlucky judgements put a slice on top."""
    return 1.0 if row["recall"] is None else row["recall"]["high"], -row["urgent"]["value"]
