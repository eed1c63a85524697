"""/metrics of the consumers, read as Prometheus reads it, and what two readings say of the time between them."""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from math import inf
from urllib.parse import urlsplit

from consumer.errors import SettingsError
from consumer.redaction import redact
from consumer.watching.peers import NoMetrics, Values, ask

MINUTE_S = 60.0

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Reading:
    """One consumer's, at a moment of the monotonic clock."""

    at_s: float
    values: Values


@dataclass
class Consumers:
    """Several consumers' readings of the last minute, by their addresses; `problems` says who does not answer."""

    urls: Sequence[str]
    _readings: dict[str, list[Reading]] = field(default_factory=lambda: defaultdict(list))
    problems: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for url in self.urls:
            if not _is_of_the_web(url):
                raise SettingsError(
                    "--metrics takes the whole address of a consumer's /metrics, such as "
                    f"http://localhost:9464/metrics, not {redact('url', url)}"
                )

    def read(self) -> None:
        """Asks each of them once."""
        self.problems.clear()
        for url, found in zip(self.urls, ask(self.urls), strict=True):
            kept = self._readings[url]
            if isinstance(found, NoMetrics):
                kept.clear()
                self.problems[url] = f"{redact('url', url)} {found}"
            else:
                kept.append(Reading(time.monotonic(), found))
            while len(kept) > 2 and kept[-1].at_s - kept[1].at_s > MINUTE_S:
                kept.pop(0)

    @property
    def answering(self) -> int:
        return sum(bool(kept) for kept in self._readings.values())

    def latest(self, name: str) -> Iterator[tuple[Labels, float]]:
        """Of every consumer that answers."""
        for kept in self._readings.values():
            yield from _series(kept[-1], name) if kept else ()

    def first(self, name: str) -> Iterator[tuple[str, Labels]]:
        """Of each consumer that answers its address, without what is secret in it, and its first such series."""
        for url, kept in self._readings.items():
            for labels, _ in islice(_series(kept[-1], name) if kept else (), 1):
                yield str(redact("url", url)), labels

    def grown(self, name: str) -> list[tuple[Labels, float]]:
        """By how much each series of a counter or a histogram grew within the last minute, or since we look."""
        found = []
        for kept in self._readings.values():
            if len(kept) < 2:
                continue
            before = {tuple(sorted(labels.items())): value for labels, value in _series(kept[0], name)}
            for labels, value in _series(kept[-1], name):
                was = before.get(tuple(sorted(labels.items())), 0.0)
                # As Prometheus does it: a counter that fell began anew.
                found.append((labels, value - was if value >= was else value))
        return found

    @property
    def over_s(self) -> float:
        """How long the time is of which `grown` speaks."""
        return max((kept[-1].at_s - kept[0].at_s for kept in self._readings.values() if kept), default=0.0)


def quantile(share: float, buckets: Iterable[tuple[Labels, float]]) -> float | None:
    """As Prometheus's histogram_quantile() of what grew; the highest bound where it lies beyond all; None of none."""
    counts: defaultdict[float, float] = defaultdict(float)
    for labels, count in buckets:
        counts[float(labels["le"])] += count
    bounds = sorted(counts)
    if not bounds or (rank := share * counts[bounds[-1]]) <= 0:
        return None
    low, below = 0.0, 0.0
    for bound in bounds:
        if counts[bound] >= rank:
            return low if bound == inf else low + (bound - low) * (rank - below) / (counts[bound] - below)
        low, below = bound, counts[bound]
    return None


def _is_of_the_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:  # of brackets that hold no address
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _series(reading: Reading, name: str) -> Iterator[tuple[Labels, float]]:
    for (own, labels), value in reading.values.items():
        if own == name:
            yield dict(labels), value
