"""At least once: acknowledged outputs, then a commit."""

from collections.abc import Callable, Sequence
from typing import Any

import structlog
from confluent_kafka import KafkaException, Producer

from consumer.publish import Dropped, Reports, Stopping, produce
from consumer.receive import Window
from consumer.records import OutputRecord
from consumer.visits import Visit, nothing

log = structlog.get_logger()


class AtLeastOnce:
    """Every output acknowledged, then the offsets committed: nothing is lost, a window may be seen twice."""

    def __init__(
        self,
        config: dict[str, Any],
        commit: Callable[[Window], None],
        stopping: Stopping,
        *,
        visit: Visit = nothing,
        logger: Any = None,
    ) -> None:
        self._commit = commit
        self._stopping = stopping
        self._visit = visit
        self._producer = Producer(config, logger=logger) if logger else Producer(config)

    def publish(self, outputs: Sequence[OutputRecord], window: Window, *, one_by_one: bool = False) -> None:
        reports = Reports()
        for index, output in enumerate(outputs):
            try:
                produce(self._producer, output, reports.callback(index), self._stopping)
            except KafkaException as problem:
                reports.failed[index] = problem.args[0]
            if one_by_one:
                self._flush()
        self._visit("produced")
        self._flush()
        self._visit("flushed")
        reports.raise_rejected()
        if reports.delivered != len(outputs):
            raise Dropped("not every output was acknowledged")
        try:
            self._commit(window)
        except KafkaException as problem:
            log.warning("commit-failed", error=problem.args[0].name())
            raise Dropped("the offsets were not committed") from problem
        self._visit("committed")

    def _flush(self) -> None:
        while self._producer.flush(0.5):
            if self._stopping():
                raise Dropped("stopped before the window was acknowledged")

    def close(self) -> None:
        self._producer.flush(2.0)
