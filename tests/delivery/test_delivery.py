"""Exactly once, on the real broker, through what goes wrong: told by a client that knows nothing of the consumer."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import closing

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from consumer.quarantine import Quarantine
from consumer.receive import Source
from consumer.sizing import Limits, Sizer
from tests.delivery.consumers import produce, settled

pytestmark = pytest.mark.kafka


def test_every_record_has_one_fate(start):
    """Without any fault each record is urgent, routine or dead, once, in its key's order; SIGTERM ends it cleanly."""
    produce(start.plan, range(1000))
    worker = start()

    verdict = settled(start.plan, 1000)
    began = time.monotonic()

    assert verdict.exactly_once(), verdict
    assert (verdict.inputs, verdict.dead) == (1000, 20)
    assert verdict.urgent > 100
    assert worker.stop() == 0
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("place", ["produced", "flushed", "offsets-sent"])
def test_kill_between_produce_and_commit(start, place):
    """A consumer that dies by kill -9 inside its transaction leaves nothing; its successor answers the window."""
    produce(start.plan, range(600))
    start(kill=[place, 4]).killed()

    start()
    produce(start.plan, range(600, 800))

    verdict = settled(start.plan, 800)
    assert verdict.exactly_once(), verdict


def test_broker_killed_and_restarted(cluster, start):
    """A broker that dies by kill -9 and returns costs time, and no record; a consumer that hung is started anew."""
    produce(start.plan, range(500))
    # Longer than the broker is away: one that expires while it starts is not ended by Kafka 4.4 (docs/delivery.md).
    plan = {"records": 5, "transaction_timeout_s": 60}
    running = [start(**plan)]
    running[0].been("committed", 10)

    def supervise() -> None:
        # librdkafka's send_offsets may hang when its coordinator dies; the watchdog then ends the process with 3.
        if (code := running[-1].process.poll()) is not None:
            assert code == 3
            running.append(start(**plan))

    cluster.kill_broker()
    time.sleep(1)
    cluster.start_broker()
    produce(start.plan, range(500, 900))

    verdict = settled(start.plan, 900, within_s=90, supervise=supervise)
    assert verdict.exactly_once(), verdict


def test_rebalance_in_the_middle_of_a_window(start):
    """A window whose partitions move while the model runs is dropped, and answered by their new owner."""
    produce(start.plan, range(600))
    first = start(slow=3, seconds=3.0)
    first.been("received", 3)
    second = start(slot=1)
    second.been("assigned")
    produce(start.plan, range(600, 900))

    verdict = settled(start.plan, 900)
    assert verdict.exactly_once(), verdict
    assert second.places.count("committed") > 0


def test_a_partition_that_was_taken_away_while_nobody_read_is_read_when_it_comes_back(start):
    """A registry that is away pauses all partitions; another consumer has one of them for a while."""
    plan = start.plan
    waits = Source(
        {
            "bootstrap.servers": plan["bootstrap"],
            "group.id": plan["group"],
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "partition.assignment.strategy": "cooperative-sticky",
        },
        Quarantine(2000),
    )
    sizer = Sizer(Limits(50, 10**6, 10**6), latency_target_s=1, max_window_s=1, tokens_per_s=1e6, max_tokens=1)
    partitions: set[int] = set()

    admin = AdminClient({"bootstrap.servers": plan["bootstrap"]})

    def read() -> None:
        partitions.update(each.partition for each in waits.receive(sizer).records)

    def both_have_some() -> bool:
        members = admin.describe_consumer_groups([plan["group"]])[plan["group"]].result().members
        return len(members) == 2 and all(each.assignment.topic_partitions for each in members)

    with closing(waits):
        waits.join([plan["topics"]["input"]])
        until(lambda: len(waits.assignment()) == 3, read)
        other = start(slot=1)
        waits.wait(30, both_have_some)
        assert both_have_some()
        other.stop()
        until(lambda: len(waits.assignment()) == 3, read)
        produce(plan, range(60))

        until(lambda: len(partitions) == 3, read)


@pytest.mark.parametrize("silent", [0, 2])
def test_a_partition_that_begins_behind_what_is_committed_goes_on_there(start, silent):
    """librdkafka began at auto.offset.reset after a broker's death, though Kafka knew the offset (seen in chaos)."""
    plan = start.plan
    produce(plan, range(60))
    config = {
        "bootstrap.servers": plan["bootstrap"],
        "group.id": plan["group"],
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "partition.assignment.strategy": "cooperative-sticky",
    }
    topic = plan["topics"]["input"]
    with closing(Consumer(config)) as before:
        before.commit(offsets=[TopicPartition(topic, each, 7) for each in range(3)], asynchronous=False)

    def begin_at_zero(what: str) -> None:
        if what == "assigned":
            source._consumer.incremental_assign([TopicPartition(topic, each, 0) for each in range(3)])

    source = Source(config, Quarantine(2000), visit=begin_at_zero)
    look, unanswered = source._marks.look_at, iter([None] * silent)  # Kafka does not say at first
    source._marks.look_at = lambda place: look(place) if next(unanswered, "says") else None
    sizer = Sizer(Limits(50, 10**6, 10**6), latency_target_s=1, max_window_s=1, tokens_per_s=1e6, max_tokens=1)
    read: dict[int, list[int]] = {0: [], 1: [], 2: []}

    def receive() -> None:
        for record in source.receive(sizer).records:
            read[record.partition].append(record.offset)

    with closing(source):
        source.join([topic])
        until(lambda: sum(len(offsets) for offsets in read.values()) == 60 - 3 * 7, receive)
    assert all(offsets == list(range(7, 7 + len(offsets))) for offsets in read.values()), read


def until(done: Callable[[], bool], go_on: Callable[[], object], within_s: float = 20) -> None:
    end = time.monotonic() + within_s
    while not done():
        assert time.monotonic() < end, "never came to that"
        go_on()


def test_zombie_is_fenced(start):
    """A consumer that slept past its session finds its window answered by another, and adds nothing to it."""
    produce(start.plan, range(600))
    zombie = start(stop=["flushed", 3], transaction_timeout_s=60)
    zombie.been("flushed", 3)
    produce(start.plan, range(600, 700))
    other = start(slot=1)
    other.been("committed", 1)
    os.kill(zombie.process.pid, signal.SIGCONT)

    verdict = settled(start.plan, 700)
    assert verdict.exactly_once(), verdict


def test_at_least_once_loses_nothing(start):
    """Killed between the outputs and the commit, it answers one window twice, and no more than that."""
    produce(start.plan, range(600))
    start(guarantee="at-least-once", kill=["flushed", 4], records=50).killed()

    start(guarantee="at-least-once")

    verdict = settled(start.plan, 600)
    assert verdict.at_least_once(), verdict
    assert 0 < len(verdict.twice) <= 50
