"""
Consumers that are wrong on purpose, each in one way that somebody has written before.

`python -m tests.delivery.worker` becomes one by its plan's `variant`; tests/delivery/test_variants.py has the schedule
that shows it.
"""

import time
from contextlib import suppress
from dataclasses import replace

from confluent_kafka import KafkaException, TopicPartition

from consumer import exactly_once
from consumer.at_least_once import AtLeastOnce
from consumer.exactly_once import ExactlyOnce
from consumer.loop import Loop
from consumer.publish import Dropped
from consumer.receive import Source
from consumer.window import Fence, Window

OTHERS_S = 15.0  # until whoever has the partitions now has answered too


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


def dead_letters_dropped() -> None:
    """What could not be read is logged, and gone."""
    _outputs(lambda outputs: [each for each in outputs if not each.topic.endswith(".dead")])


def backwards() -> None:
    """A window's answers are written in another order than its records came in."""
    _outputs(lambda outputs: outputs[::-1])


def late_fence() -> None:
    """It polls while the model works, so that the group keeps it, and asks who it is when it writes."""

    def publish(self, answered, window) -> None:
        if {(record.topic, record.partition) for record in window.records} < set(self.source.assignment()):
            raise Dropped("what another takes over has to be in hand")
        until = time.monotonic() + OTHERS_S
        while not others_committed(self.source._consumer, window) and time.monotonic() < until:
            self.source.wait(0.1, self.stopping)
        fence = Fence(self.source._consumer.consumer_group_metadata(), self.source.rebalances)
        right(self, answered, replace(window, fence=fence))

    def others_committed(consumer, window) -> bool:
        """Some of what is in hand: they took it over, and have answered it."""
        places = {(record.topic, record.partition) for record in window.records}
        with suppress(KafkaException):  # a transaction of theirs is pending
            return any(known.offset > 0 for known in consumer.committed([TopicPartition(*p) for p in places], 2.0))
        return False

    right = Loop.publish
    Loop.publish = publish
    Loop.must_own = lambda *_: None


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
        dead_letters_dropped,
        backwards,
        late_fence,
    )
}
