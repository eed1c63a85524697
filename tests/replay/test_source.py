"""A bounded source's bookkeeping, without a broker: what is at its end, and what of it is to be committed."""

from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from consumer.errors import SurroundingsError
from consumer.quarantine import Quarantine
from consumer.records import Record
from consumer.replay.pace import Pace
from consumer.replay.source import BoundedSource
from consumer.window import Fence, Window

A, B, FOREIGN = ("in", 0), ("in", 1), ("in", 7)


class Member:
    """Of a group that has given it some partitions."""

    def __init__(self) -> None:
        self.assigned = [TopicPartition(*place) for place in (A, B)]
        self.paused: set = set()
        self.events: list = []
        self.failures: list = []

    def assignment(self):
        return self.assigned

    def pause(self, partitions):
        self.paused |= {(each.topic, each.partition) for each in partitions}

    def resume(self, partitions):
        self.paused -= {(each.topic, each.partition) for each in partitions}

    def seek(self, partition): ...

    def poll(self, timeout):
        return self.events.pop(0) if self.events else None

    def committed(self, partitions, timeout):
        if self.failures:
            raise KafkaException(self.failures.pop())
        return [TopicPartition(each.topic, each.partition, 0) for each in partitions]


@pytest.fixture
def source() -> BoundedSource:
    """Up to offset 10 of A, and 5 of B."""
    config = {"bootstrap.servers": "127.0.0.1:1", "group.id": "g", "log_level": 0}
    made = BoundedSource(
        config, Quarantine(100), ends={A: 10, B: 5}, pace=Pace(None), stopping=lambda: False
    )  # fmt: skip
    made._consumer = made._marks._consumer = Member()
    return made


def record(place: tuple[str, int], offset: int) -> Record:
    return Record(*place, offset, 0, None, b"v")


def event(place: tuple[str, int], code: int, offset: int = -1) -> SimpleNamespace:
    topic, partition = place
    error = KafkaError(code)
    return SimpleNamespace(
        error=lambda: error, topic=lambda: topic, partition=lambda: partition, offset=lambda: offset
    )  # fmt: skip


def window(source: BoundedSource, *records: Record) -> Window:
    return Window(records, Fence(b"", 0), 0.0, ends=source._ends())


def test_a_record_at_the_end_is_not_taken_and_ends_its_partition(source):
    assert source._takes(record(A, 9))
    assert not source._takes(record(A, 10))

    assert source._consumer.paused == {A}
    assert source._ends() == {A: 10}


def test_kafkas_word_that_nothing_more_comes_ends_it_too(source):
    """Of a partition whose last offsets hold no record; said before its end, it means nothing."""
    source._told(event(A, KafkaError._PARTITION_EOF, 9))
    assert source._ends() == {}

    source._told(event(A, KafkaError._PARTITION_EOF, 10))
    assert source._ends() == {A: 10}


def test_an_end_is_committed_once(source):
    source._takes(record(B, 5))
    last = window(source, record(B, 4))
    assert {(each.partition, each.offset) for each in last.next_offsets()} == {(1, 5)}

    source.committed(last)

    assert source._ends() == {}


def test_a_dropped_window_is_read_again_to_its_end(source):
    """Its partition is no longer at its end, nor paused; another's end stands."""
    source._takes(record(A, 10))
    source._takes(record(B, 5))

    source.rewind([record(A, 9)])

    assert source._consumer.paused == {B}
    assert source._ends() == {B: 5}


def test_an_end_that_was_told_while_a_rewind_waited_is_none(source):
    """What was dropped stands before it, and would never be read again."""
    source._consumer.failures = [KafkaError(KafkaError.NOT_COORDINATOR)]
    source._consumer.events = [event(A, KafkaError._PARTITION_EOF, 10)]

    source.rewind([record(A, 9)])

    assert source._consumer.events == []
    assert source._ends() == {}


def test_what_is_taken_away_is_another_s_to_end(source):
    source._takes(record(A, 10))
    source._on_revoke(source._consumer, [TopicPartition(*A)])
    assert source._ends() == {}

    source._takes(record(B, 5))
    source._consumer.assigned = []
    assert source._ends() == {}


def test_a_partition_outside_the_window_gives_nothing_and_stops_nobody(source):
    assert not source._takes(record(FOREIGN, 0))
    source._told(event(FOREIGN, KafkaError._AUTO_OFFSET_RESET))

    assert source._ends() == {}


def test_what_retention_took_behind_a_partition_that_is_answered_stops_nobody(source):
    source._told(event(A, KafkaError._AUTO_OFFSET_RESET, 10))

    assert source._ends() == {A: 10}
    with pytest.raises(SurroundingsError):
        source._told(event(B, KafkaError._AUTO_OFFSET_RESET, 4))


def test_what_retention_took_is_not_passed_over(source):
    with pytest.raises(SurroundingsError, match="Kafka no longer holds in/0 where this run has to go on"):
        source._told(event(A, KafkaError._AUTO_OFFSET_RESET))
