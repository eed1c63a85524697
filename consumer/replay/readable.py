"""
Whether a run's answers can be read.

A process that was killed in a transaction leaves it open until its time-out, and until then readers of committed
records are given nothing that stands behind it, the answers of the processes that finished for it among them.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from confluent_kafka import IsolationLevel

from consumer.errors import LimitError, SurroundingsError
from consumer.flips.read import Place, ends
from consumer.replay.entries import Run

log = structlog.get_logger()

LOOK_EVERY_S = 0.2


def wait_until_readable(
    config: Mapping[str, Any], run: Run, counts: Mapping[str, int], patience_s: float, stopping: Callable[[], bool]
) -> None:
    """
    Returns once readers of committed records are given all that stands now in the run's topics.

    `counts` is how many partitions each has. Raises LimitError when told to leave, SurroundingsError when Kafka does
    not answer, or a transaction is still open after `patience_s`.
    """
    topics = {run.topics.urgent, run.topics.routine, run.topics.dead_letters}
    places = [(topic, partition) for topic in sorted(topics) for partition in range(counts.get(topic, 0))]
    written = ends(config, places, IsolationLevel.READ_UNCOMMITTED)
    until, is_told = time.monotonic() + patience_s, False
    while behind := _behind(config, written):
        names = sorted({topic for topic, _ in behind})
        if not is_told:
            log.warning("answers-held-back", run=run.run, topics=names)
            is_told = True
        if stopping():
            raise LimitError(
                f"run {run.run} is answered, but not all of it can be read yet: a transaction stands open in "
                f"{', '.join(names)}. The same command says when it can"
            )
        if time.monotonic() > until:
            raise SurroundingsError(
                f"run {run.run} is answered, but since {patience_s:.0f} s a transaction stands open in "
                f"{', '.join(names)}, and holds answers back from readers of committed records. Kafka aborts it after "
                "its producer's transaction.timeout.ms; kafka-transactions.sh describe-producers tells whose it is. "
                "The same command says when all can be read"
            )
        time.sleep(LOOK_EVERY_S)


def _behind(config: Mapping[str, Any], written: Mapping[Place, int]) -> list[Place]:
    stable = ends(config, list(written), IsolationLevel.READ_COMMITTED)
    return [place for place, end in written.items() if stable[place] < end]
