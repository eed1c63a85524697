"""Where an application of the benchmarks finds its work, and puts its answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Place:
    """Where an application finds its work: an artifact and its checkpoint, topics, and a group of its own."""

    artifact: Path
    checkpoint: Path
    source: str
    name: str
    options: Sequence[str] = ()  # of `shikyu run`, further ones
    port: int | None = None  # of its metrics
    precision: str = "int8"  # of shikyu's

    @property
    def outputs(self) -> list[str]:
        return [f"urgent.{self.name}", f"routine.{self.name}", f"dead.{self.name}"]
