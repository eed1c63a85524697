"""
What one would write without shikyu: a poll loop round transformers' pipeline, each poll in one transaction.

    python benchmarks/poll_loop.py BOOTSTRAP_SERVERS REGISTRY_URL INPUT OUTPUT GROUP CHECKPOINT

Avro in and out by Confluent's serializers, exactly once as confluent-kafka's documentation shows it.
"""

import json
import sys

from confluent_kafka import Consumer, Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from transformers import pipeline

RECORDS, WAIT_S = 32, 0.5
ANSWER = json.dumps(
    {
        "type": "record",
        "name": "Answer",
        "fields": [
            {"name": "id", "type": "string"},
            {"name": "label", "type": "string"},
            {"name": "score", "type": "double"},
        ],
    }
)


def main(bootstrap_servers: str, registry_url: str, source: str, output: str, group: str, checkpoint: str) -> None:
    classify = pipeline("text-classification", checkpoint, device="cpu")
    registry = SchemaRegistryClient({"url": registry_url})
    deserialize, serialize = AvroDeserializer(registry), AvroSerializer(registry, ANSWER)
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
        }
    )
    producer = Producer({"bootstrap.servers": bootstrap_servers, "transactional.id": group})
    producer.init_transactions()
    consumer.subscribe([source])
    came, leaves = SerializationContext(source, MessageField.VALUE), SerializationContext(output, MessageField.VALUE)
    while True:
        messages = [each for each in consumer.consume(RECORDS, WAIT_S) if each.error() is None]
        if not messages:
            continue
        producer.begin_transaction()
        for message in messages:
            event = deserialize(message.value(), came)
            told = classify(event["text"], truncation=True, max_length=128)[0]
            answer = {"id": event["id"], "label": told["label"], "score": told["score"]}
            producer.produce(output, key=message.key(), value=serialize(answer, leaves))
        offsets = consumer.position(consumer.assignment())
        producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata())
        producer.commit_transaction()


if __name__ == "__main__":
    main(*sys.argv[1:])
