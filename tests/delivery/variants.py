"""
Consumers that are wrong on purpose, each in one way that somebody has written before.

`python -m tests.delivery.worker` becomes one by its plan's `variant`; tests/delivery/test_variants.py has the schedule
that shows it.
"""

import time
from contextlib import suppress
from dataclasses import replace

from confluent_kafka import TopicPartition

from consumer import exactly_once
from consumer.at_least_once import AtLeastOnce
from consumer.exactly_once import ExactlyOnce
from consumer.receive import Fence, Source, Window, record_of

JOINED_S, HELD_S = 8.0, 2.5  # until others join, and until they have answered what was in hand


def offset_without_one_more() -> None:
    """The last record of each partition is read again by whoever comes next, or never counted as read."""

    def next_offsets(window: Window) -> list[TopicPartition]:
        return [TopicPartition(each.topic, each.partition, each.offset - 1) for each in right(window)]

    right = Window.next_offsets
    Window.next_offsets = next_offsets


def full_queue_ignored() -> None:
    """The client's queue is full, produce() says so, and nobody listens."""

    def produce(producer, output, report, *_) -> None:
        with suppress(BufferError):
            producer.produce(output.topic, output.value, output.key, headers=list(output.headers), on_delivery=report)

    exactly_once.produce = produce


def no_rewind() -> None:
    """A window whose transaction was aborted is not read again."""
    Source.rewind = lambda *_: None


def offsets_before_outputs() -> None:
    """At least once, the wrong way about: at most once."""

    def publish(self, outputs, window, **options) -> None:
        self._commit(window)
        self._visit("committed-early")
        right(self, outputs, window, **options)

    right = AtLeastOnce.publish
    AtLeastOnce.publish = publish


def nothing_waited_for() -> None:
    """Offsets are committed while the outputs are still in the client's queue."""
    AtLeastOnce._flush = lambda self, reports: reports.flushed()


def late_fence() -> None:
    """Who we are is asked for after the records came, and whether we still own them is not asked at all."""

    def receive(self, sizing) -> Window:
        window = right(self, sizing)
        if held or not window.records:
            return window
        held.append(window)
        records = list(window.records)
        self._consumer.pause(self._consumer.assignment())
        joined_until, until = time.monotonic() + JOINED_S, None
        while time.monotonic() < (until or joined_until):
            if until is None and self._epoch > window.fence.epoch:
                until = time.monotonic() + HELD_S  # the new owner begins meanwhile
            message = self._consumer.poll(0.05)
            if message is not None and message.error() is None:
                records.append(record_of(message))
        self._consumer.resume(self._consumer.assignment())
        fence = Fence(self._consumer.consumer_group_metadata(), self._epoch)
        return replace(window, records=records, fence=fence)

    held: list[Window] = []
    right = Source.receive
    Source.receive = receive
    Source.owns = lambda *_: True


def dead_letters_dropped() -> None:
    """What could not be read is logged, and gone."""
    _outputs(lambda outputs: [each for each in outputs if not each.topic.endswith(".dead")])


def backwards() -> None:
    """A window's answers are written in another order than its records came in."""
    _outputs(lambda outputs: outputs[::-1])


def _outputs(changed) -> None:
    def publish(self, outputs, window, **options) -> None:
        right(self, changed(list(outputs)), window, **options)

    right = ExactlyOnce.publish
    ExactlyOnce.publish = publish


VARIANTS = {
    each.__name__: each
    for each in (
        offset_without_one_more,
        full_queue_ignored,
        no_rewind,
        offsets_before_outputs,
        nothing_waited_for,
        late_fence,
        dead_letters_dropped,
        backwards,
    )
}
