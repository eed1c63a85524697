"""What people say a decision should have been, told to shikyu: one record in the topic of corrections."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import Any, Literal, Protocol, get_args

import fastavro
from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.schema_registry import RegisteredSchema
from confluent_kafka.schema_registry.error import SchemaRegistryError

from examples.ticketing.errors import Away, WrongSettings, WrongSurroundings
from examples.ticketing.events import DECISIONS, FOLDER, Format, fingerprint

Role = Literal["quality", "supervisor", "agent", "customer", "other"]
ROLES: tuple[Role, ...] = get_args(Role)
SATISFACTIONS = ("very_unsatisfied", "unsatisfied", "neutral", "satisfied", "very_satisfied")
WRITER = "ticketing"  # as shikyu's corrections.writers knows us
ANSWER_S = 30.0
_CONTENT_TYPES = {"avro": b"application/avro", "avro-single-object": b"application/avro"}


@dataclass(frozen=True, slots=True)
class Correction:
    """Of the classified message `event_id`; `satisfaction` is None where it was not judged."""

    event_id: str
    decision: str
    role: Role
    satisfaction: str | None
    corrected_at: datetime

    def __post_init__(self) -> None:
        assert self.decision in DECISIONS
        assert self.satisfaction is None or self.satisfaction in SATISFACTIONS


class Registry(Protocol):
    """What is asked of confluent_kafka's SchemaRegistryClient."""

    def get_latest_version(self, subject_name: str) -> RegisteredSchema: ...


class Encoder:
    """Writes values of one format. `avro` and `json-schema` ask the registry for the newest schema of the topic."""

    def __init__(self, event_format: Format, topic: str, registry: Registry | None = None) -> None:
        """Raises WrongSettings, WrongSurroundings, Away."""
        self._format = event_format
        self._schema: Any = None
        self._prefix = b""
        if event_format in ("avro", "json-schema"):
            if registry is None:
                raise WrongSettings(f"--format {event_format} needs --registry-url to write corrections")
            found = _registered(registry, f"{topic}-value")
            self._prefix = b"\x00" + (found.schema_id or 0).to_bytes(4, "big")
            if event_format == "avro":
                self._schema = fastavro.parse_schema(json.loads(found.schema.schema_str or "null"))
        elif event_format == "avro-single-object":
            text = (FOLDER / "correction.avsc").read_text(encoding="utf-8")
            self._prefix = b"\xc3\x01" + fingerprint(text)
            self._schema = fastavro.parse_schema(json.loads(text))

    def value(self, correction: Correction) -> bytes:
        event = {
            "event_id": correction.event_id,
            "message_id": None,
            "decision": correction.decision,
            "satisfaction": correction.satisfaction,
            "role": correction.role,
        }
        if self._schema is None:
            return self._prefix + json.dumps({**event, "corrected_at": _iso(correction.corrected_at)}).encode()
        stream = BytesIO()
        stream.write(self._prefix)
        fastavro.schemaless_writer(stream, self._schema, {**event, "corrected_at": correction.corrected_at})
        return stream.getvalue()

    def headers(self, correction: Correction) -> list[tuple[str, bytes]]:
        """CloudEvents'; `ce_source` is by whom shikyu decides whether it hears us."""
        return [
            ("ce_specversion", b"1.0"),
            ("ce_id", str(uuid.uuid4()).encode()),
            ("ce_source", WRITER.encode()),
            ("ce_type", b"shikyu.correction"),
            ("ce_time", _iso(correction.corrected_at).encode()),
            ("content-type", _CONTENT_TYPES.get(self._format, b"application/json")),
        ]


def write(kafka: Mapping[str, str], topic: str, encoder: Encoder, correction: Correction) -> None:
    """
    Returns once every in-sync replica has it. Raises WrongSettings, WrongSurroundings.

    To write it again, after a kill, changes nothing that stands.
    """
    # Java's partitioner, and no topic that comes into being by a misspelt name.
    fixed = {"acks": "all", "enable.idempotence": True, "partitioner": "murmur2_random"}
    try:
        producer = Producer({"log_level": 0, **kafka, **fixed, "allow.auto.create.topics": False})
    except KafkaException as problem:
        raise WrongSettings(f"Kafka's options are refused: {problem.args[0].str()}") from problem
    answers: list[KafkaError | None] = []
    producer.produce(
        topic,
        encoder.value(correction),
        correction.event_id.encode(),
        headers=list(encoder.headers(correction)),
        on_delivery=lambda error, _: answers.append(error),
    )
    try:
        producer.flush(ANSWER_S)
    except SystemError:  # confluent-kafka 2.16 forgets a fatal error behind a delivery report
        answers.append(KafkaError(KafkaError._FATAL))
    error = answers[0] if answers else None
    if not answers or error is not None:
        why = f"no answer within {ANSWER_S:.0f} s" if error is None else error.name()
        raise WrongSurroundings(
            f"Kafka did not take the correction ({why}): look at the brokers, at topic {topic}, and at WRITE on it"
        )


def now() -> datetime:
    return datetime.now(UTC)


def _registered(registry: Registry, subject: str) -> RegisteredSchema:
    try:
        return registry.get_latest_version(subject)
    except SchemaRegistryError as problem:
        if problem.http_status_code == 404:
            raise WrongSurroundings(
                f"the Schema Registry has no schema under {subject}: `shikyu schemas register --only correction` "
                "puts it there"
            ) from problem
        raise WrongSurroundings(f"the Schema Registry refuses us (HTTP {problem.http_status_code})") from problem
    except Exception as problem:  # which HTTP library it is depends on confluent-kafka's version
        raise Away(f"the Schema Registry does not answer ({type(problem).__name__})") from problem


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
