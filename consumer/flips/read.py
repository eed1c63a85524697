"""Every record of some topics, from their start to where they end now. Commits nothing, joins nothing."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin._listoffsets import OffsetSpec

from consumer.admin import admin_client
from consumer.errors import SurroundingsError
from consumer.kafka_options import servers
from consumer.kafka_records import record_of
from consumer.records import Record

ANSWER_S = 15.0
PATIENCE_S = 60.0
RECORDS = 1000
_ASKED_AGAIN = (KafkaError.UNKNOWN_LEADER_EPOCH, KafkaError.NOT_LEADER_FOR_PARTITION)
# librdkafka looks for the group's coordinator all the same, and may not be allowed to; what it reads comes without.
_PASSING = (KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT, KafkaError.GROUP_AUTHORIZATION_FAILED)

Place = tuple[str, int]
Span = tuple[int, int]  # the first offset, and the one behind the last
Advance = Callable[[int], None]


def spans(config: Mapping[str, Any], counts: Mapping[str, int]) -> dict[Place, Span]:
    """
    What Kafka holds now of each topic's so many partitions, up to the last stable offset; empty ones are left out.

    `config` is a client's. Raises SurroundingsError.
    """
    places = [(topic, partition) for topic, count in counts.items() for partition in range(count)]
    return {place: (start, end) for place, (start, end) in bounds(config, places).items() if start < end}


def bounds(config: Mapping[str, Any], places: Sequence[Place]) -> dict[Place, Span]:
    """As `spans`, of these partitions and with the empty ones, by two questions for all. Raises SurroundingsError."""
    asked = [TopicPartition(topic, partition) for topic, partition in places]
    starts = _offsets(config, asked, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
    stable = ends(config, places)
    return {place: (start, stable[place]) for place, start in starts.items()}


def ends(
    config: Mapping[str, Any], places: Sequence[Place], isolation: IsolationLevel = IsolationLevel.READ_COMMITTED
) -> dict[Place, int]:
    """The last stable offset of each partition, or under READ_UNCOMMITTED the next to be written. As `bounds`."""
    asked = [TopicPartition(topic, partition) for topic, partition in places]
    return _offsets(config, asked, OffsetSpec.latest(), isolation)  # type: ignore[no-untyped-call]


def records(config: Mapping[str, Any], wanted: Mapping[Place, Span], advance: Advance) -> Iterator[Record]:
    """
    Those of these spans, in order per partition; `advance` is told how many offsets are behind us.

    `config` is a consumer's, whose group notices nothing. Raises SurroundingsError.
    """
    consumer = Consumer({**config, "enable.partition.eof": True, "enable.auto.commit": False, "log_level": 0})
    try:
        consumer.assign([TopicPartition(topic, partition, start) for (topic, partition), (start, _) in wanted.items()])
        yield from _read(consumer, wanted, advance)
    except KafkaException as problem:
        raise _unanswered(config, problem) from problem
    finally:
        consumer.close()


def _read(consumer: Consumer, wanted: Mapping[Place, Span], advance: Advance) -> Iterator[Record]:
    behind = {place: start for place, (start, _) in wanted.items()}
    left, heard = set(wanted), time.monotonic()
    while left:
        for message in consumer.consume(RECORDS, 0.2):
            heard = time.monotonic()
            place = (message.topic() or "", message.partition() or 0)
            error, end = message.error(), wanted[place][1] if place in wanted else 0
            if error is not None and error.code() != KafkaError._PARTITION_EOF:
                if not (error.retriable() or error.code() in _PASSING):
                    raise KafkaException(error)
                continue
            if place not in left:
                continue
            offset = message.offset() or 0
            if error is None and offset < end:
                behind[place] = offset + 1
                yield record_of(message)
            # What stands between the last record and the end are transactions' markers, which nobody is given.
            if error is not None or behind[place] >= end or offset >= end:
                behind[place] = end
                left.discard(place)
                consumer.incremental_unassign([TopicPartition(*place)])
        advance(sum(behind[place] - start for place, (start, _) in wanted.items()))
        if time.monotonic() - heard > PATIENCE_S:
            topics = ", ".join(sorted({topic for topic, _ in left}))
            raise SurroundingsError(f"Kafka gave no record of {topics} for {PATIENCE_S:.0f} s: see why, and try again")


def _offsets(
    config: Mapping[str, Any],
    places: Sequence[TopicPartition],
    which: OffsetSpec,
    isolation: IsolationLevel = IsolationLevel.READ_COMMITTED,
) -> dict[Place, int]:
    until = time.monotonic() + ANSWER_S
    while True:
        admin = admin_client(config)  # kept until all is answered: with it go its questions
        asked = admin.list_offsets(dict.fromkeys(places, which), isolation_level=isolation, request_timeout=ANSWER_S)
        try:
            return {(each.topic, each.partition): future.result().offset for each, future in asked.items()}
        except KafkaException as problem:
            # A broker that has just become a leader does not know its epoch yet.
            if problem.args[0].code() not in _ASKED_AGAIN or time.monotonic() > until:
                raise _unanswered(config, problem) from problem
            time.sleep(0.2)


def _unanswered(config: Mapping[str, Any], problem: KafkaException) -> SurroundingsError:
    return SurroundingsError(
        f"Kafka at bootstrap.servers = {servers(config)} did not give the answers ({problem.args[0].name()}): check "
        "the brokers, and that this client may READ and DESCRIBE the topics of answers and of dead letters"
    )
