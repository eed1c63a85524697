"""The project's sample messages on their way into Kafka, with two bad ones among them."""

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from confluent_kafka import Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

import schemas
from consumer.errors import SurroundingsError
from local.topics import INPUT

FILE = Path(__file__).parent.parent / "training" / "sample" / "test.jsonl"
CUSTOMERS = 60  # so that some write more than once, and order per customer means something


@dataclass(frozen=True, slots=True)
class Sample:
    id: str
    text: str
    channel: str
    trade: str


def load(path: Path = FILE) -> list[Sample]:
    """The sample messages; their stars stay behind, the model is not to see them."""
    rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return [Sample(row["id"], row["text"], row["channel"], row["trade"]) for row in rows]


class SampleProducer:
    """Writes samples as Avro in Confluent's wire format, keyed by customer."""

    def __init__(self, bootstrap_servers: str, registry: SchemaRegistryClient) -> None:
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap_servers,
                "partitioner": "murmur2_random",  # Java's, as every other producer of the topic would have it
                "enable.idempotence": True,
                "log_level": 0,
            }
        )
        options = {"auto.register.schemas": False, "use.latest.version": True}
        self._serialize = AvroSerializer(registry, schemas.avro("customer-message"), conf=options)
        self._customers = itertools.cycle(range(1, CUSTOMERS + 1))
        self._failures: list[str] = []

    def value(self, sample: Sample, customer_id: str) -> bytes:
        event = {
            "id": sample.id,
            "text": sample.text,
            "customer_id": customer_id,
            "channel": sample.channel,
            "language": "en",
            "sent_at": datetime.now(UTC),
            "attributes": {"trade": sample.trade},
        }
        written = self._serialize(event, SerializationContext(INPUT, MessageField.VALUE))
        assert isinstance(written, bytes)
        return written

    def send(self, sample: Sample) -> None:
        customer_id = f"customer-{next(self._customers):02d}"
        self._send(customer_id, self.value(sample, customer_id))

    def send_cut_short(self, sample: Sample) -> None:
        """A bad one: its second half is missing."""
        value = self.value(sample, "customer-bad")
        self._send("customer-bad", value[: len(value) // 2])

    def send_as_json(self, sample: Sample) -> None:
        """A bad one: someone writes JSON into a topic of Avro."""
        self._send("customer-bad", json.dumps({"id": sample.id, "text": sample.text}).encode())

    def finish(self) -> None:
        """Returns when Kafka has all of them. Raises SurroundingsError when it took one not."""
        if self._producer.flush(30) or self._failures:
            raise SurroundingsError(f"Kafka did not take every sample message: {self._failures or 'no answer in 30 s'}")

    def _send(self, key: str, value: bytes) -> None:
        self._producer.produce(INPUT, key=key, value=value, on_delivery=self._delivered)
        self._producer.poll(0)

    def _delivered(self, error: object, _message: object) -> None:
        if error:
            self._failures.append(str(error))


def sending(producer: SampleProducer, samples: list[Sample]) -> Iterator[None]:
    """One record a step: every sample once, and the two bad ones at a third and at two thirds of the way."""
    bad = {len(samples) // 3: producer.send_cut_short, len(samples) * 2 // 3: producer.send_as_json}
    for number, sample in enumerate(samples):
        if number in bad:
            bad[number](sample)
            yield
        producer.send(sample)
        yield


def write(bootstrap_servers: str, registry_url: str) -> int:
    """All of them at once; how many records. Raises SurroundingsError."""
    with SchemaRegistryClient({"url": registry_url, "timeout": 5}) as registry:
        producer = SampleProducer(bootstrap_servers, registry)
        written = sum(1 for _ in sending(producer, load()))
        producer.finish()
    return written
