"""
Exactly once: one Kafka transaction a window.

The replies to each error follow the table in docs/delivery.md: dispatch on the code _FATAL first, then on the flags,
for _TIMED_OUT alone has two meanings.
"""

import math
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import Any

import structlog
from confluent_kafka import KafkaError, KafkaException, Producer

from consumer.errors import SurroundingsError
from consumer.publish import (
    FORBIDDEN,
    RECORDS_FAULT,
    Dropped,
    Moved,
    Reports,
    Stopping,
    fatal_is_told,
    flush,
    is_fatal,
    produce,
)
from consumer.receive_errors import AWAY
from consumer.records import OutputRecord
from consumer.visits import Visit, nothing
from consumer.watchdog import Watchdog
from consumer.window import Window

log = structlog.get_logger()

CALL_S = 10.0  # limit of one transactional call; a retriable one is called again
INIT_S = 1.0  # of init_transactions, which is waited for at the start: no signal is served meanwhile
# A commit that is in doubt is asked for again for so long. What still is then, a new producer's init_transactions
# settles: it finishes a commit that had begun and aborts what had not, and the window is read again from there.
STUCK_S = 30.0
HANG_S = 5.0  # how much longer a call may take than its limit before it counts as hung
LAST_ABORT_S = 5.0  # of a process that leaves in any case
RETRY_S = 0.05
MAX_FENCES = 3
FENCES_WITHIN_S = 300.0


class _Abortable(Exception):
    """The transaction has to be aborted."""


class _Unusable(Exception):
    """This producer can't be used any more; `fatal` when it said so itself, which mostly is a fence."""

    def __init__(self, *, fatal: bool) -> None:
        super().__init__()
        self.fatal = fatal


class ExactlyOnce:
    """One transaction a window: outputs, dead letters and input offsets become visible together or not at all."""

    def __init__(
        self,
        config: dict[str, Any],
        watchdog: Watchdog,
        stopping: Stopping,
        *,
        moved: Moved = lambda: None,
        on_error: Callable[[KafkaError], None] = lambda _: None,
        visit: Visit = nothing,
        logger: Any = None,
    ) -> None:
        """
        `config` is librdkafka's, with a stable transactional.id. Fences a predecessor in the same slot at once.

        `moved` is called in each round of waiting: a broker that is away must not look like a loop that hangs.
        """
        self._config = config
        self._watchdog = watchdog
        self._stopping = stopping
        self._moved = moved
        self._told = on_error
        self._visit = visit
        self._logger = {"logger": logger} if logger else {}
        self._fences: list[float] = []
        self._aborts_in_a_row = 0
        self._tainted = self._disturbed = self._refused = False
        self._producer = self._new_producer()

    def publish(
        self, outputs: Sequence[OutputRecord], window: Window, *, flush_before: Collection[int] = frozenset()
    ) -> None:
        reports = Reports(outputs)
        try:
            self._renew()
            self._transact(outputs, window, reports, flush_before)
        except _Abortable:
            self._abort()
        except _Unusable as problem:
            self._replace(problem)
        except SurroundingsError:
            self._abort_and_leave()
            raise
        else:
            self._aborts_in_a_row = 0
            return
        self._refused = reports.any_refused
        reports.raise_cause(self._producer)
        self._aborts_in_a_row += 1
        raise Dropped("the transaction was aborted")

    def close(self) -> None:
        """What is queued belongs to no transaction any more; flushing it could only wait."""
        self._producer.purge()

    def _renew(self) -> None:
        self._serve_callbacks()
        if self._disturbed:
            # Its next send_offsets could hang; a new producer's does not.
            self._recreate("a broker went away")
        elif self._tainted:
            self._recreate("a call had timed out")
        elif self._refused:
            # The broker's count of this producer's records has a gap where the refused batch stood: its next
            # transaction would fail with OUT_OF_ORDER_SEQUENCE_NUMBER (seen with Kafka 4.4 and librdkafka 2.16).
            self._recreate("outputs were refused")
        elif self._aborts_in_a_row > 1:
            self._recreate("second abort in a row")

    def _transact(
        self, outputs: Sequence[OutputRecord], window: Window, reports: Reports, flush_before: Collection[int]
    ) -> None:
        self._call("begin_transaction", self._producer.begin_transaction)
        self._visit("begun")
        for index, output in enumerate(outputs):
            if index in flush_before:
                self._flush(reports, window)
            if not self._produce(output, reports, index):
                self._flush(reports, window)
                raise _Abortable
        self._visit("produced")
        # Flush first: a broker that is gone shows here, where waiting is bounded, and not in send_offsets.
        self._flush(reports, window)
        self._visit("flushed")
        self._send_offsets(window)
        self._visit("offsets-sent")
        self._call("commit_transaction", self._producer.commit_transaction, CALL_S)
        self._visit("committed")

    def _produce(self, output: OutputRecord, reports: Reports, index: int) -> bool:
        """False when the transaction failed with an earlier record, and takes no more."""
        try:
            produce(self._producer, output, reports.callback(index), self._stopping, self._moved)
        except Dropped:
            raise _Abortable from None
        except KafkaException as problem:
            error = problem.args[0]
            # Remembered, or the transaction, which librdkafka's own refusal does not fail, would commit without it.
            reports.refused_here(index, error)
            if error.code() in RECORDS_FAULT:
                return True
            log.warning("produce-failed", error=error.name(), fatal=error.fatal())
            self._raise_when_dead(problem)
            return False
        return True

    def _flush(self, reports: Reports, window: Window) -> None:
        try:
            # What is in flight behind a failed batch waits for the abort: waiting for it would end in a fence, when the
            # transaction times out.
            flush(self._producer, reports.topics, self._stopping, self._moved, enough=lambda: bool(reports.failed))
        except Dropped:
            raise _Abortable from None
        except KafkaException as problem:
            log.warning("flush-failed", error=problem.args[0].name())
            self._raise_when_dead(problem)
            raise _Unusable(fatal=False) from problem
        reports.flushed()
        if reports.any_refused:
            raise _Abortable
        if self._disturbed:
            raise _Unusable(fatal=False)
        if reports.failed:
            # The records only know that they were purged; why the transaction failed is told by its next call.
            self._send_offsets(window)
            raise _Abortable

    def _send_offsets(self, window: Window) -> None:
        self._call(
            "send_offsets_to_transaction",
            self._producer.send_offsets_to_transaction,
            window.next_offsets(),
            window.fence.group_metadata,
            CALL_S,
            # A connection to the coordinator that hangs is noticed after socket.timeout.ms, and the group waits for us
            # meanwhile; a new producer connects anew. Nothing is in doubt yet, so once is enough.
            stuck_s=0.0,
        )

    def _call(
        self,
        name: str,
        call: Callable[..., Any],
        *arguments: Any,
        abortable: bool = True,
        stuck_s: float | None = None,
    ) -> None:
        """
        A transactional call, again as long as it is retriable; else _Abortable, _Unusable or SurroundingsError.

        Retriable for longer than `stuck_s` (STUCK_S) is _Unusable, too.
        """
        until = time.monotonic() + (STUCK_S if stuck_s is None else stuck_s)
        while True:
            self._moved()
            try:
                with fatal_is_told(), self._watchdog(CALL_S + HANG_S, name):
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
                self._raise_when_dead(problem)
                if error.txn_requires_abort() and abortable:
                    raise _Abortable from problem
                if not error.retriable():
                    raise _Unusable(fatal=False) from problem
                # The outcome is in doubt: finish this call, never abort it, then go on with a new producer.
                self._tainted = True
                if self._stopping() or time.monotonic() > until:
                    raise _Unusable(fatal=False) from problem
                time.sleep(RETRY_S)

    def _raise_when_dead(self, problem: KafkaException) -> None:
        error = problem.args[0]
        if error.code() in FORBIDDEN:
            raise SurroundingsError(
                _forbidden(error, self._config["transactional.id"]), page="security#acls"
            ) from problem
        if is_fatal(error):
            raise _Unusable(fatal=True) from problem

    def _abort(self) -> None:
        try:
            self._call("abort_transaction", self._producer.abort_transaction, CALL_S, abortable=False)
        except _Unusable as problem:
            self._replace(problem)

    def _abort_and_leave(self) -> None:
        """Once, whatever comes of it: what stays open would keep readers waiting until it times out."""
        with suppress(KafkaException), fatal_is_told(), self._watchdog(LAST_ABORT_S + HANG_S, "abort_transaction"):
            self._producer.abort_transaction(LAST_ABORT_S)

    def _replace(self, problem: _Unusable) -> None:
        self._serve_callbacks()
        if self._disturbed:
            # Nobody took our slot: a producer dies of a broker that goes away too.
            self._recreate("a broker went away")
        elif problem.fatal:
            self._count_fence()
            self._recreate("fenced")
        else:
            self._recreate("a call failed for good")

    def _count_fence(self) -> None:
        now = time.monotonic()
        self._fences = [at for at in self._fences if now - at < FENCES_WITHIN_S] + [now]
        if len(self._fences) > MAX_FENCES:
            raise SurroundingsError(
                f"fenced {len(self._fences)} times within {FENCES_WITHIN_S:.0f} s. Either another process uses the "
                f"transactional.id {self._config['transactional.id']!r}: give each consumer a slot of its own. Or the "
                "brokers end transactions that take longer than delivery.transaction_timeout_s: raise it"
            )

    def _recreate(self, why: str) -> None:
        """A new producer under the same id. init_transactions() aborts whatever the old one left open."""
        log.info("producer-recreated", why=why)
        self._producer.purge()  # else its destructor waits for what is queued
        self._producer = self._new_producer()
        self._aborts_in_a_row = 0

    def _new_producer(self) -> Producer:
        self._disturbed = False
        producer = Producer({**self._config, "error_cb": self._on_error}, **self._logger)
        try:
            self._call("init_transactions", producer.init_transactions, INIT_S, abortable=False, stuck_s=math.inf)
        except _Unusable as problem:
            if self._stopping():
                raise Dropped("stopped while the broker was away") from problem
            raise SurroundingsError(
                "the transaction coordinator did not take this producer: check that the brokers run and that "
                "transaction.timeout.ms is at most the broker's transaction.max.timeout.ms"
            ) from problem
        self._tainted = self._refused = False
        return producer

    def _serve_callbacks(self) -> None:
        with suppress(KafkaException), fatal_is_told():  # a fatal error comes out of the next call too
            self._producer.poll(0)

    def _on_error(self, error: KafkaError) -> None:
        self._told(error)
        if error.code() in AWAY:
            self._disturbed = True


def _forbidden(error: KafkaError, transactional_id: str) -> str:
    return (
        f"Kafka forbids this transaction ({error.name()}): grant WRITE and DESCRIBE on transactional id "
        f"{transactional_id!r}, READ on the group, and WRITE on the output topics, then start again"
    )
