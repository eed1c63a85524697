"""Topics that go away or take little, beside a real Kafka."""

import json
import time

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from tests.delivery.checker import check, committed

pytestmark = pytest.mark.kafka


def produce(start, numbers: range, padding: int = 0) -> None:
    """Every tenth can't be read."""
    producer = Producer({"bootstrap.servers": start.bootstrap, "partitioner": "murmur2_random"})
    for number in numbers:
        value = json.dumps({"id": f"m{number}", "text": f"hello {number}{'!' * padding}"}) if number % 10 else "{"
        producer.produce(start.topics["input"], key=f"k{number % 7}", value=value)
    assert producer.flush(30) == 0


def consumed(start, total: int, within_s: float = 100) -> None:
    until = time.monotonic() + within_s
    while sum(committed(start.bootstrap, start.group, start.topics["input"]).values()) < total:
        assert time.monotonic() < until, "the input is not consumed to its end"
        time.sleep(0.1)


@pytest.mark.parametrize("guarantee", ["exactly-once", "at-least-once"])
@pytest.mark.parametrize("role", ["urgent", "dead"])
def test_output_topic_that_is_deleted_is_named_soon(cluster, start, role, guarantee):
    """With what creates it, and exit code 3; created again, it gets everything that came after its end."""
    produce(start, range(100))
    service = start("--delivery-guarantee", guarantee).ready()
    consumed(start, 100)
    admin = AdminClient({"bootstrap.servers": start.bootstrap})
    admin.delete_topics([start.topics[role]])[start.topics[role]].result(20)
    before = committed(start.bootstrap, start.group, start.topics["input"])
    produce(start, range(100, 200))

    began = time.monotonic()
    assert service.ended() == 3
    assert time.monotonic() - began < 20
    assert f"topic {start.topics[role]} is missing" in service.log
    assert "`shikyu topics create`" in service.log
    assert sum(event.get("records", 0) for event in service.events() if event["event"] == "committed") == sum(
        committed(start.bootstrap, start.group, start.topics["input"]).values()
    )

    cluster.create_topic(start.topics[role], 3)
    start("--delivery-guarantee", guarantee).ready()
    consumed(start, 200)
    verdict = check(start.bootstrap, start.group, start.topics)
    assert [place for place in verdict.lost if place[2] >= before[place[1]]] == []
    assert guarantee == "at-least-once" or (verdict.twice, verdict.hanging) == ([], {})


def test_topics_that_take_little_refuse_no_batch(cluster, start):
    """Batches are made to fit; a topic that refuses them whole would have each halved many times."""
    admin = AdminClient({"bootstrap.servers": start.bootstrap})
    small = ConfigEntry("max.message.bytes", "2500", incremental_operation=AlterConfigOpType.SET)
    resources = [
        ConfigResource(ResourceType.TOPIC, start.topics[role], incremental_configs=[small])
        for role in ("urgent", "routine", "dead")
    ]
    for future in admin.incremental_alter_configs(resources).values():
        future.result(20)
    produce(start, range(1000), padding=300)

    service = start().ready()
    consumed(start, 1000)

    assert check(start.bootstrap, start.group, start.topics).exactly_once()
    events = {event["event"]: event for event in service.events()}
    assert events["batch-size-lowered"]["max_message_bytes"] == 2500
    assert "dead-letter-topic-too-small" in events
    assert "outputs-refused" not in events
