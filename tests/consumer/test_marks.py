"""How marks come into Kafka and out of it; the consumer is a fake's here, tests/service has a real one."""

from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from structlog.testing import capture_logs

from consumer.marks import Marks
from consumer.quarantine import Mark, Quarantine
from consumer.records import Record

A, B = ("in", 0), ("in", 1)
FAILED = KafkaException(KafkaError(KafkaError._TIMED_OUT))


class FakeConsumer:
    """A group's offsets; `fails` raises in place of an answer."""

    def __init__(self, **metadata):
        self.offsets = {A: (5, metadata.get("a", "")), B: (7, metadata.get("b", ""))}
        self.fails = False
        self.commits = 0

    def committed(self, partitions, timeout):
        if self.fails:
            raise FAILED
        return [TopicPartition(p.topic, p.partition, *self.offsets[p.topic, p.partition]) for p in partitions]

    def commit(self, offsets, asynchronous):
        assert not asynchronous
        self.commits += 1
        if self.fails:
            raise FAILED
        self.offsets |= {(each.topic, each.partition): (each.offset, each.metadata or "") for each in offsets}
        return offsets


def started(**metadata):
    """Marks that have looked at both partitions, with what they stand on."""
    consumer, quarantine = FakeConsumer(**metadata), Quarantine(100)
    state = SimpleNamespace(consumer=consumer, quarantine=quarantine, is_member=True)
    state.marks = Marks(consumer, quarantine, lambda: state.is_member)
    with capture_logs() as state.told:
        state.marks.look_at(A)
        state.marks.look_at(B)
    return state


def in_hand(*places):
    offsets = {A: 5, B: 7}
    return [Record(*place, offsets[place], 0, None, b"") for place in places]


def write(state, *places):
    state.marks.write(in_hand(*places), lambda *_: None)


def test_what_is_in_hand_is_written_and_taken_away():
    """At the offsets that are committed, which stay as they are."""
    state = started()

    write(state, A)
    assert state.consumer.offsets == {A: (5, str(Mark(1, 6))), B: (7, "")}
    state.marks.take_away()
    assert state.consumer.offsets == {A: (5, ""), B: (7, "")}
    assert not state.quarantine.standing


def test_what_others_died_of_stays_told():
    """It is found, logged once, and written back in place of our own mark."""
    state = started(b=str(Mark(2, 9)))
    assert [(line["event"], line["partition"], line["attempt"]) for line in state.told] == [("found-in-hand", 1, 2)]

    write(state, A, B)
    assert state.consumer.offsets[B] == (7, str(Mark(3, 8)))
    state.marks.take_away()
    assert state.consumer.offsets == {A: (5, ""), B: (7, str(Mark(2, 9)))}


def test_who_is_no_member_any_more_writes_nothing():
    """Others have gone on."""
    state = started()
    state.is_member = False
    write(state, A)
    assert state.consumer.commits == 0

    state.is_member = True
    write(state, A)
    state.is_member = False
    state.marks.take_away()
    assert state.consumer.commits == 1
    assert state.quarantine.standing == {A: 5}


def test_what_could_not_be_taken_away_is_asked_about_first():
    """A transaction whose end was in doubt may have committed more than we know."""
    state = started()
    write(state, A)
    state.consumer.fails = True
    with capture_logs() as told:
        state.marks.take_away()
        state.marks.take_away_late()
    assert [line["event"] for line in told] == ["mark-failed", "marks-not-read"]

    state.consumer.fails = False
    state.consumer.offsets[A] = (6, str(Mark(1, 6)))
    state.marks.take_away_late()
    assert state.consumer.offsets[A] == (6, "")


@pytest.mark.parametrize("fails", ["look", "write"])
def test_where_kafka_does_not_answer_the_stream_goes_on(fails):
    """Without marks; a partition that could not be asked about is asked about again."""
    consumer, quarantine = FakeConsumer(), Quarantine(100)
    marks = Marks(consumer, quarantine, lambda: True)
    consumer.fails = fails == "look"
    with capture_logs() as told:
        marks.look_at(A)
        consumer.fails = True
        marks.write(in_hand(A), lambda *_: None)

    assert [line["event"] for line in told] == ["marks-not-read" if fails == "look" else "mark-failed"]
    assert quarantine.is_new(A) is (fails == "look")


def test_a_group_s_first_mark_stands_at_its_first_record():
    """Nothing is committed yet."""
    state = started()
    state.consumer.offsets[A] = (-1001, "")
    state.quarantine.forget([A])
    state.marks.look_at(A)

    write(state, A)
    assert state.consumer.offsets[A] == (5, str(Mark(1, 6)))


def test_an_error_of_one_partition_is_an_error():
    """confluent-kafka raises for all, or tells it of one."""
    state = started()
    failed = TopicPartition("in", 0)
    state.consumer.committed = lambda partitions, timeout: [SimpleNamespace(error=KafkaError(3), **vars_of(failed))]

    with pytest.raises(KafkaException):
        state.marks.committed([failed], 1)


def vars_of(place):
    return {"topic": place.topic, "partition": place.partition, "offset": -1001, "metadata": None}
