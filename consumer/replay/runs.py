"""
The topic that keeps what each run reads: one partition, kept for ever, the first record of an id wins.

A run is begun in one transaction: its record, and the window's starts as the offsets of its own group. So whoever sees
the record finds the offsets, and offsets that are not there any more have expired. Whoever begins a run at the same
time is fenced by its transactional.id, or finds the record.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import orjson
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.cimpl import NewTopic
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from consumer.errors import SurroundingsError
from consumer.quarantine import Place
from consumer.replay.reader import raise_for_good, reader_config
from consumer.timestamps import iso_millis
from consumer.topic_creation import BROKERS_DEFAULT, create, refusal
from consumer.topics import missing
from consumer.watchdog import Watchdog

ANSWER_S = 15.0
CALL_S = 10.0
HANG_S = 5.0
POLL_S = 0.2
KEPT = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")  # what a later version adds is no error


class Span(_Entry):
    """Of one partition, the offsets from `start` up to `end` and without it."""

    topic: str
    partition: int
    start: int
    end: int

    @property
    def place(self) -> Place:
        return self.topic, self.partition


class Topics(_Entry):
    urgent: str
    routine: str
    dead_letters: str


class Covered(_Entry):
    """Of dead letters, what an earlier run has retried: what is left of it has the same answer twice."""

    window: tuple[Span, ...]
    codes: tuple[str, ...]  # all, where it is empty
    since_ms: int | None
    until_ms: int | None


class Run(_Entry):
    """What a run reads, by what, and where its answers go: all that its processes must agree on."""

    kind: Literal["run"] = "run"
    run: str
    reads: Literal["input", "dead-letters"]
    codes: tuple[str, ...] = ()  # of dead letters, those that are retried; all, where it is empty
    passed_over: tuple[Covered, ...] = ()
    group_id: str
    window: tuple[Span, ...]
    partitions: dict[str, int]  # how many each topic had
    since_ms: int | None
    until_ms: int | None
    asked: dict[str, str]
    model: dict[str, str]  # name, version, precision, SHA-256 of the manifest
    options: dict[str, Any]  # the settings that answers depend on, by path
    topics: Topics
    created_at: str

    @property
    def records(self) -> int:
        """At most: transactions' markers and aborted records have offsets too."""
        return sum(span.end - span.start for span in self.window)

    @property
    def ends(self) -> dict[Place, int]:
        return {span.place: span.end for span in self.window}


class Ended(_Entry):
    """That it was cancelled, or is done."""

    kind: Literal["cancelled", "done"]
    run: str
    at: str


_ENTRY: TypeAdapter[Run | Ended] = TypeAdapter(Run | Ended)


@dataclass
class Known:
    """What stands in the topic."""

    runs: dict[str, Run] = field(default_factory=dict)
    ended: dict[str, Ended] = field(default_factory=dict)

    def add(self, value: bytes | None) -> None:
        """Whatever else somebody wrote there is passed over."""
        try:
            entry = _ENTRY.validate_json(value or b"")
        except ValidationError:
            return
        if isinstance(entry, Run):
            self.runs.setdefault(entry.run, entry)
        else:
            self.ended.setdefault(entry.run, entry)


class Runs:
    """The topic. `config` is a client's, `producer` makes a producer's configuration of a transactional.id."""

    def __init__(self, topic: str, config: Mapping[str, Any], producer: Callable[[str | None], dict[str, Any]]) -> None:
        self.topic = topic
        self._config = config
        self._producer = producer

    def read(self) -> Known:
        """All of it; nothing where there is no such topic. Raises SurroundingsError when Kafka does not answer."""
        known = Known()
        consumer = Consumer({**reader_config(self._config, "shikyu-runs"), "enable.partition.eof": True})
        try:
            if missing(consumer.list_topics(timeout=ANSWER_S), [self.topic]):
                return known
            consumer.assign([TopicPartition(self.topic, 0, OFFSET_BEGINNING)])
            for value in _to_the_end(consumer, self.topic):
                known.add(value)
        except KafkaException as problem:
            raise _unanswered(self.topic, problem) from problem
        finally:
            consumer.close()
        return known

    def make(self) -> None:
        """Creates the topic where it is missing. Raises what Kafka refuses."""
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

    def begin(self, run: Run, transactional_id: str) -> Run:
        """The run of this id, which is another's where somebody was faster. Raises SurroundingsError."""
        watchdog, limit = Watchdog(), CALL_S + HANG_S
        producer = Producer(self._producer(transactional_id))
        member = Consumer(reader_config(self._config, run.group_id))
        try:
            # From here on whoever else was about to begin it can't any more, and what he began is ended.
            with watchdog(limit, "init_transactions"):
                producer.init_transactions(CALL_S)
            if (first := self.read().runs.get(run.run)) is not None:
                return first
            with watchdog(4 * limit, "beginning a run"):
                producer.begin_transaction()
                _write(producer, self.topic, run)
                starts = [TopicPartition(span.topic, span.partition, span.start) for span in run.window]
                producer.send_offsets_to_transaction(starts, member.consumer_group_metadata(), CALL_S)
                producer.commit_transaction(CALL_S)
        except KafkaException as problem:
            raise SurroundingsError(
                f"Kafka did not let run {run.run} begin ({problem.args[0].name()}: {problem.args[0].str()}): if it is "
                f"not allowed, grant WRITE on topic {self.topic} and on transactional id {transactional_id!r}, and "
                f"READ on group {run.group_id!r}; then start again"
            ) from problem
        finally:
            member.close()
        return run  # nobody else could begin it, and who reads the topic now may not see it yet

    def end(self, run: str, kind: Literal["cancelled", "done"]) -> None:
        """Appends that it is over. Raises SurroundingsError."""
        producer = Producer(self._producer(None))
        errors: list[KafkaError | None] = []
        entry = Ended(kind=kind, run=run, at=iso_millis(datetime.now(UTC)))
        value = orjson.dumps(entry.model_dump())
        producer.produce(
            self.topic, value, run.encode(), partition=0, on_delivery=lambda error, _: errors.append(error)
        )
        producer.flush(ANSWER_S)
        error = errors[0] if errors else None
        if not errors or error is not None:
            why = "no answer" if error is None else error.name()
            raise SurroundingsError(f"{self.topic} did not take that run {run} is {kind} ({why}): try again")


def _write(producer: Producer, topic: str, run: Run) -> None:
    """Raises KafkaException unless the record was taken: the transaction itself may be committed without it (seen)."""
    errors: list[KafkaError | None] = []
    value = run.model_dump_json().encode()
    producer.produce(topic, value, run.run.encode(), partition=0, on_delivery=lambda error, _: errors.append(error))
    producer.flush(CALL_S)
    error = errors[0] if errors else KafkaError(KafkaError._TIMED_OUT)
    if error is not None:
        with suppress(KafkaException):
            producer.abort_transaction(CALL_S)
        raise KafkaException(error)


def _to_the_end(consumer: Consumer, topic: str) -> Iterator[bytes | None]:
    until = time.monotonic() + ANSWER_S
    while time.monotonic() < until:
        message = consumer.poll(POLL_S)
        if message is None:
            continue
        error = message.error()
        if error is None:
            until = time.monotonic() + ANSWER_S
            value = message.value()
            yield value if isinstance(value, bytes) else None
        elif error.code() == KafkaError._PARTITION_EOF:
            return
        else:
            raise_for_good(error)
    raise SurroundingsError(f"{topic} was not read to its end within {ANSWER_S:.0f} s: check the brokers, try again")


def _unanswered(topic: str, problem: KafkaException) -> SurroundingsError:
    return SurroundingsError(
        f"{topic}, which keeps the runs, can't be read ({problem.args[0].name()}): check kafka bootstrap.servers, and "
        f"grant READ on topic {topic}"
    )
