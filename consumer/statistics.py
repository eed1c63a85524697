"""What librdkafka's statistics tell of a consumer, and its own calls do not."""

import time
from collections.abc import Callable, Iterable
from math import nan

import orjson

Place = tuple[str, int]  # topic, partition

STALE_S = 60.0  # or three times as long as librdkafka takes between two, where that is longer


class Statistics:
    """
    What was told last. `brokers_up` counts the brokers that are connected; None before anything was told.

    STATISTICS.md of librdkafka says what its fields are. They are off with statistics.interval.ms = 0.
    """

    def __init__(self, every_s: float = 0.0, clock: Callable[[], float] = time.monotonic) -> None:
        self.brokers_up: int | None = None
        self._stale_s = max(STALE_S, 3 * every_s)
        self._clock = clock
        self._told_at = -self._stale_s
        self._read_to: dict[Place, int] = {}

    def told(self, words: str) -> None:
        """librdkafka's stats_cb."""
        statistics = orjson.loads(words)
        # Seeds and the coordinator's own connection have negative numbers, and lead to brokers that are there too.
        brokers = (broker for broker in statistics["brokers"].values() if broker["nodeid"] >= 0)
        self.brokers_up, self._told_at = sum(broker["state"] == "UP" for broker in brokers), self._clock()
        for topic in statistics["topics"].values():
            for partition in topic["partitions"].values():
                # What was fetched and still waits in the queue is not handed out.
                if partition["next_offset"] >= 0 and partition["fetchq_cnt"] == 0:
                    self._read_to[topic["topic"], partition["partition"]] = partition["next_offset"]

    def brokers_now(self) -> float:
        """
        `brokers_up`, from any thread; not a number where it is old, for it may be so no more.

        It is told by polling alone: a loop that hangs in its model, or is busy for long, hears of no change.
        """
        is_old = self.brokers_up is None or self._clock() - self._told_at > self._stale_s
        return nan if is_old or self.brokers_up is None else self.brokers_up

    def read_to(self, place: Place) -> int | None:
        """
        The offset before which nothing is left to be handed out; None where it is not known.

        It is past the transactions' markers behind the last record, which librdkafka gives to nobody (librdkafka#3171).
        """
        return self._read_to.get(place)

    def forget(self, places: Iterable[Place]) -> None:
        """They are another consumer's, or something of them is in hand, and may be read again."""
        for place in places:
            self._read_to.pop(place, None)
