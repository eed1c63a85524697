"""
The topic that keeps what each run reads: one partition, kept for ever, the first record of an id wins.

It is read to its very end, past what a transaction still holds back: a record that is not seen would be written twice.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Literal

import orjson
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.cimpl import NewTopic

from consumer import topic_configs
from consumer.errors import SurroundingsError
from consumer.publish import fatal_is_told
from consumer.replay.entries import Ended, Known, Span
from consumer.replay.reader import is_passing, raise_for_good, reader_config
from consumer.timestamps import iso_millis
from consumer.topic_creation import BROKERS_DEFAULT, create, refusal
from consumer.topics import missing

ANSWER_S = 15.0
# A transaction that was left open ends after its time-out, and the broker looks for such every ten seconds.
OPEN_S = 30.0
POLL_S = 0.2
KEPT = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}


class Runs:
    """The topic. `config` is a client's, `producer_config` a producer's without transactions."""

    def __init__(self, topic: str, config: Mapping[str, Any], producer_config: dict[str, Any]) -> None:
        self.topic = topic
        self._config = config
        self._producer_config = producer_config

    def read(self, *, must_exist: bool = False) -> Known:
        """All of it; nothing where there is no such topic. Raises SurroundingsError when Kafka does not answer."""
        until = time.monotonic() + ANSWER_S
        while True:
            try:
                return self._read(must_exist=must_exist)
            except KafkaException as problem:
                if not is_passing(problem.args[0]) or time.monotonic() > until:
                    raise _unanswered(self.topic, problem) from problem
            time.sleep(POLL_S)

    def _read(self, *, must_exist: bool) -> Known:
        """Raises KafkaException, and as `read`."""
        known = Known()
        consumer = Consumer({**reader_config(self._config, "shikyu-runs"), "enable.partition.eof": True})
        try:
            listing = consumer.list_topics(timeout=ANSWER_S)
            if missing(listing, [self.topic]):
                if must_exist:
                    raise SurroundingsError(f"{self.topic}, which keeps the runs, is gone: start again, which makes it")
                return known
            if (count := len(listing.topics[self.topic].partitions)) != 1:
                raise SurroundingsError(
                    f"{self.topic} has {count} partitions, and runs need one, for its order: name another topic by "
                    "replay.runs_topic"
                )
            consumer.assign([TopicPartition(self.topic, 0, OFFSET_BEGINNING)])
            for value in _to_the_end(consumer, self.topic, self._end()):
                known.add(value)
        finally:
            consumer.close()
        return known

    def make(self) -> None:
        """Creates the topic where it is missing. Raises what Kafka refuses, SurroundingsError for one that forgets."""
        consumer = Consumer(reader_config(self._config, "shikyu-runs"))
        try:
            is_missing = missing(consumer.list_topics(timeout=ANSWER_S), [self.topic])
        except KafkaException as problem:
            raise _unanswered(self.topic, problem) from problem
        finally:
            consumer.close()
        if is_missing:
            outcomes = create(self._config, [NewTopic(self.topic, 1, BROKERS_DEFAULT, config=KEPT)], dry_run=False)
            if refused := refusal(outcomes):
                raise refused
        elif lacking := topic_configs.lacking(self._config, self.topic, KEPT):
            told = ", ".join(f"{name}={value}" for name, value in lacking.items())
            wanted = ",".join(f"{name}={KEPT[name]}" for name in lacking)
            raise SurroundingsError(
                f"{self.topic} keeps the runs, and would forget them ({told}): a run that is forgotten is begun anew. "
                f"Set it by kafka-configs.sh --alter --entity-type topics --entity-name {self.topic} --add-config "
                f"{wanted}, then start again"
            )

    def end(self, run: str, kind: Literal["cancelled", "done"], stopped: tuple[Span, ...] | None = None) -> None:
        """Appends that it is over. Raises SurroundingsError."""
        producer = Producer(self._producer_config)
        errors: list[KafkaError | None] = []
        entry = Ended(kind=kind, run=run, at=iso_millis(datetime.now(UTC)), stopped=stopped)
        value = orjson.dumps(entry.model_dump())
        producer.produce(
            self.topic, value, run.encode(), partition=0, on_delivery=lambda error, _: errors.append(error)
        )
        with suppress(KafkaException), fatal_is_told():
            producer.flush(ANSWER_S)
        error = errors[0] if errors else None
        if not errors or error is not None:
            why = "no answer" if error is None else error.name()
            raise SurroundingsError(f"{self.topic} did not take that run {run} is {kind} ({why}): try again")

    def _end(self) -> int:
        """Behind the last record, whether its transaction has ended or not."""
        consumer = Consumer({**reader_config(self._config, "shikyu-runs"), "isolation.level": "read_uncommitted"})
        try:
            end: int = consumer.get_watermark_offsets(TopicPartition(self.topic, 0), timeout=ANSWER_S)[1]
            return end
        finally:
            consumer.close()


# Of a topic that is there: librdkafka has not heard of its partition, or of anything, from a broker yet.
_NO_ANSWER = (KafkaError._TIMED_OUT, KafkaError._UNKNOWN_PARTITION, KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN)


def _to_the_end(consumer: Consumer, topic: str, end: int) -> Iterator[bytes | None]:
    until = time.monotonic() + OPEN_S
    while time.monotonic() < until:
        message = consumer.poll(POLL_S)
        if message is None:
            continue
        error = message.error()
        if error is None:
            until = time.monotonic() + OPEN_S
            value = message.value()
            yield value if isinstance(value, bytes) else None
        elif error.code() == KafkaError._PARTITION_EOF:
            if (message.offset() or 0) >= end:
                return
        else:
            raise_for_good(error)
    raise SurroundingsError(
        f"{topic} was not read to its end within {OPEN_S:.0f} s: a transaction stands open in it, or the brokers do "
        "not answer; try again"
    )


def _unanswered(topic: str, problem: KafkaException) -> SurroundingsError:
    error = problem.args[0]
    if error.code() in _NO_ANSWER:
        advice = "its broker did not answer in time: try again"
    else:
        advice = f"check kafka bootstrap.servers, and grant READ on topic {topic}"
    return SurroundingsError(f"{topic}, which keeps the runs, can't be read ({error.name()}): {advice}")
