"""Kafka's output end: all of a window's outputs and its input offsets, or none of them."""

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka import Message as KafkaMessage

from consumer.errors import ShikyuError, SurroundingsError
from consumer.records import OutputRecord
from consumer.topics import must_be_there
from consumer.window import Window

Stopping = Callable[[], bool]
Moved = Callable[[], None]

FLUSH_S = 0.1  # one round of waiting for what is queued
LOOK_AGAIN_S = 3.0  # how long Kafka may take nothing before the topics are looked at again


class Dropped(ShikyuError):
    """The window was not published, nothing of it is visible or committed: rewind, and read it again."""


class Rejected(Dropped):
    """
    Kafka refused single outputs for what they are; publish the window again without them.

    `errors` has Kafka's name of the error by the output's index, for those that are surely to blame. A batch is refused
    whole: before the outputs at `cuts` a flush is needed to learn which of its records it was.
    """

    def __init__(self, errors: Mapping[int, str], cuts: Collection[int] = ()) -> None:
        names = ", ".join(sorted(set(errors.values()))) or "a whole batch"
        super().__init__(f"Kafka refused outputs of this window: {names}")
        self.errors = dict(errors)
        self.cuts = frozenset(cuts)


class Publisher(Protocol):
    def publish(
        self, outputs: Sequence[OutputRecord], window: Window, *, flush_before: Collection[int] = frozenset()
    ) -> None:
        """
        Publishes and commits, or raises Dropped (Rejected when outputs are to blame).

        No batch reaches over an index in `flush_before`, so that a refusal tells more.
        """

    def close(self) -> None: ...


class Reports:
    """Delivery reports of one publish(): which outputs were taken, which failed, and why."""

    def __init__(self, outputs: Iterable[OutputRecord]) -> None:
        self.topics = {output.topic for output in outputs}
        self.acknowledged: set[int] = set()
        self.failed: dict[int, KafkaError] = {}
        self._batches: dict[int, tuple[object, ...]] = {}  # outputs of one batch share this, others may too
        self._flushes = 0

    def flushed(self) -> None:
        """What comes now is in no batch with what came before."""
        self._flushes += 1

    def callback(self, index: int) -> Callable[[KafkaError | None, KafkaMessage], None]:
        flushes = self._flushes

        def report(error: KafkaError | None, message: KafkaMessage) -> None:
            if error is None:
                self.acknowledged.add(index)
            else:
                self.failed[index] = error
                self._batches[index] = (flushes, message.topic(), message.partition())

        return report

    def refused_here(self, index: int, error: KafkaError) -> None:
        """librdkafka itself did not take it: it never was in a batch."""
        self.failed[index] = error
        self._batches[index] = ("alone", index)

    @property
    def any_refused(self) -> bool:
        return any(error.code() in RECORDS_FAULT for error in self.failed.values())

    def raise_cause(self, producer: Producer) -> None:
        """
        Raises Rejected or SurroundingsError when it is known why outputs failed; else they may pass the next time.

        Only what is deterministic is the record's fault: its size, or bytes that the broker calls invalid.
        """
        if self.any_refused:
            raise self._rejected()
        if any(error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED for error in self.failed.values()):
            raise SurroundingsError(
                "Kafka does not let this client write an output topic (TOPIC_AUTHORIZATION_FAILED): "
                "grant WRITE and DESCRIBE on it, then start again",
                page="security#acls",
            )
        if self.failed:
            must_be_there(producer, self.topics)

    def _rejected(self) -> Rejected:
        blamed: dict[int, str] = {}
        suspects: dict[object, list[int]] = defaultdict(list)
        for index, error in self.failed.items():
            if error.code() == KafkaError.INVALID_RECORD:
                # The broker names each one (KIP-467); its neighbours are told _INVALID_DIFFERENT_RECORD.
                blamed[index] = error.name()
            elif error.code() in RECORDS_FAULT:
                suspects[self._batches[index]].append(index)
        cuts = set()
        for batch in map(sorted, suspects.values()):
            if len(batch) == 1:
                blamed[batch[0]] = self.failed[batch[0]].name()
            else:
                cuts.add(batch[len(batch) // 2])
        return Rejected(blamed, cuts)


# Deterministic: the same bytes will be refused again.
RECORDS_FAULT = {KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_RECORD, KafkaError.INVALID_MSG}

# Nothing that is tried again will change these; somebody has to grant something.
FORBIDDEN = {
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
}


def is_fatal(error: KafkaError) -> bool:
    """Whether the client that tells it is dead for good."""
    return error.code() == KafkaError._FATAL or bool(error.fatal())


def produce(
    producer: Producer, output: OutputRecord, report: Callable[..., None], stopping: Stopping, moved: Moved
) -> None:
    """Hands one record to the client. Waits while its queue is full: BufferError swallowed would be silent loss."""
    while True:
        try:
            producer.produce(
                output.topic, key=output.key, value=output.value, headers=list(output.headers), on_delivery=report
            )
            return
        except BufferError:
            if stopping():
                raise Dropped("stopped while the client's queue was full") from None
            moved()
            with fatal_is_told():
                producer.poll(0.05)


def flush(
    producer: Producer,
    topics: Collection[str],
    stopping: Stopping,
    moved: Moved,
    *,
    enough: Callable[[], bool] = lambda: False,
) -> None:
    """
    Until every record was reported on, or `enough` is known.

    Raises KafkaException when the client died, Dropped when told to stop, SurroundingsError when a topic is gone: its
    records would be waited for until they time out.
    """
    look_again_at = time.monotonic() + LOOK_AGAIN_S
    while True:
        with fatal_is_told():
            waiting = producer.flush(FLUSH_S)
        moved()
        if not waiting or enough():
            return
        if stopping():
            raise Dropped("stopped before the window was acknowledged")
        if time.monotonic() > look_again_at:
            must_be_there(producer, topics)
            look_again_at = time.monotonic() + LOOK_AGAIN_S


@contextmanager
def fatal_is_told() -> Iterator[None]:
    """
    A fatal error comes out of whatever serves callbacks, as KafkaException.

    confluent-kafka 2.16 forgets it when a delivery report is served behind it, and then returns nothing at all.
    """
    try:
        yield
    except SystemError as forgotten:
        raise KafkaException(KafkaError(KafkaError._FATAL)) from forgotten
