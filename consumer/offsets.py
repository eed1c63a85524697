"""Where topics' partitions begin and end, asked of Kafka for all of them at once."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin._listoffsets import OffsetSpec

from consumer.admin import admin_client
from consumer.errors import SurroundingsError
from consumer.kafka_options import servers

ANSWER_S = 15.0
_ASKED_AGAIN = (KafkaError.UNKNOWN_LEADER_EPOCH, KafkaError.NOT_LEADER_FOR_PARTITION)

Place = tuple[str, int]
Span = tuple[int, int]  # the first offset, and the one behind the last


def spans(config: Mapping[str, Any], counts: Mapping[str, int]) -> dict[Place, Span]:
    """
    What Kafka holds now of each topic's so many partitions, up to the last stable offset; empty ones are left out.

    `config` is a client's. Raises SurroundingsError.
    """
    places = [(topic, partition) for topic, count in counts.items() for partition in range(count)]
    return {place: (start, end) for place, (start, end) in bounds(config, places).items() if start < end}


def bounds(config: Mapping[str, Any], places: Sequence[Place]) -> dict[Place, Span]:
    """As `spans`, of these partitions and with the empty ones, by two questions for all. Raises SurroundingsError."""
    starts = _offsets(config, places, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
    stable = ends(config, places)
    return {place: (start, stable[place]) for place, start in starts.items()}


def ends(
    config: Mapping[str, Any],
    places: Sequence[Place],
    isolation: IsolationLevel = IsolationLevel.READ_COMMITTED,
    answer_s: float = ANSWER_S,
) -> dict[Place, int]:
    """The last stable offset of each partition, or under READ_UNCOMMITTED the next to be written. As `bounds`."""
    return _offsets(config, places, OffsetSpec.latest(), isolation, answer_s)  # type: ignore[no-untyped-call]


def unanswered(config: Mapping[str, Any], problem: KafkaException) -> SurroundingsError:
    return SurroundingsError(
        f"Kafka at bootstrap.servers = {servers(config)} did not give the answers ({problem.args[0].name()}): check "
        "the brokers, and that this client may READ and DESCRIBE the topics of answers and of dead letters"
    )


def _offsets(
    config: Mapping[str, Any],
    places: Sequence[Place],
    which: OffsetSpec,
    isolation: IsolationLevel = IsolationLevel.READ_COMMITTED,
    answer_s: float = ANSWER_S,
) -> dict[Place, int]:
    until = time.monotonic() + answer_s
    wanted = {TopicPartition(topic, partition): which for topic, partition in places}
    while True:
        admin = admin_client(config)  # kept until all is answered: with it go its questions
        asked = admin.list_offsets(wanted, isolation_level=isolation, request_timeout=answer_s)
        try:
            return {(each.topic, each.partition): future.result().offset for each, future in asked.items()}
        except KafkaException as problem:
            # A broker that has just become a leader does not know its epoch yet.
            if problem.args[0].code() not in _ASKED_AGAIN or time.monotonic() > until:
                raise unanswered(config, problem) from problem
            time.sleep(0.2)
