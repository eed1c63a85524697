"""What a record on one of the outputs says, for the tally and for the eye."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from confluent_kafka.schema_registry import SchemaRegistryClient, topic_subject_name_strategy
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

from consumer.records import Record
from local.tally import Coordinates
from local.topics import DEAD_LETTERS

CONNECT = "__connect.errors."


@dataclass(frozen=True, slots=True)
class Classified:
    source: Coordinates
    decision: str
    satisfaction: str
    urgency: float
    text: str
    latency_s: float


@dataclass(frozen=True, slots=True)
class DeadLetter:
    source: Coordinates
    stage: str
    reason: str


Arrival = Classified | DeadLetter


class Arrivals:
    """Reads outputs as any application would: Confluent's deserializer, and the headers of Kafka Connect."""

    def __init__(self, registry: SchemaRegistryClient) -> None:
        # By its default strategy it asks the registry for associations, which Apicurio now and then leaves unanswered.
        conf = {"subject.name.strategy": topic_subject_name_strategy}
        self._deserialize = AvroDeserializer(registry, conf=conf)

    def of(self, record: Record) -> Arrival:
        return dead_letter(record) if record.topic == DEAD_LETTERS else self._classified(record)

    def _classified(self, record: Record) -> Classified:
        assert record.value is not None
        event = self._deserialize(record.value, SerializationContext(record.topic, MessageField.VALUE))
        return classified(event)


def classified(event: Any) -> Classified:
    source = event["source"]
    produced_at: datetime = source["timestamp"]
    return Classified(
        source=(source["topic"], source["partition"], source["offset"]),
        decision=event["decision"],
        satisfaction=event["satisfaction"],
        urgency=event["urgency"],
        text=event["text"] or "",
        latency_s=(event["classified_at"] - produced_at).total_seconds(),
    )


def dead_letter(record: Record) -> DeadLetter:
    said = {name.removeprefix(CONNECT): (value or b"").decode() for name, value in record.headers}
    return DeadLetter(
        source=(said["topic"], int(said["partition"]), int(said["offset"])),
        stage=said["stage"],
        reason=said["exception.message"],
    )
