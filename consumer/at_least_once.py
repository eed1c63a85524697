"""At least once: acknowledged outputs, then a commit."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import structlog
from confluent_kafka import KafkaError, KafkaException, Producer

from consumer.errors import SurroundingsError
from consumer.publish import FORBIDDEN, Dropped, Moved, Reports, Stopping, fatal_is_told, flush, is_fatal, produce
from consumer.records import OutputRecord
from consumer.visits import Visit, nothing
from consumer.window import Window

log = structlog.get_logger()

# Nothing polls while a commit is tried again. Its limit lies far within max.poll.interval.ms, and until the next poll
# no partition of ours goes to another member but by force, which the broker then says.
COMMIT_S = 60.0
FIRST_RETRY_S = 0.1
MAX_RETRY_S = 1.0

# confluent-kafka flags no error of a commit as retriable; these are, as in Kafka's own client.
PASSING = {
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
    KafkaError.REQUEST_TIMED_OUT,
    KafkaError.NETWORK_EXCEPTION,
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._TIMED_OUT,
    KafkaError._TRANSPORT,
    KafkaError._WAIT_COORD,  # noqa: SLF001 - librdkafka's own codes begin like this
}


class AtLeastOnce:
    """Every output acknowledged, then the offsets committed: nothing is lost, a window may be seen twice."""

    def __init__(
        self,
        config: dict[str, Any],
        commit: Callable[[Window], None],
        stopping: Stopping,
        *,
        moved: Moved = lambda: None,
        on_error: Callable[[KafkaError], None] = lambda _: None,
        visit: Visit = nothing,
        logger: Any = None,
    ) -> None:
        """`commit` raises KafkaException; `moved` is called in each round of waiting."""
        self._config = {**config, "error_cb": on_error}
        self._commit = commit
        self._stopping = stopping
        self._moved = moved
        self._visit = visit
        self._logger = {"logger": logger} if logger else {}
        self._window: Window | None = None
        self._acknowledged: dict[int, OutputRecord] = {}
        self._producer = Producer(self._config, **self._logger)

    def publish(
        self, outputs: Sequence[OutputRecord], window: Window, *, flush_before: Collection[int] = frozenset()
    ) -> None:
        """As Publisher has it. An output that was acknowledged is not written again after a refusal in its window."""
        if window is not self._window:
            self._window, self._acknowledged = window, {}
        reports = Reports(outputs)
        try:
            self._write(outputs, reports, flush_before)
        except KafkaException as problem:
            self._replace(problem)
            raise Dropped("the producer died before the window was acknowledged") from problem
        self._acknowledged |= {index: outputs[index] for index in reports.acknowledged}
        reports.raise_cause(self._producer)
        if reports.failed:
            log.warning("outputs-failed", errors=sorted({error.name() for error in reports.failed.values()}))
            raise Dropped("not every output was acknowledged")
        self._commit_patiently(window)
        self._visit("committed")

    def close(self) -> None:
        """What is still queued was not committed, so that it will be read and written again."""
        self._producer.purge()

    def _write(self, outputs: Sequence[OutputRecord], reports: Reports, flush_before: Collection[int]) -> None:
        """Raises KafkaException when the producer died."""
        for index, output in self._unwritten(outputs):
            if index in flush_before:
                self._flush(reports)
            try:
                produce(self._producer, output, reports.callback(index), self._stopping, self._moved)
            except KafkaException as problem:
                if is_fatal(problem.args[0]):
                    raise
                reports.refused_here(index, problem.args[0])
        self._visit("produced")
        self._flush(reports)
        self._visit("flushed")

    def _unwritten(self, outputs: Sequence[OutputRecord]) -> Iterator[tuple[int, OutputRecord]]:
        """What was not acknowledged yet, and what stands behind it under the same key: order goes before economy."""
        again = set()
        for index, output in enumerate(outputs):
            line = (output.topic, output.key)
            if self._acknowledged.get(index) is output and line not in again:
                continue
            if output.key is not None:
                again.add(line)
            yield index, output

    def _flush(self, reports: Reports) -> None:
        flush(self._producer, reports.topics, self._stopping, self._moved)
        reports.flushed()

    def _replace(self, problem: KafkaException) -> None:
        """An idempotent producer that died takes nothing more: its successor begins with new sequence numbers."""
        error = self._cause(problem)
        if error.code() in FORBIDDEN:
            raise SurroundingsError(
                f"Kafka forbids this producer to write ({error.name()}): grant IDEMPOTENT_WRITE on the cluster and "
                "WRITE on the output topics, then start again",
                page="security#acls",
            ) from problem
        log.warning("producer-recreated", why=error.name())
        self._producer.purge()  # else its destructor waits for what is queued
        self._producer = Producer(self._config, **self._logger)

    def _cause(self, problem: KafkaException) -> KafkaError:
        """produce() only says that the producer is dead; why comes out of the callback that is served next."""
        error: KafkaError = problem.args[0]
        if error.code() == KafkaError._FATAL:
            try:
                with fatal_is_told():
                    self._producer.poll(0)
            except KafkaException as told:
                error = told.args[0]
        return error

    def _commit_patiently(self, window: Window) -> None:
        """The outputs stand already: whatever is dropped now is written a second time."""
        until = time.monotonic() + COMMIT_S
        retry_s = FIRST_RETRY_S
        while True:
            self._moved()
            try:
                self._commit(window)
                return
            except KafkaException as problem:
                error = problem.args[0]
                log.warning("commit-failed", error=error.name())
                if error.code() in FORBIDDEN:
                    raise SurroundingsError(
                        f"Kafka forbids this group to commit ({error.name()}): grant READ on the group and on the "
                        "input topics, then start again",
                        page="security#acls",
                    ) from problem
                if error.code() not in PASSING or self._stopping() or time.monotonic() > until:
                    raise Dropped("the offsets were not committed") from problem
            time.sleep(retry_s)
            retry_s = min(MAX_RETRY_S, 2 * retry_s)
