"""Every record of some topics, from their start to where they end now. Commits nothing, joins nothing."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from consumer.errors import SurroundingsError
from consumer.kafka_records import record_of
from consumer.offsets import Place, Span, unanswered
from consumer.records import Record

PATIENCE_S = 60.0
RECORDS = 1000
# librdkafka looks for the group's coordinator all the same, and may not be allowed to; what it reads comes without.
_PASSING = (KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT, KafkaError.GROUP_AUTHORIZATION_FAILED)

Advance = Callable[[int], None]


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
        raise unanswered(config, problem) from problem
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
