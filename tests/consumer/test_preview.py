import json

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from consumer.cli import main
from consumer.errors import PassingFault, RecordError
from consumer.preview import told
from consumer.records import Dead, Decoded, Message, Record, Skipped, SkipReason


def record(offset: int) -> Record:
    return Record("in", 0, offset, None, None, b"")


def test_each_event_is_told_with_its_fate() -> None:
    """Coordinates, what was read, and why not; texts cannot move the cursor."""
    dead = RecordError("missing-text", "preprocess", "the expression found nothing")
    fates: list[Decoded] = [
        Message("Help\x1b[2J", id="m-1", attributes={"plan": "gold"}, urgent_rule="legal"),
        Skipped(SkipReason.WHERE),
        Dead(dead, ("body", "sub\x1bject")),
    ]

    page = "\n".join(told([record(n) for n in range(3)], lambda record: fates[record.offset]))

    assert "in/0 offset 0: a message" in page
    assert '"Help\\u{1b}[2J"' in page
    assert '"gold"' in page
    assert "in/0 offset 1: skipped (where)" in page
    assert "in/0 offset 2: dead (missing-text at preprocess): the expression found nothing" in page
    assert "body, sub\\u{1b}ject" in page
    assert page.endswith("3 events: 1 messages, 1 skipped, 1 dead")
    assert "\x1b" not in page


def test_a_registry_that_is_away_decides_nothing() -> None:
    """The event is told as undecided, not as dead."""

    def decode(_: Record) -> Decoded:
        raise PassingFault("the registry did not answer")

    assert "not decided" in next(told([record(0)], decode))


@pytest.mark.kafka
def test_real_events_are_shown_and_nothing_is_committed(cluster, topics, name, capsys) -> None:
    """The newest N over all partitions, or the oldest; the group does not come into being."""
    topic = topics(partitions=2)["input"]
    producer = Producer({"bootstrap.servers": cluster.bootstrap_servers})
    for n in range(10):
        producer.produce(topic, json.dumps({"body": f"event {n}"}), partition=n % 2, timestamp=1_700_000_000_000 + n)
    producer.flush(10)
    flags = ["--input-format", "json", "--input-text", "body", "--delivery-group-id", name]
    flags += ["--kafka", f"bootstrap.servers={cluster.bootstrap_servers}"]

    assert main(["config", "test", "--from-topic", "3", *flags, "--input-topics", topic]) == 0
    newest = capsys.readouterr().out
    assert main(["config", "test", "--from-topic", "3", "--first", *flags, "--input-topics", f"^{topic}$"]) == 0
    oldest = capsys.readouterr().out

    assert [f"event {n}" in newest for n in range(10)] == [False] * 7 + [True] * 3
    assert [f"event {n}" in oldest for n in range(10)] == [True] * 3 + [False] * 7
    asked = Consumer({"bootstrap.servers": cluster.bootstrap_servers, "group.id": name})
    committed = asked.committed([TopicPartition(topic, partition) for partition in (0, 1)], timeout=20)
    asked.close()
    assert [partition.offset for partition in committed] == [-1001, -1001]


def test_no_broker_is_told_with_what_to_check(monkeypatch, capsys) -> None:
    """Exit 3."""
    monkeypatch.setattr("consumer.preview.ANSWER_S", 0.5)
    flags = ["--input-format", "json", "--kafka", "bootstrap.servers=127.0.0.1:1"]

    assert main(["config", "test", "--from-topic", "1", *flags]) == 3
    assert "bootstrap.servers" in capsys.readouterr().err
