"""The classified messages that corrections speak of, found in the topics of answers."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from confluent_kafka.admin._acl import AclOperation

from consumer import kafka_options, surroundings
from consumer.corrections.read import Advance
from consumer.errors import RecordError, SurroundingsError
from consumer.flips.answers import Answer, NoAnswer, Reader, patiently
from consumer.flips.read import records
from consumer.offsets import spans
from consumer.run_names import LIVE, own_topic
from consumer.schema_store import SchemaStore
from consumer.settings import Settings
from consumer.topics import missing


@dataclass(frozen=True, slots=True)
class Answers:
    """By event id, those that were asked for and are there; `unreadable` counts records that hold no answer."""

    by_id: Mapping[str, Answer]
    unreadable: Counter[str] = field(default_factory=Counter)


def find(settings: Settings, store: SchemaStore, wanted: Collection[str], advance: Advance) -> Answers:
    """
    Of the live topics, and of those of the replays that the ids name; the newest where one was written twice.

    Raises SurroundingsError where a live topic is missing or Kafka does not answer, PassingFault while the registry is
    away, SettingsError where a registry is needed and not set.
    """
    if not wanted:
        return Answers({})
    reader = Reader(settings.output, store)
    client = kafka_options.client_config(settings)
    held = spans(client, _partitions(settings, client, {each.split("/", 3)[-1] for each in wanted}))
    total = sum(end - start for start, end in held.values())
    found: dict[str, Answer] = {}
    written: dict[str, int] = {}  # partitions come as they come
    unreadable = Counter[str]()
    if held:
        for record in records(kafka_options.consumer_config(settings), held, lambda done: advance(done, total)):
            try:
                answer = patiently(partial(reader.answer, record))
            except NoAnswer:
                unreadable["no-classified-message"] += 1
            except RecordError as error:
                unreadable[error.code] += 1
            else:
                own, at_ms = answer.event_id, record.timestamp_ms or 0
                if own in wanted and written.get(own, 0) <= at_ms:
                    found[own], written[own] = answer, at_ms
    return Answers(found, unreadable)


def _partitions(settings: Settings, client: dict[str, Any], runs: Collection[str]) -> dict[str, int]:
    listing = surroundings.listed(client)
    live = (settings.output.urgent, settings.output.routine)
    if gone := missing(listing, live):
        raise SurroundingsError(
            f"topic {' and '.join(gone)} is missing, or this client may not DESCRIBE it: check output.urgent and "
            "output.routine, or grant DESCRIBE and READ"
        )
    # A replay that has none was written to the live ones, or is gone.
    own = {own_topic(topic, run) for topic in live for run in runs if run != LIVE}
    there = [*live, *sorted(own & set(listing.topics))]
    surroundings.must_allow(client, dict.fromkeys(there, AclOperation.READ))
    return {topic: len(listing.topics[topic].partitions) for topic in there}
