"""
A run is begun in one transaction: its record, and the window's starts as the offsets of its own group.

So whoever sees the record finds the offsets, and offsets that are not there any more have expired. All runs beside one
live group are begun under one transactional.id, one after the other: who begins at the same time is fenced, and what
somebody left half begun is ended.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from consumer.errors import SurroundingsError
from consumer.loop import backoff_s
from consumer.publish import FORBIDDEN, fatal_is_told, is_fatal
from consumer.replay.entries import Known, Run
from consumer.replay.reader import reader_config
from consumer.replay.runs import Runs
from consumer.watchdog import Watchdog

log = structlog.get_logger()

CALL_S = 10.0
# Whoever is killed meanwhile leaves the transaction open, and the topic is read no further for so long: less than
# runs.OPEN_S, whatever windows may take (delivery.transaction_timeout_s).
OPEN_MS = 15_000
HANG_S = 5.0
TIMES = 8


def begin(
    runs: Runs,
    config: dict[str, Any],
    producer_config: dict[str, Any],
    run_id: str,
    group_id: str,
    make: Callable[[Known], Run | None],
) -> Run | None:
    """
    The run of this id, which is another's where somebody was faster; None where `make` gives none.

    `make` is told what there is, and nothing is added meanwhile. Raises SurroundingsError, and what it raises.
    """
    for attempt in range(1, TIMES + 1):
        try:
            return _tried(runs, config, producer_config, run_id, make)
        except KafkaException as problem:
            last = problem
            if not _was_ended(problem.args[0]):
                break
        # Somebody began one meanwhile, and has ended what we had begun. Not at once: else they end each other for ever.
        log.info("run-begun-again", run=run_id, error=last.args[0].name())
        time.sleep(backoff_s(attempt))
        if (first := runs.read(must_exist=True).runs.get(run_id)) is not None:
            return first
    raise _refused(last, runs.topic, run_id, group_id, producer_config["transactional.id"]) from last


def _was_ended(error: KafkaError) -> bool:
    """Whether somebody else who began one may have done it; a missing grant asks for an abort as well."""
    return (is_fatal(error) or error.txn_requires_abort()) and error.code() not in FORBIDDEN


def _tried(
    runs: Runs,
    config: dict[str, Any],
    producer_config: dict[str, Any],
    run_id: str,
    make: Callable[[Known], Run | None],
) -> Run | None:
    watchdog, limit = Watchdog(), CALL_S + HANG_S
    open_ms = min(OPEN_MS, producer_config["transaction.timeout.ms"])
    # What goes wrong is told by its error.
    producer = Producer({**producer_config, "transaction.timeout.ms": open_ms, "log_level": 0})
    with fatal_is_told(), watchdog(limit, "init_transactions"):
        producer.init_transactions(CALL_S)
    known = runs.read(must_exist=True)
    if (first := known.runs.get(run_id)) is not None or (run := make(known)) is None:
        return first
    with fatal_is_told(), watchdog(4 * limit, "beginning a run"):
        producer.begin_transaction()
        try:
            _write(producer, runs.topic, run)
            _send_starts(producer, config, run)
            producer.commit_transaction(CALL_S)
        except KafkaException:
            with suppress(KafkaException):  # half a beginning would hold up whoever reads the topic
                producer.abort_transaction(CALL_S)
            raise
    return run  # nobody else could begin it, and who reads the topic now may not see it yet


def _write(producer: Producer, topic: str, run: Run) -> None:
    """Raises KafkaException unless the record was taken: the transaction itself may be committed without it (seen)."""
    errors: list[KafkaError | None] = []
    value = run.model_dump_json().encode()
    producer.produce(topic, value, run.run.encode(), partition=0, on_delivery=lambda error, _: errors.append(error))
    producer.flush(CALL_S)
    error = errors[0] if errors else KafkaError(KafkaError._TIMED_OUT)
    if error is not None:
        raise KafkaException(error)


def _send_starts(producer: Producer, config: dict[str, Any], run: Run) -> None:
    starts = [TopicPartition(span.topic, span.partition, span.start) for span in run.window]
    nobody = Consumer(reader_config(config, run.group_id))  # the group has no member yet
    try:
        producer.send_offsets_to_transaction(starts, nobody.consumer_group_metadata(), CALL_S)
    finally:
        nobody.close()


def _refused(
    problem: KafkaException, topic: str, run_id: str, group_id: str, transactional_id: str
) -> SurroundingsError:
    error = problem.args[0]
    return SurroundingsError(
        f"Kafka did not let run {run_id} begin ({error.name()}: {error.str()}): if it is not allowed, grant WRITE on "
        f"topic {topic} and on transactional id {transactional_id!r}, and READ on group {group_id!r}; then start again"
    )
