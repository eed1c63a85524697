"""
What one would write without shikyu: a poll loop round transformers' pipeline, each poll in one transaction.

    python benchmarks/poll_loop.py BOOTSTRAP_SERVERS REGISTRY_URL INPUT OUTPUT GROUP CHECKPOINT

Avro in and out by Confluent's serializers, exactly once as confluent-kafka's documentation shows it.
"""

import sys
from pathlib import Path

from confluent_kafka import Consumer, Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from transformers import pipeline

RECORDS, WAIT_S = 32, 0.5
ANSWER = Path(__file__).with_name("answer.avsc").read_text(encoding="utf-8")


def main(
    bootstrap_servers: str,
    registry_url: str,
    source: str,
    output: str,
    group: str,
    checkpoint: str,
) -> None:
    classify = pipeline("text-classification", checkpoint, device="cpu")
    registry = SchemaRegistryClient({"url": registry_url, "timeout": 30})  # by itself it would wait for ever
    deserialize, serialize = AvroDeserializer(registry), AvroSerializer(registry, ANSWER)
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            # It knows nothing of rebalances: a machine that stands still for a while shall not end it.
            "session.timeout.ms": 180_000,
            "max.poll.interval.ms": 300_000,
        }
    )
    producer = Producer(
        {"bootstrap.servers": bootstrap_servers, "transactional.id": group, "transaction.timeout.ms": 180_000}
    )
    producer.init_transactions()
    consumer.subscribe([source])
    came, leaves = SerializationContext(source, MessageField.VALUE), SerializationContext(output, MessageField.VALUE)
    while True:
        first = consumer.poll(WAIT_S)
        if first is None:
            continue
        waiting = [first, *consumer.consume(RECORDS - 1, 0)]  # with a timeout it would wait for as many
        messages = [each for each in waiting if each.error() is None]
        if not messages:
            continue
        events = [deserialize(message.value(), came) for message in messages]
        texts = [event["text"] for event in events]
        answers = classify(texts, batch_size=RECORDS, truncation=True, max_length=128)
        producer.begin_transaction()
        for message, event, told in zip(messages, events, answers, strict=True):
            answer = {"id": event["id"], "label": told["label"], "score": told["score"]}
            producer.produce(output, key=message.key(), value=serialize(answer, leaves))
        offsets = consumer.position(consumer.assignment())
        producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata())
        producer.commit_transaction()


if __name__ == "__main__":
    main(*sys.argv[1:])
