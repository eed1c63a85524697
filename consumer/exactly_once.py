"""
Exactly once: one Kafka transaction a window.

The replies to each error follow the table in docs/delivery.md: dispatch on the code _FATAL first, then on the flags,
for _TIMED_OUT alone has two meanings.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from confluent_kafka import KafkaError, KafkaException, Producer

from consumer.errors import SurroundingsError
from consumer.publish import RECORDS_FAULT, Dropped, Reports, Stopping, produce
from consumer.receive import Window
from consumer.records import OutputRecord
from consumer.visits import Visit, nothing
from consumer.watchdog import Watchdog

log = structlog.get_logger()

CALL_S = 10.0  # limit of one transactional call; a retriable one is called again
HANG_S = 5.0  # how much longer a call may take than its limit before it counts as hung
MAX_FENCES = 3
FENCES_WITHIN_S = 300.0

_FORBIDDEN = {
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
}


class _Abortable(Exception):
    """The transaction has to be aborted."""


class _Fenced(Exception):
    """This producer can't be used any more."""


class ExactlyOnce:
    """One transaction a window: outputs, dead letters and input offsets become visible together or not at all."""

    def __init__(
        self,
        config: dict[str, Any],
        watchdog: Watchdog,
        stopping: Stopping,
        *,
        visit: Visit = nothing,
        logger: Any = None,
    ) -> None:
        """`config` is librdkafka's, with a stable transactional.id. Fences a predecessor in the same slot at once."""
        self._config = config
        self._watchdog = watchdog
        self._stopping = stopping
        self._visit = visit
        self._logger = {"logger": logger} if logger else {}
        self._fences: list[float] = []
        self._aborts_in_a_row = 0
        self._tainted = self._disturbed = False
        self._producer = self._new_producer()

    def publish(self, outputs: Sequence[OutputRecord], window: Window, *, one_by_one: bool = False) -> None:
        reports = Reports()
        try:
            self._transact(outputs, window, reports, one_by_one)
            self._aborts_in_a_row = 0
            if self._tainted:
                self._recreate("a call had timed out")
            return
        except _Abortable:
            self._abort()
        except _Fenced:
            # A broker that goes away is no fence: no other process took our slot.
            self._recreate("a broker went away" if self._disturbed else "fenced")
        reports.raise_rejected()
        raise Dropped("the transaction was aborted")

    def close(self) -> None:
        """What is queued belongs to no transaction any more; flushing it could only wait."""
        self._producer.purge()

    def _transact(self, outputs: Sequence[OutputRecord], window: Window, reports: Reports, one_by_one: bool) -> None:
        self._producer.poll(0)
        if self._disturbed:
            # Its next send_offsets could hang; a new producer's does not.
            self._recreate("a broker went away")
        self._call("begin_transaction", self._producer.begin_transaction)
        self._visit("begun")
        for index, output in enumerate(outputs):
            self._produce(output, reports, index)
            if one_by_one:
                self._flush()
        self._visit("produced")
        # Flush first: a broker that is gone shows here, where waiting is bounded, and not in send_offsets.
        self._flush()
        if reports.failed:
            raise _Abortable
        if self._disturbed:
            raise _Fenced
        self._visit("flushed")
        self._call(
            "send_offsets_to_transaction",
            self._producer.send_offsets_to_transaction,
            window.next_offsets(),
            window.fence.group_metadata,
            CALL_S,
        )
        self._visit("offsets-sent")
        self._call("commit_transaction", self._producer.commit_transaction, CALL_S)
        self._visit("committed")

    def _produce(self, output: OutputRecord, reports: Reports, index: int) -> None:
        try:
            produce(self._producer, output, reports.callback(index), self._stopping)
        except Dropped:
            raise _Abortable from None
        except KafkaException as problem:
            error = problem.args[0]
            if error.code() in RECORDS_FAULT:
                # librdkafka's own refusal does not fail the transaction: forgetting it would lose the record.
                reports.failed[index] = error
                return
            log.warning("produce-failed", error=error.name(), fatal=error.fatal())
            raise (_Fenced if _is_fatal(error) else _Abortable) from problem

    def _flush(self) -> None:
        while True:
            try:
                waiting = self._producer.flush(0.5)
            except KafkaException as problem:
                log.warning("flush-failed", error=problem.args[0].name())
                raise _Fenced from problem
            if not waiting:
                return
            if self._stopping():
                raise _Abortable

    def _call(self, name: str, call: Callable[..., Any], *arguments: Any, abortable: bool = True) -> None:
        """A transactional call, again as long as it is retriable; else _Abortable or _Fenced."""
        while True:
            try:
                with self._watchdog(CALL_S + HANG_S, name):
                    call(*arguments)
                return
            except KafkaException as problem:
                error = problem.args[0]
                log.warning(
                    "transaction-call-failed",
                    call=name,
                    error=error.name(),
                    fatal=error.fatal(),
                    retriable=error.retriable(),
                    abort=error.txn_requires_abort(),
                )
                if error.code() in _FORBIDDEN:
                    raise SurroundingsError(_forbidden(error, self._config["transactional.id"])) from problem
                if _is_fatal(error):
                    raise _Fenced from problem
                if error.txn_requires_abort() and abortable:
                    raise _Abortable from problem
                if not error.retriable():
                    raise _Fenced from problem
                # The outcome is in doubt: finish this call, never abort it, then go on with a new producer.
                self._tainted = True
                if self._stopping():
                    raise _Fenced from problem

    def _abort(self) -> None:
        self._aborts_in_a_row += 1
        try:
            self._call("abort_transaction", self._producer.abort_transaction, CALL_S, abortable=False)
        except _Fenced:
            self._recreate("fenced")
            return
        if self._tainted:
            self._recreate("a call had timed out")
        elif self._aborts_in_a_row > 1:
            self._recreate("second abort in a row")

    def _recreate(self, why: str) -> None:
        """A new producer under the same id. init_transactions() aborts whatever the old one left open."""
        now = time.monotonic()
        if why == "fenced":
            self._fences = [at for at in self._fences if now - at < FENCES_WITHIN_S] + [now]
            if len(self._fences) > MAX_FENCES:
                raise SurroundingsError(
                    f"fenced {len(self._fences)} times within {FENCES_WITHIN_S:.0f} s: another process uses the "
                    f"transactional.id {self._config['transactional.id']!r}. Give each consumer a slot of its own"
                )
        log.info("producer-recreated", why=why)
        self._producer.purge()  # else its destructor waits for what is queued
        self._producer = self._new_producer()

    def _new_producer(self) -> Producer:
        self._disturbed = False
        producer = Producer({**self._config, "error_cb": self._on_error}, **self._logger)
        try:
            self._call("init_transactions", producer.init_transactions, CALL_S, abortable=False)
        except _Fenced as problem:
            if self._stopping():
                raise Dropped("stopped while the broker was away") from problem
            raise SurroundingsError(
                "the transaction coordinator did not take this producer: check that the brokers run and that "
                "transaction.timeout.ms is at most the broker's transaction.max.timeout.ms"
            ) from problem
        self._tainted = False
        return producer

    def _on_error(self, error: KafkaError) -> None:
        if error.code() in (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN):
            self._disturbed = True


def _is_fatal(error: KafkaError) -> bool:
    return error.code() == KafkaError._FATAL or bool(error.fatal())


def _forbidden(error: KafkaError, transactional_id: str) -> str:
    return (
        f"Kafka forbids this transaction ({error.name()}): grant WRITE and DESCRIBE on transactional id "
        f"{transactional_id!r}, READ on the group, and WRITE on the output topics, then start again"
    )
