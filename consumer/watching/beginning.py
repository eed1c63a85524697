"""What stood in the topics before somebody looked. It comes partition by partition, and is told by time."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

Place = tuple[str, int]
Item = TypeVar("Item")


class Beginning(Generic[Item]):
    """Holds the last `most` by `key`, and knows when every partition was read to where it ended at first."""

    def __init__(self, key: Callable[[Item], Any], most: int) -> None:
        self._key = key
        self._most = most
        self._held: list[Item] = []
        self._ends: dict[Place, int] = {}  # of partitions that are not read so far

    def expect(self, place: Place, start: int, end: int) -> None:
        if start < end:
            self._ends[place] = end

    def hold(self, item: Item) -> None:
        self._held.append(item)
        if len(self._held) > 2 * self._most:  # what comes meanwhile may be a flood
            self._held = self.in_order()

    def has_read(self, place: Place, offset: int | None) -> None:
        """The record at `offset`, or all there is."""
        if place in self._ends and (offset is None or offset + 1 >= self._ends[place]):
            del self._ends[place]

    @property
    def is_over(self) -> bool:
        return not self._ends

    def in_order(self) -> list[Item]:
        return sorted(self._held, key=self._key)[-self._most :]
