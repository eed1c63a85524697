"""A decision to the record that tells it (docs/formats.md)."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson

import schemas
from consumer import avro
from consumer.records import Decision, Headers, Message, OutputRecord, Record, Satisfaction
from consumer.schema_store import SchemaStore, SchemaType
from consumer.settings import Format, Output
from consumer.timestamps import from_millis, iso_millis, millis_since_epoch
from consumer.wire import VALUE_SCHEMA_HEADER, confluent_prefix, single_object_prefix

CE_TYPE = "shikyu.classified-message"

# Names of the headers that tell one message from another, and of those that most of a window have in common.
_OF_A_MESSAGE = ("ce_id", "shikyu.urgency")
_SHARED = (
    "ce_specversion",
    "ce_source",
    "ce_type",
    "ce_time",
    "content-type",
    "shikyu.decision",
    "shikyu.reason",
    "shikyu.satisfaction",
    "shikyu.model.version",
    "shikyu.attempt",
    "shikyu.run",
)
# All that we set; ours replace an input's of the same name, in any case.
OURS = _OF_A_MESSAGE + _SHARED
# What an input says of its own value is not true of ours.
_OF_THE_INPUTS_VALUE = {VALUE_SCHEMA_HEADER, "ce_dataschema", "ce_datacontenttype"}
_NOT_PASSED_ON = frozenset(OURS) | _OF_THE_INPUTS_VALUE

CONTENT_TYPES: Mapping[Format, bytes] = {
    "avro": b"application/avro",
    "avro-single-object": b"application/avro",
    "json-schema": b"application/json",
    "json": b"application/json",
    "text": b"text/plain; charset=utf-8",
}

# The topic and the event to the value's bytes.
Serialize = Callable[[str, dict[str, Any]], bytes]


def event_id(record: Record, run: str) -> str:
    """The same for the same record in the same run, whenever and wherever it is classified; also `ce_id`."""
    return f"{record.topic}/{record.partition}/{record.offset}/{run}"


def require_registry(settings: Output, store: SchemaStore) -> None:
    """SettingsError when a registry is needed and not set; asks nobody."""
    if settings.format in ("avro", "json-schema"):
        store.require_registry(f"output.format = {settings.format}")


class Encoder:
    """Writes classified messages by the user's settings; schemas are looked up once, at the start."""

    def __init__(
        self,
        settings: Output,
        store: SchemaStore,
        *,
        application: str = "shikyu",
        registered_as: Mapping[str, str] | None = None,
    ) -> None:
        """
        `application` begins `ce_source`; `registered_as` names the topic by whose subject an output topic's schema is
        found, where that is not its own. Raises SettingsError when a registry is needed and not set, SurroundingsError
        when a schema is not registered, PassingFault when the registry is away.
        """
        require_registry(settings, store)
        self._topics = {True: settings.urgent, False: settings.routine}
        self._include_text = settings.include_text
        self._attributes = None if settings.attributes is None else frozenset(settings.attributes)
        self._is_text = settings.format == "text"
        self._time = time_of(settings.format)
        self._content_type = CONTENT_TYPES[settings.format]
        topics = (settings.urgent, settings.routine)
        self._serialize = serializer("classified-message", settings.format, topics, store, registered_as or {})
        self._source = f"/{application}/"

    def encode(
        self,
        record: Record,
        message: Message,
        decision: Decision,
        *,
        run: str,
        attempt: int,
        classified_at: datetime,
    ) -> OutputRecord:
        """The record to produce: the input's key and headers, ours added, to the topic of the decision."""
        topic, ce_id = self._topics[decision.urgent], event_id(record, run)
        if self._is_text:
            value = message.text.encode()
        else:
            event = self._event(ce_id, record, message, decision, run, attempt, classified_at)
            value = self._serialize(topic, event)
        headers = self._headers(ce_id, record, decision, run, attempt, classified_at)
        return OutputRecord(topic, record.key, value, headers)

    def _event(
        self,
        ce_id: str,
        record: Record,
        message: Message,
        decision: Decision,
        run: str,
        attempt: int,
        classified_at: datetime,
    ) -> dict[str, Any]:
        very_unsatisfied, unsatisfied, neutral, satisfied, very_satisfied = decision.probabilities
        received = None if record.timestamp_ms is None else from_millis(record.timestamp_ms)
        return {
            "event_id": ce_id,
            "id": message.id,
            "customer_id": message.customer_id,
            "channel": message.channel,
            "language": message.language,
            "sent_at": None if message.sent_at is None else self._time(message.sent_at),
            "attributes": self._chosen(message.attributes),
            "text": message.text if self._include_text else None,
            "satisfaction": decision.satisfaction.value,
            "probabilities": {
                "very_unsatisfied": very_unsatisfied,
                "unsatisfied": unsatisfied,
                "neutral": neutral,
                "satisfied": satisfied,
                "very_satisfied": very_satisfied,
            },
            "urgency": decision.urgency,
            "decision": decision.decision,
            "threshold": decision.threshold,
            "reason": decision.reason,
            "truncated": decision.truncated,
            "audit": decision.audit,
            "attempt": attempt,
            "model": {
                "name": decision.model.name,
                "version": decision.model.version,
                "precision": decision.model.precision,
            },
            "source": {
                "topic": record.topic,
                "partition": record.partition,
                "offset": record.offset,
                "timestamp": None if received is None else self._time(received),
            },
            "classified_at": self._time(classified_at),
            "run": run,
        }

    def _chosen(self, attributes: Mapping[str, str]) -> Mapping[str, str]:
        if self._attributes is None:
            return attributes
        return {name: value for name, value in attributes.items() if name in self._attributes}

    def _headers(
        self, ce_id: str, record: Record, decision: Decision, run: str, attempt: int, classified_at: datetime
    ) -> Headers:
        passed = [header for header in record.headers if header[0].lower() not in _NOT_PASSED_ON]
        own = (ce_id.encode(), repr(decision.urgency).encode())
        shared = _shared(
            self._source + record.topic,
            self._content_type,
            decision.decision,
            decision.reason,
            decision.satisfaction,
            decision.model.version,
            attempt,
            run,
            classified_at,
        )
        return (*passed, *zip(_OF_A_MESSAGE, own, strict=True), *shared)


@lru_cache(maxsize=64)  # most of a window's messages have the same
def _shared(
    source: str,
    content_type: bytes,
    decision: str,
    reason: str,
    satisfaction: Satisfaction,
    version: str,
    attempt: int,
    run: str,
    classified_at: datetime,
) -> Headers:
    values = (
        b"1.0",
        source.encode(),
        CE_TYPE.encode(),
        iso_millis(classified_at).encode(),
        content_type,
        decision.encode(),
        reason.encode(),
        satisfaction.value.encode(),
        version.encode(),
        str(attempt).encode(),
        run.encode(),
    )
    return tuple(zip(_SHARED, values, strict=True))


def time_of(written_as: Format) -> Callable[[datetime], object]:
    """How a time stands in an event of this format."""
    return millis_since_epoch if written_as.startswith("avro") else iso_millis


def serializer(
    event: schemas.Event,
    written_as: Format,
    topics: Sequence[str],
    store: SchemaStore,
    registered_as: Mapping[str, str] | None = None,
) -> Serialize:
    """
    For events of this kind on these topics. Schemas are looked up now.

    Raises SurroundingsError when one is not registered, PassingFault when the registry is away.
    """
    if written_as in ("json", "text"):
        return lambda _topic, value: orjson.dumps(value)
    if written_as in ("avro", "json-schema"):
        schema_type: SchemaType = "AVRO" if written_as == "avro" else "JSON"
        names = registered_as or {}
        ids = {topic: store.id_of(names.get(topic, topic), event, schema_type) for topic in topics}
        prefixes = {topic: confluent_prefix(each) for topic, each in ids.items()}
    if written_as == "json-schema":
        return lambda topic, value: prefixes[topic] + orjson.dumps(value)
    text = schemas.avro(event)
    schema = avro.parse(text)
    if written_as == "avro":
        return lambda topic, value: avro.write(value, schema, prefixes[topic])
    prefix = single_object_prefix(avro.fingerprint(text))
    return lambda _topic, value: avro.write(value, schema, prefix)
