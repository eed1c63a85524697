"""Customers' messages in Avro, and in between what nobody meant to send."""

import io
import json
import threading
import urllib.request

import fastavro
from confluent_kafka import Producer
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

import schemas
from tests.service import poisons

UNANSWERABLE = "the model fails on this"
PLANTED = "planted"  # a header that says what must become of a record: dead, or skipped
POISON_EVERY = 34
SKIPPED_EVERY = 500
KEYS = 60
MAGIC = b"\0"


def _event(schema: object, text: str, identifier: str) -> bytes:
    written = io.BytesIO()
    rest = {"customer_id": None, "channel": None, "language": "en", "sent_at": None, "attributes": {}}
    fastavro.schemaless_writer(written, schema, {**rest, "id": identifier, "text": text})
    return written.getvalue()


# What takes a topic of its own, or the registry's patience.
TOO_MUCH_FOR_CHAOS = {"an unknown id", "a record as large as the topic takes", "a compressed bomb"}


def poisons_of(registry_url: str) -> list[bytes]:
    """Values of every kind that can never be read, once their schemas are registered."""
    with SchemaRegistryClient({"url": registry_url, "timeout": 5}) as registry:
        given = {name: Schema(json.dumps(schema), "AVRO") for name, schema in poisons.AVRO_SCHEMAS.items()}
        given["json"] = Schema(json.dumps(poisons.JSON_SCHEMA), "JSON")
        ids = {name: registry.register_schema(f"chaos-{name}-value", schema) for name, schema in given.items()}
    return [
        each.value or b""
        for each in poisons.avro(ids)
        if each.fate not in {poisons.ANSWERED, poisons.SKIPPED, "output-too-large"}
        and each.name not in TOO_MUCH_FOR_CHAOS
    ]


class Feed:
    """Produces numbered records by an idempotent producer, so that a broker's death doubles none of the inputs."""

    def __init__(self, bootstrap: str, topic: str, registry_url: str) -> None:
        self.ends: dict[int, int] = {}
        self.sent = 0
        self._topic = topic
        self._schema = fastavro.parse_schema(json.loads(schemas.avro("customer-message")))
        with urllib.request.urlopen(f"{registry_url}/subjects/{topic}-value/versions/latest") as answer:
            self._prefix = MAGIC + int(json.load(answer)["id"]).to_bytes(4, "big")
        self._poisons = poisons_of(registry_url)
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "partitioner": "murmur2_random",
                "linger.ms": 2,
                "reconnect.backoff.ms": 50,
                "reconnect.backoff.max.ms": 500,
                "log_level": 0,
            }
        )
        self._thread = threading.Thread(target=lambda: None)
        self._thread.start()

    def more(self, count: int) -> None:
        """Begins to send so many; those from before come first."""
        self._thread.join()
        self._thread = threading.Thread(target=self._send, args=[range(self.sent, self.sent + count)], daemon=True)
        self.sent += count
        self._thread.start()

    def look(self) -> None:
        """Hears from Kafka what it has taken: then `ends` are the input's."""
        self._producer.poll(0)

    def finish(self) -> None:
        """Until Kafka has them all."""
        self._thread.join()
        assert self._producer.flush(60) == 0, "Kafka did not take every record"

    def _send(self, numbers: range) -> None:
        for number in numbers:
            key: str | None = f"customer {number % KEYS}"
            value: bytes | None = self._prefix + _event(self._schema, f"message {number}", str(number))
            headers: list[tuple[str, str | bytes | None]] = [("traceparent", f"00-{number}")]
            if number % SKIPPED_EVERY == SKIPPED_EVERY - 1:
                value = None
                headers.append((PLANTED, "skipped"))
            elif number % POISON_EVERY == POISON_EVERY - 1:
                turn = number // POISON_EVERY % (len(self._poisons) + 1)
                if turn < len(self._poisons):
                    value = self._poisons[turn]
                else:
                    value = self._prefix + _event(self._schema, UNANSWERABLE, str(number))
                headers.append((PLANTED, "dead"))
            elif number % 777 == 0:
                key = None
            self._produce(key, value, headers)

    def _produce(self, key: str | None, value: bytes | None, headers: list[tuple[str, str | bytes | None]]) -> None:
        while True:
            try:
                self._producer.produce(self._topic, key=key, value=value, headers=headers, on_delivery=self._delivered)
                self._producer.poll(0)
                return
            except BufferError:
                self._producer.poll(0.1)

    def _delivered(self, error: object, message: object) -> None:
        assert error is None, error
        self.ends[message.partition()] = message.offset() + 1  # type: ignore[attr-defined]
