"""What is told of answers that were there before, on a real Kafka."""

import os
import time

import orjson
import pytest
from confluent_kafka import Producer

from consumer import offsets
from consumer.settings import DeadLetters, Kafka, Output, Settings
from consumer.watching import tail
from consumer.watching.tail import BEFORE, Tail

pytestmark = pytest.mark.kafka

PATIENCE_S = 60


def settings_of(cluster, urgent: str, routine: str, dead: str) -> Settings:
    return Settings(
        output=Output(urgent=urgent, routine=routine, format="json"),
        dead_letters=DeadLetters(topic=dead),
        kafka=Kafka(options={"bootstrap.servers": cluster.bootstrap_servers}),
    )


def test_an_empty_stream_of_many_partitions_is_asked_about_at_once(cluster, monkeypatch):
    """Where each begins and ends, in two questions: one by one they would take a way there and back each."""
    asked, ask = [], offsets._offsets
    monkeypatch.setattr(offsets, "_offsets", lambda *given: asked.append(len(given[1])) or ask(*given))
    monkeypatch.setattr(tail, "BEGINNING_S", float("inf"))
    topics = [f"empty-{os.getpid()}.{role}" for role in ("urgent", "routine", "dead")]
    for topic in topics:
        cluster.create_topic(topic, 30)

    with Tail(settings_of(cluster, *topics)) as watched:
        assert watched.ready.wait(PATIENCE_S), watched.problem
        assert (watched.problem, watched.since(0), set(asked)) == (None, [], {90})


def test_the_newest_of_all_partitions_are_told_by_time(cluster, monkeypatch):
    """Written in transactions, whose markers come last; and it waits no longer than until all is read."""
    monkeypatch.setattr(tail, "BEGINNING_S", float("inf"))
    urgent, routine, dead = (f"tail-{os.getpid()}.{role}" for role in ("urgent", "routine", "dead"))
    for topic, partitions in ((urgent, 3), (routine, 3), (dead, 1)):
        cluster.create_topic(topic, partitions)
    producer = Producer({"bootstrap.servers": cluster.bootstrap_servers, "transactional.id": urgent})
    producer.init_transactions(PATIENCE_S)
    producer.begin_transaction()
    at_ms = round(time.time() * 1000) - 1_000_000
    for number in range(6 * BEFORE):
        topic, decision = ((urgent, "urgent"), (routine, "routine"))[number % 2]
        source = {"topic": "in", "partition": 0, "offset": number}
        event = orjson.dumps({"decision": decision, "run": "live", "source": source})
        producer.produce(topic, event, partition=number // 2 % 3, timestamp=at_ms + number)
    producer.commit_transaction(PATIENCE_S)

    with Tail(settings_of(cluster, urgent, routine, dead)) as watched:
        assert watched.ready.wait(PATIENCE_S), watched.problem
        found = [each.answer.source[2] for each in watched.since(0, 50)]

    assert found == list(range(6 * BEFORE - 50, 6 * BEFORE))
