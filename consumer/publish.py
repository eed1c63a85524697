"""Kafka's output end: all of a window's outputs and its input offsets, or none of them."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from confluent_kafka import KafkaError, Producer

from consumer.errors import ShikyuError, SurroundingsError
from consumer.receive import Window
from consumer.records import OutputRecord

Stopping = Callable[[], bool]


class Dropped(ShikyuError):
    """The window was not published, nothing of it is visible or committed: rewind, and read it again."""


class Rejected(Dropped):
    """Kafka refused single outputs for what they are; `indexes` are their places in the window's outputs."""

    def __init__(self, indexes: Sequence[int], reason: str) -> None:
        super().__init__(f"Kafka refused {len(indexes)} outputs: {reason}")
        self.indexes = tuple(indexes)
        self.reason = reason


class Publisher(Protocol):
    def publish(self, outputs: Sequence[OutputRecord], window: Window, *, one_by_one: bool = False) -> None:
        """
        Publishes and commits, or raises Dropped (Rejected when outputs are to blame) with nothing visible.

        `one_by_one` gives each output a batch of its own, so that a refusal names exactly its output.
        """

    def close(self) -> None: ...


class Reports:
    """Delivery reports of one window: which outputs failed, and why."""

    def __init__(self) -> None:
        self.failed: dict[int, KafkaError] = {}
        self.delivered = 0

    def callback(self, index: int) -> Callable[[KafkaError | None, Any], None]:
        def report(error: KafkaError | None, _: Any) -> None:
            if error is None:
                self.delivered += 1
            else:
                self.failed[index] = error

        return report

    def raise_rejected(self) -> None:
        """Only what is deterministic is the record's fault: its size, or bytes that the broker calls invalid."""
        refused = [index for index, error in self.failed.items() if error.code() in RECORDS_FAULT]
        if refused:
            raise Rejected(sorted(refused), self.failed[refused[0]].name())
        denied = [error for error in self.failed.values() if error.code() in _DENIED]
        if denied:
            raise SurroundingsError(
                f"Kafka does not let this client write an output topic ({denied[0].name()}): "
                "grant WRITE and DESCRIBE on it, or create it, then start again"
            )


# Deterministic: the same bytes will be refused again.
RECORDS_FAULT = {KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_RECORD, KafkaError.INVALID_MSG}
_DENIED = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION,
}


def produce(producer: Producer, output: OutputRecord, report: Callable[..., None], stopping: Stopping) -> None:
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
            producer.poll(0.05)
