"""
Which record kills the process: told to whoever comes next by the metadata of its partition's committed offset.

While a window is answered, a mark says what is in hand, and whose attempt at it this is: so whoever finds one knows how
many died of it in a row. Then windows halve, after a second death they hold one record, and what was alone in hand at
the third is a dead letter. Nothing here talks to Kafka (marks.py does; docs/delivery.md).
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from consumer.records import Record

Place = tuple[str, int]  # topic, partition
Watermark = Callable[[str, int], int | None]

CRASHES = 3
_WRITTEN = re.compile(r"shikyu: attempt ([1-9][0-9]{0,8}) at what stands before ([0-9]{1,19})")


@dataclass(frozen=True, slots=True)
class Mark:
    """The `attempt`-th process in a row had records up to offset `before` in hand."""

    attempt: int
    before: int

    def __str__(self) -> str:
        return f"shikyu: attempt {self.attempt} at what stands before {self.before}"

    @staticmethod
    def read(metadata: str | None) -> "Mark | None":
        """None for what is not ours to read."""
        found = _WRITTEN.fullmatch(metadata or "")
        return Mark(int(found[1]), int(found[2])) if found else None


@dataclass(slots=True)
class _Known:
    """Of a partition of ours: `committed` is what Kafka said or acknowledged last, None while there is nothing."""

    committed: int | None
    found: Mark | None
    careful_until: int | None = None  # known when its first record comes

    def suspicion(self, offset: int) -> Mark | None:
        """What was found, unless this offset is past it."""
        return self.found if self.found is not None and offset < self.found.before else None


class Quarantine:
    """What is known of the marks on the partitions that are assigned to this process."""

    def __init__(self, horizon: int) -> None:
        """
        `horizon`: how many of a partition's next records a crashed predecessor may have had in hand, at most.

        Marks are written within it alone, and none in what follows.
        """
        self._horizon = horizon
        self._known: dict[Place, _Known] = {}
        self._standing: dict[Place, int] = {}

    def is_new(self, place: Place) -> bool:
        """Whether the partition's mark was not looked at yet."""
        return place not in self._known

    def learn(self, place: Place, committed: int | None, metadata: str | None) -> None:
        """What stands at a partition that was assigned to us, or was rewound."""
        before = self._known.get(place)
        # Of one that was ours before, the mark is our own, and no sign of a death.
        found = before.found if before else Mark.read(metadata)
        self._known[place] = _Known(committed, found, before.careful_until if before else None)

    def found(self, place: Place) -> Mark | None:
        return self._known[place].found if place in self._known else None

    def forget(self, places: Iterable[Place]) -> None:
        """They are not ours any more."""
        for place in places:
            self._known.pop(place, None)
            self._standing.pop(place, None)

    def most(self, records: int, start: Watermark) -> int:
        """
        How many of so many records the next window may have: half of what was in hand at a death, or one.

        `start` is a partition's low watermark: what is deleted can't be had in hand again.
        """
        suspicions = []
        for place, known in self._known.items():
            if known.found is not None and known.committed is not None:
                first = max(known.committed, start(*place) or 0)
                if mark := known.suspicion(first):
                    suspicions.append((mark.attempt, mark.before - first))
        if not suspicions:
            return records
        if max(attempt for attempt, _ in suspicions) > 1:
            return 1
        return max(1, min(records, sum(in_hand for _, in_hand in suspicions)) // 2)

    def marks(
        self, window: Sequence[Record], end: Watermark, *, everywhere: bool = False
    ) -> dict[Place, tuple[int, Mark]]:
        """
        By partition the committed offset, and the mark to write there while the window is answered; mostly nothing.

        `end` is a partition's high watermark: what was in hand at a death is older than what was written since.
        `everywhere` it is written where nobody may have died, too.
        """
        marks = {}
        for place, (first, last) in _spans(window).items():
            known = self._known.get(place)
            if known is None:
                continue  # Kafka could not be asked: the next window tries again
            if known.committed is None:
                known.committed = first
            if known.careful_until is None:
                # From its first record on, for there may be none up to far behind the committed offset.
                known.careful_until = min(first + self._horizon, end(*place) or first + self._horizon)
            if suspicion := known.suspicion(first):
                marks[place] = (known.committed, Mark(suspicion.attempt + 1, min(last + 1, suspicion.before)))
            elif everywhere or first < known.careful_until:
                marks[place] = (known.committed, Mark(1, last + 1))
        return marks

    def metadata(self, place: Place, offset: int) -> str:
        """What goes with an offset that is committed: what was found, until past it, for the next to find it too."""
        suspicion = self._known[place].suspicion(offset) if place in self._known else None
        return str(suspicion or "")

    def written(self, marks: Mapping[Place, tuple[int, Mark]]) -> None:
        """They stand until they are taken away, or a window is committed."""
        self._standing.update({place: offset for place, (offset, _) in marks.items()})

    @property
    def standing(self) -> Mapping[Place, int]:
        """Where our marks stand, by partition with the offset that they were written at."""
        return dict(self._standing)

    def committed(self, offsets: Mapping[Place, int]) -> None:
        """A window's offsets were: what stood there is overwritten."""
        for place, offset in offsets.items():
            if place in self._known:
                self._known[place].committed = offset
        self.taken_away(offsets)

    def taken_away(self, places: Iterable[Place]) -> None:
        for place in places:
            self._standing.pop(place, None)

    def condemns(self, record: Record) -> bool:
        """Whether the record stood alone in hand when the last of CRASHES processes died of it."""
        found = self.found((record.topic, record.partition))
        return found is not None and found.attempt >= CRASHES and record.offset == found.before - 1


def _spans(window: Iterable[Record]) -> dict[Place, tuple[int, int]]:
    """First and last offset by partition."""
    spans: dict[Place, tuple[int, int]] = {}
    for record in window:
        place = (record.topic, record.partition)
        first, _ = spans.get(place, (record.offset, 0))
        spans[place] = (first, record.offset)
    return spans
