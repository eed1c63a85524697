"""Nothing is lost and nothing is twice, whatever dies: told by the database, on a real broker."""

import os
import signal
import time
from collections.abc import Callable

import psutil
import pytest
from confluent_kafka import Consumer, TopicPartition

from examples.ticketing.database import Database
from tests.examples.ticketing.events import offsets, outcomes, produce, sources, tickets, told

pytestmark = pytest.mark.kafka
ALL = 60


@pytest.fixture
def topic(cluster, name) -> str:
    cluster.create_topic(f"{name}.urgent", 2)
    return f"{name}.urgent"


def until(holds: Callable[[], bool], within_s: float = 30) -> None:
    end = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def ends(bootstrap: str, topic: str) -> dict[tuple[str, int], int]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "none"})
    try:
        return {(topic, each): consumer.get_watermark_offsets(TopicPartition(topic, each), 10)[1] for each in (0, 1)}
    finally:
        consumer.close()


def all_once(database: Database, count: int = ALL) -> None:
    """A ticket for each message, and for none a second one; each event was handled once."""
    until(lambda: sum(outcomes(database).values()) >= count)
    assert sources(database) == list(range(count))
    assert len(tickets(database)) == count
    assert outcomes(database) == {"opened": count}


@pytest.mark.parametrize("place", ["before-commit", "after-commit"])
def test_kill_9(cluster, topic, database, desk, url, place):
    """Before the commit all of the batch is undone, after it none; and an aborted transaction was never read."""
    produce(cluster.bootstrap_servers, topic, map(told, range(ALL // 2)))
    produce(cluster.bootstrap_servers, topic, map(told, range(900, 910)), aborted=True)
    produce(cluster.bootstrap_servers, topic, map(told, range(ALL // 2, ALL)))
    desk(url, at=[place, 3, signal.SIGKILL]).killed()
    before = outcomes(database)
    assert 0 < sum(before.values()) < ALL

    second = desk(url)
    all_once(database)

    assert second.stop() == 0, second.log
    # The database's offsets are just before the ends: a transaction's marker has an offset too.
    assert {place: end - 1 for place, end in ends(cluster.bootstrap_servers, topic).items()} == offsets(database)


def test_the_same_event_delivered_again_changes_nothing(cluster, topic, database, desk, url):
    """As shikyu's at-least-once writes it after a crash."""
    produce(cluster.bootstrap_servers, topic, [told(0), told(0), told(1)])
    desk(url)
    until(lambda: sources(database) == [0, 1])
    produce(cluster.bootstrap_servers, topic, [told(0), told(2)])

    all_once(database, 3)


def test_a_process_that_slept_past_its_session_writes_nothing_more(cluster, topic, database, desk, url):
    """Its partitions are another's by then, and the database's offsets say so."""
    produce(cluster.bootstrap_servers, topic, map(told, range(ALL)))
    first = desk(url, at=["read", 3, signal.SIGSTOP])
    until(lambda: psutil.Process(first.process.pid).status() == psutil.STATUS_STOPPED)
    second = desk(url)
    all_once(database)
    second.stop()
    os.kill(first.process.pid, signal.SIGCONT)

    first.says("another process has read on")
    produce(cluster.bootstrap_servers, topic, map(told, range(ALL, ALL + 20)))
    all_once(database, ALL + 20)


def test_a_database_that_goes_away_is_waited_for(cluster, topic, postgres, name, desk):
    """What came meanwhile has its tickets when it is back."""
    url = postgres.create(name)
    database = Database(url)
    database.migrate()
    produce(cluster.bootstrap_servers, topic, map(told, range(20)))
    running = desk(url)
    all_once(database, 20)
    postgres.stop()
    try:
        produce(cluster.bootstrap_servers, topic, map(told, range(20, ALL)))
        running.says("does not answer")
        assert "waiting, nothing is lost" in running.log
    finally:
        postgres.start()

    all_once(database)
    database.close()
    assert running.stop() == 0, running.log


def test_a_database_that_stays_away_stops_it_with_3_and_a_signal_does_not_wait(cluster, topic, postgres, name, desk):
    """It says which database, hides the password, and a supervisor may start it again."""
    gone = "postgresql://tickets:geheim@127.0.0.1:1/tickets"
    produce(cluster.bootstrap_servers, topic, [told(0)])
    waits = desk(gone, group=f"{name}-other")
    stops = desk(gone, patience_s=0.5)

    assert stops.ended() == 3
    assert "127.0.0.1:1/tickets does not answer" in stops.log
    assert "for 0 s; start again when it does" in stops.log
    waits.says("waiting, nothing is lost")
    began = time.monotonic()
    assert waits.stop() == 0
    assert time.monotonic() - began < 5
    assert "geheim" not in stops.log + waits.log
