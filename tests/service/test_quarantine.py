"""A message that kills the process, in front of a real Kafka and an orchestrator that starts the process again."""

import json
import signal
import time
from contextlib import closing

import pytest
from confluent_kafka import Consumer, Producer

from consumer.quarantine import CRASHES, Quarantine
from consumer.receive import Source
from consumer.sizing import Limits, Sizer
from consumer.window import Window
from tests.chaos.conductor import Worker
from tests.chaos.feed import PLANTED
from tests.chaos.worker import KILLER
from tests.delivery.checker import check, committed, partitions_of, read

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]

RECORDS, AT = 60, 23


@pytest.fixture
def plan(cluster, name, topics):
    """Of a service that reads JSON; its topics have the roles' names."""
    roles = topics()
    return roles, {
        "slow_s": 0.0,
        "settings": {
            "input": {"topics": [roles["input"]], "format": "json"},
            "output": {"urgent": roles["urgent"], "routine": roles["routine"], "format": "json"},
            "dead_letters": {"topic": roles["dead"]},
            "delivery": {"group_id": name, "slot": "0", "transaction_timeout_s": 10},
            "log": {"format": "json"},
            "kafka": {
                "options": {"bootstrap.servers": cluster.bootstrap_servers},
                "consumer": {"session.timeout.ms": "1500", "heartbeat.interval.ms": "300"},
            },
        },
    }


def produce(bootstrap: str, topic: str, texts: list[str]) -> None:
    producer = Producer({"bootstrap.servers": bootstrap})
    for number, text in enumerate(texts):
        value = json.dumps({"id": str(number), "text": text})
        headers = [(PLANTED, b"dead")] if text == KILLER else []
        producer.produce(topic, key=str(number % 7), value=value, headers=headers)
    assert producer.flush(20) == 0


def metadata(bootstrap: str, group: str, topic: str) -> list[str | None]:
    observer = Consumer({"bootstrap.servers": bootstrap, "group.id": group})
    try:
        return [each.metadata for each in observer.committed(partitions_of(bootstrap, topic), timeout=20)]
    finally:
        observer.close()


def deaths(plan: dict, log, done) -> int:
    """Starts a consumer as often as it dies, until `done`."""
    died = 0
    while True:
        worker = Worker(plan, log)
        try:
            while worker.process.poll() is None:
                if done():
                    worker.send(signal.SIGTERM)
                    assert worker.process.wait(20) == 0
                    return died
                time.sleep(0.1)
            assert worker.process.returncode == -signal.SIGKILL, log.read_text()
            died += 1
            assert died < 3 * CRASHES, log.read_text()
        finally:
            worker.close()


@pytest.mark.parametrize("guarantee", ["exactly-once", "at-least-once"])
def test_a_message_that_kills_the_process_is_quarantined(plan, cluster, name, tmp_path, guarantee):
    """After three deaths, and none of the others is lost, or comes twice where that is promised."""
    roles, plan = plan
    plan["settings"]["delivery"]["guarantee"] = guarantee
    bootstrap, log = cluster.bootstrap_servers, tmp_path / "log"
    produce(bootstrap, roles["input"], [f"message {n}" for n in range(AT)] + [KILLER] + [f"m {n}" for n in range(36)])

    died = deaths(plan, log, lambda: sum(committed(bootstrap, name, roles["input"]).values()) == RECORDS)

    verdict = check(bootstrap, name, roles, planted=PLANTED)
    assert verdict.exactly_once() if guarantee == "exactly-once" else verdict.at_least_once(), verdict
    assert CRASHES <= died <= CRASHES + log.read_text().count("marks-not-read")
    assert verdict.dead == 1
    [dead] = read(bootstrap, roles["dead"])
    assert dict(dead.headers())["shikyu.error.code"] == b"crashed-the-process"
    assert not any(metadata(bootstrap, name, roles["input"]))
    assert "found-in-hand" in log.read_text()


def test_marks_stand_while_a_window_is_in_hand(cluster, name, topics):
    """And a consumer that leaves, or gives the window up, takes them away: a rollout is no crash."""
    roles, bootstrap = topics(), cluster.bootstrap_servers
    config = {"bootstrap.servers": bootstrap, "group.id": name, "enable.auto.commit": False}
    sizer = Sizer(Limits(50, 10**6, 10**6), latency_target_s=1, max_window_s=1, tokens_per_s=1e6, max_tokens=1)
    produce(bootstrap, roles["input"], ["message"] * 9)

    def marks() -> set[str]:
        return {each for each in metadata(bootstrap, name, roles["input"]) if each}

    source = Source({**config, "auto.offset.reset": "earliest"}, Quarantine(100))
    with closing(source):
        source.join([roles["input"]])
        window = received(source, sizer)
        assert marks() == set()
        source.mark(window)
        assert all(mark.startswith("shikyu: attempt 1 at what stands before ") for mark in marks())
        assert marks()
        source.unmark()
        assert marks() == set()
        source.mark(window)
        assert marks()
    assert marks() == set()
    assert sum(committed(bootstrap, name, roles["input"]).values()) == 0


def received(source: Source, sizer: Sizer) -> Window:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        window = source.receive(sizer)
        if window.records and source.owns(window):
            return window
        source.rewind(window.records)
    raise AssertionError("no window came")
