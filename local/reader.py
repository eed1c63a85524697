"""A reader of its own, under read_committed: what it sees is what any other application sees."""

import uuid
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from consumer.errors import SurroundingsError
from consumer.kafka_records import record_of
from consumer.records import Record

READ_AT_ONCE = 500


class Reader:
    """Every record of some topics, from their beginning. Belongs to no group and commits nothing."""

    def __init__(self, bootstrap_servers: str, topics: Iterable[str]) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap_servers,
                "group.id": f"shikyu-reader-{uuid.uuid4()}",  # librdkafka wants one; it is never joined
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                # The only sign of an end: a transaction's marker takes the last offset, and no record has it.
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 100,
                "log_level": 0,
            }
        )
        self._partitions = [(topic, partition) for topic in topics for partition in self._partition_numbers(topic)]
        self._ended: set[tuple[str | None, int | None]] = set()
        self._consumer.assign([TopicPartition(t, p, OFFSET_BEGINNING) for t, p in self._partitions])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()

    def read(self, timeout_s: float) -> list[Record]:
        """What has come, after at most `timeout_s`. Raises KafkaException when Kafka says no for good."""
        records = []
        for message in self._consumer.consume(READ_AT_ONCE, timeout_s):
            error = message.error()
            if error is None:
                records.append(record_of(message))
            elif error.code() == KafkaError._PARTITION_EOF:
                self._ended.add((message.topic(), message.partition()))
            # While a broker is away this is said again and again; it comes back, or the demo's patience ends.
            elif error.code() != KafkaError._ALL_BROKERS_DOWN and not error.retriable():
                raise KafkaException(error)
        return records

    @property
    def is_at_end(self) -> bool:
        """Whether every partition's end, as it was at some time since the start, was reached."""
        return len(self._ended) == len(self._partitions)

    def _partition_numbers(self, topic: str) -> list[int]:
        metadata = self._consumer.list_topics(topic, timeout=10).topics[topic]
        if not metadata.partitions:
            raise SurroundingsError(f"there is no topic {topic}: create it first")
        return list(metadata.partitions)
