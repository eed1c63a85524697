"""Corrections to records of their topic."""

import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin._acl import AclOperation

from consumer import kafka_options
from consumer.corrections.entries import WRITER, written_as
from consumer.corrections.given import Given
from consumer.corrections.read import partitions
from consumer.encode import CONTENT_TYPES, serializer, time_of
from consumer.errors import SurroundingsError
from consumer.publish import fatal_is_told
from consumer.records import OutputRecord
from consumer.schema_store import SchemaStore
from consumer.settings import Settings
from consumer.timestamps import iso_millis

CE_TYPE = "shikyu.correction"
FLUSH_S = 30.0


class Encoder:
    """Writes corrections by the settings, in the name of `writer`; the schema is looked up once."""

    def __init__(self, settings: Settings, store: SchemaStore, writer: str) -> None:
        """
        Raises SettingsError when a registry is needed and not set, SurroundingsError when the schema is not registered,
        PassingFault when the registry is away.
        """
        written = written_as(settings)
        if written in ("avro", "json-schema"):
            store.require_registry(f"corrections.format = {written}")
        self._topic = settings.corrections.topic
        self._serialize = serializer("correction", written, [self._topic], store)
        self._time = time_of(written)
        self._content_type = CONTENT_TYPES[written]
        self._writer = writer.encode()

    def encode(self, given: Given) -> OutputRecord:
        """Keyed by the event id, so that a message's corrections stand in one partition."""
        at = given.corrected_at
        assert isinstance(at, datetime)
        event: dict[str, Any] = {
            "event_id": given.event_id,
            "message_id": given.message_id,
            "decision": given.decision,
            "satisfaction": None if given.satisfaction is None else given.satisfaction.value,
            "role": given.role,
            "corrected_at": self._time(at),
        }
        headers = (
            ("ce_specversion", b"1.0"),
            ("ce_id", str(uuid.uuid4()).encode()),
            (WRITER, self._writer),
            ("ce_type", CE_TYPE.encode()),
            ("ce_time", iso_millis(at).encode()),
            ("content-type", self._content_type),
        )
        return OutputRecord(self._topic, given.event_id.encode(), self._serialize(self._topic, event), headers)


def write(settings: Settings, records: Sequence[OutputRecord], advance: Callable[[int], None]) -> None:
    """
    All of them, each acknowledged by all in-sync replicas.

    Raises SurroundingsError that says how many were taken: to write the same ones again changes nothing that stands.
    """
    client = kafka_options.client_config(settings)
    partitions(client, settings.corrections.topic, AclOperation.WRITE)
    producer = Producer({**kafka_options.producer_config(settings, None), "log_level": 0})
    taken = 0
    refused: list[KafkaError] = []

    def report(error: KafkaError | None, _message: object) -> None:
        nonlocal taken
        if error is None:
            taken += 1
        else:
            refused.append(error)

    try:
        for number, each in enumerate(records, start=1):
            _produce(producer, each, report)
            if number % 1000 == 0:
                advance(taken)
        with fatal_is_told():
            producer.flush(FLUSH_S)
    except KafkaException as problem:
        refused.append(problem.args[0])
    advance(taken)
    if taken < len(records):
        why = refused[0].name() if refused else f"no answer within {FLUSH_S:.0f} s"
        raise SurroundingsError(
            f"{settings.corrections.topic} took {taken:,} of {len(records):,} corrections ({why}): see why, and write "
            "them again, which changes nothing of those that it has"
        )


def _produce(producer: Producer, each: OutputRecord, report: Callable[..., None]) -> None:
    while True:
        with fatal_is_told():
            try:
                producer.produce(each.topic, each.value, each.key, headers=list(each.headers), on_delivery=report)
                producer.poll(0)
            except BufferError:
                producer.poll(0.1)
            else:
                return
