"""Who went in, who came out: counted from what stands in the topics, not from what the consumer says."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

import numpy as np

FATES = ("urgent", "routine", "dead-lettered")

Coordinates = tuple[str, int, int]  # the input's topic, partition, offset


@dataclass(slots=True)
class Tally:
    """Inputs and outputs, matched by the input's coordinates."""

    inputs: set[Coordinates] = field(default_factory=set)
    fates: dict[Coordinates, list[str]] = field(default_factory=lambda: defaultdict(list))
    latencies_s: list[float] = field(default_factory=list)

    def went_in(self, source: Coordinates) -> None:
        self.inputs.add(source)

    def came_out(self, source: Coordinates, fate: str, latency_s: float | None = None) -> None:
        """`latency_s` is from production to classification; dead letters have none."""
        self.fates[source].append(fate)
        if latency_s is not None:
            self.latencies_s.append(latency_s)

    @property
    def counts(self) -> Counter[str]:
        return Counter(fate for fates in self.fates.values() for fate in fates)

    @property
    def out(self) -> int:
        return sum(map(len, self.fates.values()))

    @property
    def lost(self) -> int:
        return len(self.inputs - self.fates.keys())

    @property
    def twice(self) -> int:
        return sum(len(fates) > 1 for fates in self.fates.values())

    @property
    def from_nowhere(self) -> int:
        """Outputs of inputs that nobody wrote."""
        return len(self.fates.keys() - self.inputs)

    def latency_ms(self, percentile: float) -> float:
        """NaN before the first."""
        return float(np.percentile(self.latencies_s, percentile)) * 1000 if self.latencies_s else float("nan")

    def line(self) -> str:
        """The demo's last line."""
        fates = ", ".join(f"{self.counts[fate]} {fate}" for fate in FATES)
        return (
            f"demo: {len(self.inputs)} in, {fates}, {self.lost} lost, {self.twice} twice, "
            f"p50 {self.latency_ms(50):.0f} ms, p99 {self.latency_ms(99):.0f} ms"
        )

    def faults(self, produced: int) -> list[str]:
        """What is wrong, in words; empty when every record that was produced came out exactly once."""
        found = {
            f"{produced} were produced but {len(self.inputs)} stand in the input topic": produced != len(self.inputs),
            f"{self.lost} lost": self.lost > 0,
            f"{self.twice} twice": self.twice > 0,
            f"{self.from_nowhere} outputs name an input that does not exist": self.from_nowhere > 0,
        }
        return [words for words, is_so in found.items() if is_so]
