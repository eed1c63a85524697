"""A group member that reads each partition of a window to its end, and no further."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaError, TopicPartition
from confluent_kafka import Message as KafkaMessage

from consumer.errors import SurroundingsError
from consumer.quarantine import Place, Quarantine
from consumer.receive import Sizing, Source
from consumer.records import Record
from consumer.replay.pace import Pace
from consumer.window import Window


def overtaken(place: Place, end: int) -> SurroundingsError:
    """What to say where retention has taken what is not answered yet."""
    return SurroundingsError(
        f"Kafka no longer holds {place[0]}/{place[1]} where this run has to go on, before offset {end}: "
        "retention was faster than the run. Nothing was passed over; cancel the run, and begin another "
        "with what is left"
    )


class BoundedSource(Source):
    """
    Each partition up to its end in `ends`, which is committed once it is reached.

    Offsets before an end may hold no record (aborted ones, transactions' markers): a partition is at its end with a
    record there or behind it, or when Kafka says that nothing more is to come. Where each begins is committed already.
    """

    def __init__(
        self,
        config: dict[str, Any],
        quarantine: Quarantine,
        *,
        ends: Mapping[Place, int],
        pace: Pace,
        stopping: Callable[[], bool],
        **told: Any,
    ) -> None:
        # No other place to begin at: what retention took away is said, and partitions of no window stay silent.
        super().__init__({**config, "enable.partition.eof": True, "auto.offset.reset": "error"}, quarantine, **told)
        self._bounds = ends
        self._pace = pace
        self._stopping = stopping
        self._at_end: set[Place] = set()
        self._committed_ends: set[Place] = set()
        self._came: set[Place] = set()  # assigned since the last window

    def receive(self, sizing: Sizing) -> Window:
        wait_s = self._pace.wait_s()
        if wait_s > 0:
            self.rewind(self.wait(wait_s, self._stopping), self._stopping)
            # Which has resumed those too, and would fetch for nothing what is written meanwhile.
            self._consumer.pause([TopicPartition(*place) for place in self._at_end & set(self.assignment())])
        if self._came:
            # librdkafka keeps a partition paused that is taken away and comes back.
            self._consumer.resume([TopicPartition(*place) for place in self._came & set(self.assignment())])
            self._came.clear()
        return super().receive(sizing)

    def _takes(self, record: Record) -> bool:
        place = (record.topic, record.partition)
        if record.offset < self._bounds.get(place, 0):
            return True
        self._at_end.add(place)
        self._consumer.pause([TopicPartition(*place)])
        return False

    def _ends(self) -> Mapping[Place, int]:
        reached = (self._at_end - self._committed_ends) & set(self.assignment())
        return {place: self._bounds[place] for place in reached if place in self._bounds}

    def _told(self, message: KafkaMessage) -> None:
        error = message.error()
        assert error is not None
        place = (message.topic() or "", message.partition() or 0)
        end = self._bounds.get(place)
        if error.code() == KafkaError._PARTITION_EOF:
            if end is not None and (message.offset() or 0) >= end:
                self._at_end.add(place)
        elif error.code() == KafkaError._AUTO_OFFSET_RESET:
            if end is not None and end <= (message.offset() or 0):
                self._at_end.add(place)  # it was answered, and what stands behind it is no business of ours
            elif end is not None:
                raise overtaken(place, end)
        else:
            super()._told(message)

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._came |= {(each.topic, each.partition) for each in partitions}
        super()._on_assign(consumer, partitions)

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._forget(partitions)
        super()._on_revoke(consumer, partitions)

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._forget(partitions)
        super()._on_lost(consumer, partitions)

    def _forget(self, partitions: Iterable[TopicPartition]) -> None:
        gone = {(each.topic, each.partition) for each in partitions}
        self._at_end -= gone
        self._committed_ends -= gone

    def _seek_committed(self, partitions: list[TopicPartition], first: Mapping[Place, int]) -> None:
        super()._seek_committed(partitions, first)
        # Only now: while the committed offsets were waited for, Kafka may have said that nothing more is to come.
        self._at_end -= {(each.topic, each.partition) for each in partitions}
        self._consumer.resume(partitions)

    def committed(self, window: Window) -> None:
        super().committed(window)
        self._committed_ends |= set(window.ends)
        self._pace.took(len(window.records))
