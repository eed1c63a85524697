"""Against the real Schema Registry, and Confluent's own serialisers on the other side."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

import schemas
from consumer.decode import Decoder
from consumer.encode import Encoder
from consumer.errors import PassingFault, SurroundingsError
from consumer.records import Decision, Message, ModelVersion, Record, Satisfaction
from consumer.registration import register, targets
from consumer.schema_registry import connect
from consumer.schema_store import SchemaStore, open_store
from consumer.settings import Corrections, Input, Output, Rules, Settings

pytestmark = pytest.mark.kafka

PATIENT = {"timeout": "30"}  # nothing asks again here, as the loop does after its 2 s
SENT = datetime(2026, 11, 23, 9, 0, 0, 5000, tzinfo=UTC)
EVENT = {"id": "m-1", "text": "Still cold 🥶", "customer_id": None, "channel": "email", "language": None,
         "sent_at": SENT, "attributes": {"plan": "gold"}}  # fmt: skip
DECISION = Decision(
    Satisfaction.UNSATISFIED, (0.3, 0.4, 0.1, 0.1, 0.1), 0.6, True, 0.5, "rule:gold", False,
    ModelVersion("demo", "1", "fp32"),
)  # fmt: skip


@pytest.fixture
def registry(cluster: Any) -> Iterator[SchemaRegistryClient]:
    with connect(cluster.registry_url, PATIENT) as client:
        yield client


@pytest.fixture
def store(cluster: Any) -> Iterator[SchemaStore]:
    with open_store(cluster.registry_url, PATIENT, ()) as opened:
        yield opened


@pytest.fixture
def settings(name: str) -> Settings:
    return Settings(
        input=Input(topics=(f"{name}.in",)),
        output=Output(urgent=f"{name}.urgent", routine=f"{name}.routine"),
        corrections=Corrections(topic=f"{name}.fix"),
    )


def registered(registry: SchemaRegistryClient, settings: Settings) -> list[str]:
    return [
        outcome.fate
        for outcome in register(
            registry,
            "http://registry",
            targets(settings),
        )
    ]


def test_registering_twice_changes_nothing(registry: SchemaRegistryClient, settings: Settings, name: str) -> None:
    """The second time every schema is found as it is, under the BACKWARD level of its subject."""
    assert registered(registry, settings) == ["registered"] * 4
    assert registered(registry, settings) == ["unchanged"] * 4
    for part in ("in", "urgent", "routine", "fix"):
        assert registry.get_versions(f"{name}.{part}-value") == [1]
        assert registry.get_compatibility(f"{name}.{part}-value") == "BACKWARD"


@pytest.mark.parametrize("kind", ["AVRO", "JSON"])
def test_an_optional_field_may_come_later_and_a_needed_one_may_not(
    registry: SchemaRegistryClient, settings: Settings, name: str, kind: str
) -> None:
    """BACKWARD, as it works out for our schemas."""
    format_ = "avro" if kind == "AVRO" else "json-schema"
    settings = settings.model_copy(update={"output": settings.output.model_copy(update={"format": format_})})
    registered(registry, settings)
    subject = f"{name}.urgent-value"

    optional, needed = grown(kind, optional=True), grown(kind, optional=False)

    assert registry.test_compatibility(subject, optional)
    assert not registry.test_compatibility(subject, needed)


def grown(kind: str, *, optional: bool) -> Schema:
    if kind == "AVRO":
        schema = json.loads(schemas.avro("classified-message"))
        default = {"default": None} if optional else {}
        schema["fields"].append({"name": "team", "type": ["null", "string"] if optional else "string", **default})
    else:
        schema = json.loads(schemas.json_schema("classified-message"))
        schema["properties"]["team"] = {"type": ["string", "null"]}
        schema["required"] += [] if optional else ["team"]
    return Schema(json.dumps(schema), kind)


def test_what_is_incompatible_is_told_in_the_registrys_words(
    registry: SchemaRegistryClient, settings: Settings, name: str
) -> None:
    """And none of the others is registered."""
    older = json.loads(schemas.avro("classified-message"))
    older["fields"] = [field for field in older["fields"] if field["name"] != "urgency"]
    registry.register_schema(f"{name}.routine-value", Schema(json.dumps(older), "AVRO"))

    (outcome,) = register(
        registry,
        "http://registry",
        targets(settings),
    )

    assert outcome.fate == "incompatible"
    assert "urgency" in outcome.detail
    assert f"{name}.urgent-value" not in registry.get_subjects()


def test_confluents_serialiser_is_read(
    registry: SchemaRegistryClient, settings: Settings, name: str, store: SchemaStore
) -> None:
    """What any producer with Confluent's Avro serialiser writes becomes a Message."""
    registered(registry, settings)
    topic = f"{name}.in"
    write = AvroSerializer(
        registry, schemas.avro("customer-message"), conf={"auto.register.schemas": False, "use.latest.version": True}
    )
    value = write(EVENT, SerializationContext(topic, MessageField.VALUE))
    assert isinstance(value, bytes)
    decoder = Decoder(settings.input, store, Rules())

    fate = decoder.decode(Record(topic, 0, 0, None, None, value))

    assert fate == Message("Still cold 🥶", "m-1", None, "email", None, SENT, {"plan": "gold"})


def test_confluents_deserialiser_reads_us(
    registry: SchemaRegistryClient, settings: Settings, name: str, store: SchemaStore
) -> None:
    """With nothing but the registry's address, also behind an input that named its schema in a header."""
    registered(registry, settings)
    encoder = Encoder(settings.output, store)
    source = Record(f"{name}.in", 1, 5, None, b"k", b"", (("__value_schema_id", b"\x00\x00\x00\x00\x01"),))
    message = Message("Still cold 🥶", "m-1", sent_at=SENT, attributes={"plan": "gold"})

    output = encoder.encode(source, message, DECISION, run="live", attempt=1, classified_at=SENT)
    context = SerializationContext(output.topic, MessageField.VALUE, list(output.headers))
    found = AvroDeserializer(registry)(output.value, context)

    assert isinstance(found, dict)
    assert found["event_id"] == f"{name}.in/1/5/live"
    assert (found["text"], found["decision"], found["reason"]) == ("Still cold 🥶", "urgent", "rule:gold")
    assert (found["sent_at"], found["classified_at"]) == (SENT, SENT)


def test_a_schema_that_is_missing_is_said(settings: Settings, store: SchemaStore) -> None:
    """At the start for what we write; as a passing fault, at first, for what others wrote."""
    with pytest.raises(SurroundingsError, match="shikyu schemas register"):
        Encoder(settings.output, store)
    with pytest.raises(PassingFault, match="does not know schema 2000000000"):
        store.writer_schema(2_000_000_000)
    with pytest.raises(PassingFault, match="does not know schema 0000"):
        store.writer_schema(UUID(int=1))  # Apicurio has no such question, and says so with a bare 404


def test_an_address_that_is_not_quite_the_registrys_is_said(cluster: Any) -> None:
    """Its 404 must not make dead letters of a whole topic."""
    wrong = cluster.registry_url.partition("/apis")[0]

    with open_store(wrong, {}, ()) as store, pytest.raises(SurroundingsError, match="lack a path"):
        store.writer_schema(1)
