"""
Writes each argument as a customer's message, into the Kafka of docker-compose.yml.

`docker compose exec -T shikyu python - TEXT... < deploy/compose/write.py`: the service's variables say where Kafka
and the registry are.
"""

import os
import sys
import uuid
from datetime import UTC, datetime

from confluent_kafka import Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

import schemas

TOPIC = "customer-messages"


def main(texts: list[str]) -> int:
    """Returns how many Kafka did not take."""
    registry = SchemaRegistryClient({"url": os.environ["SHIKYU_REGISTRY_URL"], "timeout": 10})
    options = {"auto.register.schemas": False, "use.latest.version": True}
    serialize = AvroSerializer(registry, schemas.avro("customer-message"), conf=options)
    producer = Producer({"bootstrap.servers": os.environ["SHIKYU_KAFKA_BOOTSTRAP_SERVERS"]})
    for text in texts:
        event = {"id": str(uuid.uuid4()), "text": text, "customer_id": "me", "sent_at": datetime.now(UTC)}
        value = serialize(event, SerializationContext(TOPIC, MessageField.VALUE))
        producer.produce(TOPIC, key="me", value=value)
    left = producer.flush(30)
    print(f"{len(texts) - left} of {len(texts)} messages are in {TOPIC}")
    return left


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) and 3)
