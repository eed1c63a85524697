"""How marks come into Kafka and out of it; the consumer is a fake's here, tests/service has a real one."""

import gc
import weakref
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition
from structlog.testing import capture_logs

from consumer.marks import Marks, commit
from consumer.quarantine import Mark, Quarantine
from consumer.receive import Source
from consumer.records import Record
from consumer.sizing import Limits, Sizer
from tests.mock_cluster import OFFSET_COMMIT, MockCluster

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


@pytest.fixture
def mock():
    """Kafka's first record, and a second, in librdkafka's mock of a broker."""
    cluster = MockCluster()
    producer = Producer({"bootstrap.servers": cluster.bootstrap_servers})
    for value in (b"first", b"second"):
        producer.produce("in", value, partition=0)
        assert producer.flush(10) == 0
    yield cluster
    cluster.close()


@pytest.fixture
def source(mock):
    """A member of the group, of whose windows the first alone is marked."""
    config = {"bootstrap.servers": mock.bootstrap_servers, "group.id": "g", "enable.auto.commit": False}
    errors = []
    started = Source({**config, "auto.offset.reset": "earliest"}, Quarantine(1), on_error=errors.append)
    started.errors = errors
    started.join(["in"])
    yield started
    started.close()


def received(source: Source):
    sizer = Sizer(Limits(1, 10**6, 10**6), latency_target_s=1, max_window_s=1, tokens_per_s=1e6, max_tokens=1)
    while not (window := source.receive(sizer)).records:
        pass
    return window


@pytest.mark.parametrize(
    ("error", "is_ours"),
    [
        (KafkaError.UNKNOWN_MEMBER_ID, False),
        (KafkaError.ILLEGAL_GENERATION, False),
        (KafkaError.GROUP_AUTHORIZATION_FAILED, True),
    ],
)
def test_a_group_that_refuses_the_mark_of_who_is_no_member_says_whose_the_window_is(mock, source, error, is_ours):
    """As after a broker's death, before a heartbeat has told it; that no mark may be written says nothing of it."""
    window = received(source)
    assert source.owns(window)

    mock.fail(OFFSET_COMMIT, error)
    source.mark(window)

    assert source.owns(window) is is_ours


def test_after_a_broker_was_away_the_group_is_asked_by_a_mark_where_there_would_be_none(mock, source):
    """It may have forgotten us, and a transaction whose offsets it refuses would be aborted."""
    source.mark(received(source))
    source.unmark()
    window = received(source)
    with mock.counted() as quiet:
        source.mark(window)
    mock.down()
    while not source.errors:
        source.wait(0.1, lambda: False)
    mock.up_in(0)
    with mock.counted() as asked:
        source.mark(window)
    with mock.counted() as again:
        source.mark(window)

    assert [OFFSET_COMMIT in kinds for kinds in (quiet, asked, again)] == [False, True, False]


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


class Window(list):
    """A list that can be seen to go."""


def test_a_commit_that_fails_keeps_nobody_s_window():
    """Its error goes through whoever has the window, may be survived, and the collector rarely runs."""
    consumer = FakeConsumer()
    consumer.commit = raises

    def mark(window: Window) -> None:
        with pytest.raises(KafkaException):
            commit(consumer, [TopicPartition("in", 0, len(window))])

    window = Window([1])
    seen = weakref.ref(window)
    gc.collect()
    gc.disable()
    try:
        mark(window)
        del window
        assert seen() is None
    finally:
        gc.enable()


def raises(**_: object) -> None:
    raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
