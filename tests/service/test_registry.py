"""Avro through the real registry, also while it is away."""

import io
import json
import time
from collections.abc import Callable

import fastavro
import pytest
from confluent_kafka import Producer
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

from tests.delivery.checker import committed, read
from tests.service.process import shikyu

pytestmark = pytest.mark.kafka

OLD = {"type": "record", "name": "Ticket", "fields": [{"name": "text", "type": "string"}]}
NEW = {**OLD, "fields": [*OLD["fields"], {"name": "channel", "type": "string", "default": "e-mail"}]}


def until(condition: Callable[[], bool], within_s: float = 40) -> None:
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.1)


def framed(schema_id: int, schema: dict, event: dict) -> bytes:
    body = io.BytesIO()
    fastavro.schemaless_writer(body, schema, event)
    return b"\0" + schema_id.to_bytes(4, "big") + body.getvalue()


def produce(bootstrap: str, topic: str, *values: bytes) -> None:
    producer = Producer({"bootstrap.servers": bootstrap})
    for value in values:
        producer.produce(topic, key="k", value=value)
    assert producer.flush(30) == 0


@pytest.fixture
def avro(cluster, start) -> list[str]:
    """Flags for Avro in and out, with the outputs' schemas registered."""
    where = ["--registry-url", cluster.registry_url]
    outputs = ["--output-urgent", start.topics["urgent"], "--output-routine", start.topics["routine"]]
    done = shikyu("schemas", "register", "--only", "classified-message", *where, *outputs)
    assert done.returncode == 0, done.stderr
    return [*where, "--input-format", "avro", "--output-format", "avro"]


def test_events_of_two_schema_versions_become_avro_decisions(cluster, start, avro):
    """Old events and new ones are read side by side, and any Avro reader of the registry reads the answers."""
    with SchemaRegistryClient({"url": cluster.registry_url, "timeout": 5}) as registry:
        ids = [
            registry.register_schema(f"{start.group}-value", Schema(json.dumps(each), "AVRO")) for each in (OLD, NEW)
        ]
        start(*avro).ready()
        old = framed(ids[0], OLD, {"text": "hello"})
        new = framed(ids[1], NEW, {"text": "hello again", "channel": "chat"})
        produce(start.bootstrap, start.topics["input"], old, new)
        until(lambda: sum(committed(start.bootstrap, start.group, start.topics["input"]).values()) == 2)

        deserialize = AvroDeserializer(registry)
        out = [
            deserialize(m.value(), SerializationContext(m.topic(), MessageField.VALUE))
            for m in read(start.bootstrap, start.topics["urgent"], start.topics["routine"])
        ]

    assert sorted((event["text"], event["channel"]) for event in out) == [("hello", None), ("hello again", "chat")]
    assert sum(out[0]["probabilities"].values()) == pytest.approx(1)


def test_registry_that_dies_and_returns_costs_time_and_no_record(cluster, start, avro):
    """A schema that was not seen before waits until the registry is back; nothing is dead-lettered for it."""
    with SchemaRegistryClient({"url": cluster.registry_url, "timeout": 5}) as registry:
        new = registry.register_schema(f"{start.group}-value", Schema(json.dumps(NEW), "AVRO"))
    service = start(*avro).ready()
    cluster.kill_registry()
    try:
        produce(start.bootstrap, start.topics["input"], framed(new, NEW, {"text": "hello", "channel": "chat"}))
        until(lambda: '"waiting"' in service.log)
        assert service.get("/livez")[0] == 200
        assert sum(committed(start.bootstrap, start.group, start.topics["input"]).values()) == 0
    finally:
        cluster.start_registry()

    until(lambda: sum(committed(start.bootstrap, start.group, start.topics["input"]).values()) == 1)
    assert read(start.bootstrap, start.topics["dead"]) == []


def test_outputs_that_are_not_registered_are_named(cluster, start):
    """With the command that registers them; the group is not joined."""
    service = start("--registry-url", cluster.registry_url, "--output-format", "avro")

    assert service.ended() == 3
    assert "shikyu schemas register" in service.log
    assert "partitions-assigned" not in service.log
