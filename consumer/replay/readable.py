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

from consumer import surroundings
from consumer.errors import LimitError, SurroundingsError, ToldToLeave
from consumer.offsets import Place, ends
from consumer.replay.entries import Run
from consumer.topics import missing

log = structlog.get_logger()

LOOK_EVERY_S = 1.0
ANSWER_S = 3.0  # of one look: a signal is served between two
SAID_AFTER_S = 3.0  # markers stand a moment later than a commit, and the live stream has transactions of its own


def wait_until_readable(config: Mapping[str, Any], run: Run, patience_s: float, stopping: Callable[[], bool]) -> None:
    """
    Returns once readers of committed records are given all that stands now in the run's topics.

    Raises LimitError when told to leave, SurroundingsError when a topic is gone, or after `patience_s`: then Kafka does
    not answer, or a transaction is still open.
    """
    since, is_said = time.monotonic(), False
    written: dict[Place, int] | None = None
    problem: SurroundingsError | None = None
    places = _places(config, run, stopping)
    while places:
        try:
            if written is None:
                written = ends(config, places, IsolationLevel.READ_UNCOMMITTED, ANSWER_S)
            stable = ends(config, places, answer_s=ANSWER_S)
        except SurroundingsError as error:
            problem = error  # of a broker that goes away, mostly, and with it whoever had the transaction
        else:
            problem = None
            places = [place for place in places if stable[place] < written[place]]
        if places:
            waited_s, topics = time.monotonic() - since, sorted({topic for topic, _ in places})
            if waited_s > patience_s:
                raise problem or _held_back(run, topics, patience_s)
            if stopping():
                raise _told_to_leave(run)
            if waited_s > SAID_AFTER_S and not is_said:
                log.warning("answers-held-back", run=run.run, topics=topics)
                is_said = True
            time.sleep(LOOK_EVERY_S)


def _places(config: Mapping[str, Any], run: Run, stopping: Callable[[], bool]) -> list[Place]:
    try:
        listing = surroundings.listed(config, stopping)
    except ToldToLeave as problem:
        raise _told_to_leave(run) from problem
    topics = list(dict.fromkeys((run.topics.urgent, run.topics.routine, run.topics.dead_letters)))
    if gone := missing(listing, topics):
        raise SurroundingsError(
            f"run {run.run} is answered, and of its topics this client finds no {' and no '.join(gone)}: begin another "
            "run, if they are gone, or grant DESCRIBE"
        )
    return [(topic, partition) for topic in topics for partition in listing.topics[topic].partitions]


def _told_to_leave(run: Run) -> LimitError:
    return LimitError(
        f"run {run.run} is answered, and was told to leave before it was seen that all of it can be read. The same "
        "command says when it can"
    )


def _held_back(run: Run, topics: list[str], patience_s: float) -> SurroundingsError:
    return SurroundingsError(
        f"run {run.run} is answered, but after {patience_s:.0f} s readers of committed records are still not given "
        f"all that stands in {', '.join(topics)}: mostly a transaction is open there, which Kafka aborts after its "
        "producer's transaction.timeout.ms (kafka-transactions.sh describe-producers tells whose it is); or the topic "
        "was made anew. The same command says when all can be read"
    )
