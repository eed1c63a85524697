"""What goes wrong, in which order: drawn from a seed, so that a failure can be run again."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["kill", "zombie", "broker", "scale", "registry", "delay", "reset", "leaders"]

# Where a consumer is killed; in a commit is a moment after its offsets were sent.
KILLED_AT = ("received", "model", "begun", "produced", "flushed", "offsets-sent", "committing", "assigned", "revoked")
STOPPED_AT = ("model", "produced", "flushed")
Times = Mapping[Kind, int]
TIMES: Times = {"kill": 12, "broker": 2, "zombie": 3, "scale": 3, "registry": 1, "delay": 2, "reset": 2}
# With three brokers: each is killed twice.
TRIO: Times = {"kill": 3, "broker": 6, "zombie": 1, "leaders": 3}
# An hour of it.
LONG: Times = {"kill": 200, "broker": 30, "zombie": 20, "scale": 20, "registry": 5, "delay": 10, "reset": 10}
LONG_RECORDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Fault:
    kind: Kind
    place: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.place}".strip()


def schedule(seed: int, share: float = 1.0, of: Times = TIMES) -> list[Fault]:
    """Each kind a `share` of its times, at least once; kills go through their places before one comes again."""
    drawn = random.Random(seed)
    found = []
    for kind, times in of.items():
        places = {"kill": KILLED_AT, "zombie": STOPPED_AT}.get(kind, ("",))
        found += [Fault(kind, place) for place in _drawn(drawn, places, max(1, round(times * share)))]
    drawn.shuffle(found)
    return found


def _drawn(drawn: random.Random, places: Sequence[str], count: int) -> list[str]:
    found: list[str] = []
    while len(found) < count:
        found += drawn.sample(places, min(len(places), count - len(found)))
    return found
