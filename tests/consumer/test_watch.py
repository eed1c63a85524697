"""Lag tells how long the oldest message waits, not how long the topic was quiet."""

import json
import time

import pytest
from structlog.testing import capture_logs

from consumer.answer import Answered
from consumer.health import Health
from consumer.metrics import Metrics
from consumer.records import Record, Skipped, SkipReason
from consumer.statistics import Statistics
from consumer.watch import Watch
from consumer.window import Fence, Window

PLACE = ("in", 0)


class Clock:
    def __init__(self) -> None:
        self.now = 10_000.0

    def __call__(self) -> float:
        return self.now


class Source:
    """A partition with an end, and the records that were received from it."""

    rebalances = 1

    def __init__(self) -> None:
        self.end, self.in_hand = 0, ()
        self.statistics = Statistics()

    def assignment(self):
        return [PLACE]

    def high_watermark(self, topic, partition):
        return self.end


def record(offset: int, at_s: float) -> Record:
    return Record(*PLACE, offset, round(at_s * 1000), b"k", b"v")


@pytest.fixture
def watching():
    clock, source = Clock(), Source()
    metrics = Metrics()
    watch = Watch(metrics, Health(60), clock)

    def lag() -> tuple[float, float]:
        clock.now += 1.5
        watch.polled(source)
        labels = {"topic": "in", "partition": "0"}
        names = ("shikyu_lag_records", "shikyu_lag_seconds")
        return tuple(metrics.registry.get_sample_value(name, labels) for name in names)

    def commit(*records: Record) -> None:
        window = Window(records, Fence(b"", 0), time.monotonic())
        watch.committed(window, Answered((Skipped(SkipReason.WHERE),) * len(records), (), (), 0))
        source.in_hand = ()

    commit.watch, commit.metrics = watch, metrics
    return clock, source, lag, commit


def test_last_records_of_a_run_are_told(watching):
    """One line a second at most, and one more when the loop has ended, so that the lines add up."""
    clock, _, _, commit = watching
    with capture_logs() as told:
        for offset in range(5):
            commit(record(offset, clock.now))
        commit.watch.tell()
        commit.watch.tell()

    assert [line["records"] for line in told if line["event"] == "committed"] == [1, 4]


def test_the_last_records_before_a_quiet_time_are_told(watching):
    """A second later, whether another comes or not; and a first one at once."""
    clock, _, lag, commit = watching
    with capture_logs() as told:
        lag()
        commit(record(0, clock.now))
        commit(record(1, clock.now))
        lag()
        lag()

    assert [line["records"] for line in told if line["event"] == "committed"] == [1, 1]


def test_nothing_waits_after_the_last_record(watching):
    """However long ago it was written."""
    clock, source, lag, commit = watching
    source.end = 1
    commit(record(0, clock.now - 3600))

    assert lag() == (0, 0)


def test_a_new_message_on_a_quiet_topic_has_not_waited_for_an_hour(watching):
    """Its age is its own, not that of the message before it."""
    clock, source, lag, commit = watching
    source.end = 1
    commit(record(0, clock.now))
    lag()
    clock.now += 3600
    lag()
    source.end = 2

    assert lag() == (1, pytest.approx(0, abs=2))


def test_a_backlog_is_as_old_as_what_is_read_of_it(watching):
    """The oldest record in hand waits since it was written."""
    clock, source, lag, _ = watching
    source.end, source.in_hand = 500, (record(0, clock.now - 600), record(1, clock.now - 500))

    assert lag() == (500, pytest.approx(601.5))


def test_a_consumer_that_never_commits_is_seen(watching):
    """Lag is told of partitions on which nothing was committed since the start, too."""
    clock, source, lag, _ = watching
    source.end, source.in_hand = 10, (record(3, clock.now),)
    lag()
    clock.now += 120

    assert lag() == (7, pytest.approx(123))


def read_to(source: Source, offset: int) -> None:
    """librdkafka told that nothing before it is left."""
    source.statistics._read_to[PLACE] = offset


def test_a_transactions_marker_is_no_message_that_waits(watching):
    """It stands at the end of a topic that is written in transactions, and would look like one for all the night."""
    clock, source, lag, commit = watching
    source.end = 2
    commit(record(0, clock.now))
    assert lag() == (1, pytest.approx(0, abs=2))
    read_to(source, 2)
    clock.now += 3600

    assert lag() == (0, 0)


def test_what_an_open_transaction_holds_back_waits(watching):
    """Its messages are there, and cannot be read: whoever looks shall see it, since when."""
    clock, source, lag, commit = watching
    source.end = 1
    commit(record(0, clock.now))
    read_to(source, 1)
    assert lag() == (0, 0)
    source.end = 6
    lag()
    clock.now += 600

    assert lag() == (5, pytest.approx(601.5))


def test_what_is_held_back_before_anything_was_committed_is_seen_too(watching):
    """Of a partition that was empty when this consumer began."""
    clock, source, lag, _ = watching
    source.end = 5
    read_to(source, 0)
    lag()
    clock.now += 60

    assert lag() == (5, pytest.approx(61.5))


def test_a_backlog_is_no_younger_for_having_been_told_of_before_it_was_read(watching):
    """What waits behind its first records is as old as they are, even while none is in hand."""
    clock, source, lag, commit = watching
    source.end = 500
    read_to(source, 0)
    lag()
    source.statistics.forget([PLACE])
    source.in_hand = (record(0, clock.now - 600),)
    lag()
    commit(*source.in_hand)

    assert lag() == (499, pytest.approx(604.5, abs=2))


def test_each_message_tells_how_long_its_answer_took(watching):
    """From its own timestamp to the commit."""
    clock, _, _, commit = watching
    commit(record(0, clock.now - 100), record(1, clock.now - 2))
    latency = commit.metrics.registry.get_sample_value

    assert latency("shikyu_latency_seconds_count") == 2
    assert latency("shikyu_latency_seconds_sum") == pytest.approx(102)


def test_connected_brokers_are_told(watching):
    """As librdkafka told them; before it did, nothing, for none would be an alarm. None is told in words, once."""
    client = {"client": "consumer"}
    _, source, lag, commit = watching
    lag()
    assert commit.metrics.registry.get_sample_value("shikyu_kafka_brokers_up", client) is None
    with capture_logs() as told:
        for brokers in (0, 0, 1, 1):
            up = {number: {"nodeid": number, "state": "UP"} for number in range(brokers)}
            source.statistics.told(json.dumps({"brokers": up, "topics": {}}))
            lag()

    assert commit.metrics.registry.get_sample_value("shikyu_kafka_brokers_up", client) == 1
    assert [each["event"] for each in told] == ["kafka-away", "kafka-back"]
