"""Every correction that the topic holds, up to where it ended when the reading began; joins and commits nothing."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka.admin._acl import AclOperation

from consumer import kafka_options, surroundings
from consumer.corrections.entries import Correction, NoCorrection, correction, written_as
from consumer.corrections.settle import Rules
from consumer.decode import Deserialize, deserializer
from consumer.errors import RecordError, SurroundingsError, UnknownSchema
from consumer.flips.read import records
from consumer.offsets import spans
from consumer.records import Record
from consumer.schema_store import SchemaStore
from consumer.settings import Input, Settings
from consumer.topics import missing

PAUSE_S = 1.0
PATIENCE_S = 30.0  # with a registry that is behind
# Offsets that are read, and of how many.
Advance = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Found:
    """What the topic holds; `unreadable` counts records that are no corrections, by why."""

    corrections: tuple[Correction, ...]
    unreadable: Counter[str] = field(default_factory=Counter)


def read(settings: Settings, store: SchemaStore, advance: Advance = lambda _done, _of: None) -> Found:
    """
    Raises SurroundingsError where the topic is missing or Kafka does not answer, PassingFault while the registry is
    away, SettingsError where a registry is needed and not set.
    """
    deserialize = deserializer(Input(format=written_as(settings)), store)
    client = kafka_options.client_config(settings)
    wanted = spans(
        client, {settings.corrections.topic: partitions(client, settings.corrections.topic, AclOperation.READ)}
    )
    total = sum(end - start for start, end in wanted.values())
    found, unreadable = [], Counter[str]()
    until = time.monotonic() + PATIENCE_S  # for all of them: anybody who may write can make ids up
    if wanted:
        for record in records(kafka_options.consumer_config(settings), wanted, lambda done: advance(done, total)):
            try:
                found.append(patiently(deserialize, record, until))
            except NoCorrection:
                unreadable["no-correction"] += 1
            except RecordError as error:
                unreadable[error.code] += 1
    return Found(tuple(found), unreadable)


def rules(settings: Settings) -> Rules:
    """As the settings have them."""
    own = settings.corrections
    return Rules(frozenset(own.writers), own.burst_floor, frozenset(own.released))


def partitions(client: dict[str, Any], topic: str, operation: AclOperation) -> int:
    """How many the topic of corrections has. Raises SurroundingsError when it is missing, or that is not granted."""
    listing = surroundings.listed(client)
    if missing(listing, [topic]):
        raise SurroundingsError(
            f"topic {topic}, which holds the corrections, is missing, or this client may not DESCRIBE it: create it by "
            "`shikyu topics create --corrections`, name another by corrections.topic, or grant DESCRIBE"
        )
    surroundings.must_allow(client, {topic: operation})
    return len(listing.topics[topic].partitions)


def patiently(deserialize: Deserialize, record: Record, until: float) -> Correction:
    """A schema that the registry does not know yet is asked for again, until then."""
    if record.value is None:
        raise NoCorrection
    while True:
        try:
            return correction(record, deserialize(record))
        except UnknownSchema:
            if time.monotonic() > until:
                raise NoCorrection from None
            time.sleep(PAUSE_S)
