"""How far all processes of a run have come, asked of Kafka beside the loop."""

import threading
import time
from collections.abc import Mapping
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

from consumer.errors import SurroundingsError
from consumer.quarantine import Place
from consumer.replay.reader import reader_config
from consumer.replay.runs import Known, Run, Runs

EVERY_S = 0.5
ANSWER_S = 10.0
NEWS_S = 0.1


def committed(config: Mapping[str, Any], run: Run) -> dict[Place, int]:
    """
    The run's next offset in each of its partitions.

    Raises SurroundingsError when Kafka does not answer, Expired when it knows none any more. A consumer asks: the admin
    client died of a broker's death (docs/delivery.md).
    """
    consumer = Consumer(reader_config(config, run.group_id))
    try:
        return _committed(consumer, run)
    except KafkaException as problem:
        raise SurroundingsError(
            f"Kafka did not say how far run {run.run} is ({problem.args[0].name()}): check the brokers, and READ on "
            f"group {run.group_id!r}"
        ) from problem
    finally:
        consumer.close()


def left(run: Run, offsets: Mapping[Place, int]) -> int:
    return sum(max(0, end - offsets[place]) for place, end in run.ends.items())


class Expired(SurroundingsError):
    """Kafka has forgotten how far a run was."""


class Progress:
    """Looks twice a second, in a thread, until closed; whether it is over is what it saw last."""

    def __init__(self, config: Mapping[str, Any], run: Run, runs: Runs) -> None:
        self._run = run
        self._group = Consumer(reader_config(config, run.group_id))
        self._news = Consumer(reader_config(config, "shikyu-runs"))
        self._news.assign([TopicPartition(runs.topic, 0, OFFSET_BEGINNING)])
        self._known = Known()
        self.left = run.records
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._look, name="progress", daemon=True)
        self._thread.start()

    @property
    def is_done(self) -> bool:
        return self.left == 0

    @property
    def is_cancelled(self) -> bool:
        ended = self._known.ended.get(self._run.run)
        return ended is not None and ended.kind == "cancelled"

    def is_over(self) -> bool:
        return self.is_done or self.is_cancelled

    def close(self) -> None:
        self._closing.set()
        self._thread.join(ANSWER_S)
        if not self._thread.is_alive():
            self._group.close()
            self._news.close()

    def _look(self) -> None:
        while not self._closing.wait(EVERY_S):
            try:
                self.left = left(self._run, _committed(self._group, self._run))
                _read_on(self._news, self._known)
            except (KafkaException, SurroundingsError):
                continue  # it is asked again; what is wrong, the loop says


def _committed(consumer: Consumer, run: Run) -> dict[Place, int]:
    answers = consumer.committed([TopicPartition(*place) for place in run.ends], timeout=ANSWER_S)
    for each in answers:
        if each.error is not None:
            raise KafkaException(each.error)
        if each.offset < 0:
            raise Expired(
                f"run {run.run} has no offset in {each.topic}/{each.partition} any more: Kafka forgets a group's after "
                "offsets.retention.minutes without a member. What was answered is not known, so it can't go on; begin "
                "another run"
            )
    return {(each.topic, each.partition): each.offset for each in answers}


def _read_on(consumer: Consumer, known: Known) -> None:
    until = time.monotonic() + NEWS_S
    while time.monotonic() < until and (message := consumer.poll(NEWS_S)) is not None:
        if message.error() is None:
            value = message.value()
            known.add(value if isinstance(value, bytes) else None)
