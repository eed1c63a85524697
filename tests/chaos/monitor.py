"""A client that watches while things break: what is visible is final, and what is committed never goes back."""

import threading
import time
from collections import Counter
from typing import Self

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

from tests.delivery.checker import partitions_of, source_of

LOOK_S = 0.1
QUICK = {"reconnect.backoff.ms": 50, "reconnect.backoff.max.ms": 500, "log_level": 0}


class Monitor:
    """Reads the outputs under read_committed and asks for the group's offsets, in a thread of its own."""

    def __init__(self, bootstrap: str, group: str, topics: dict[str, str]) -> None:
        self.violations: list[str] = []
        self.may_double = False  # at least once: a window that is answered again comes out again, in its order
        self.committed: dict[int, int] = {}
        self.seen: Counter = Counter()
        self._last: dict = {}
        outputs = partitions_of(bootstrap, *(topics[role] for role in ("urgent", "routine", "dead")))
        self._reader = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "monitor",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 50,
                **QUICK,
            }
        )
        self._reader.assign([TopicPartition(each.topic, each.partition, OFFSET_BEGINNING) for each in outputs])
        self._observer = Consumer({"bootstrap.servers": bootstrap, "group.id": group, **QUICK})
        self._inputs = partitions_of(bootstrap, topics["input"])
        self._leaving = threading.Event()
        self._threads = [threading.Thread(target=each, daemon=True) for each in (self._read, self._observe)]

    def __enter__(self) -> Self:
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leaving.set()
        for each in self._threads:
            each.join()
        self._reader.close()
        self._observer.close()

    def _read(self) -> None:
        while not self._leaving.is_set():
            for message in self._reader.consume(500, LOOK_S):
                if message.error() is None:
                    self._note(message)

    def _note(self, message) -> None:
        place = source_of(message)
        self.seen[place] += 1
        if self.may_double:
            return
        if self.seen[place] == 2:
            self.violations.append(f"{place} came out twice")
        line = (message.topic(), message.key(), place[1])
        if message.key() is not None and self._last.get(line, place) > place:
            self.violations.append(f"{place} came out behind {self._last[line]}")
        self._last[line] = place

    def _observe(self) -> None:
        while not self._leaving.wait(LOOK_S):
            try:
                known = self._observer.committed(self._inputs, timeout=1)
            except KafkaException:  # the broker is away, or the coordinator loads
                continue
            for each in known:
                if each.error is not None or each.offset < 0:
                    continue
                if each.offset < self.committed.get(each.partition, 0):
                    before = self.committed[each.partition]
                    self.violations.append(f"partition {each.partition} went back from {before} to {each.offset}")
                self.committed[each.partition] = each.offset

    def wait_for_all(self, count: int, within_s: float) -> None:
        """Until the reader has seen as many different records as the final one will."""
        until = time.monotonic() + within_s
        while len(self.seen) < count and time.monotonic() < until:
            time.sleep(LOOK_S)
