"""How far all processes of a run have come, asked of Kafka beside the loop."""

import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from consumer.admin import admin_client
from consumer.errors import SurroundingsError
from consumer.quarantine import Place
from consumer.replay.entries import Known, Run, Span
from consumer.replay.reader import reader_config
from consumer.replay.runs import Runs

EVERY_S = 0.5
ANSWER_S = 10.0
NEWS_S = 0.1


def committed(config: Mapping[str, Any], run: Run, patience_s: float = 0.0) -> dict[Place, int]:
    """
    The run's next offset in each of its partitions.

    While a transaction that somebody left behind holds them back it is asked again, for `patience_s`. Raises
    SurroundingsError when Kafka does not answer, Expired when it knows none any more. A consumer asks: the admin client
    died of a broker's death (docs/delivery.md).
    """
    consumer = Consumer(reader_config(config, run.group_id))
    until = time.monotonic() + patience_s
    try:
        while True:
            try:
                return _committed(consumer, run)
            except KafkaException as problem:
                if problem.args[0].code() == KafkaError._TIMED_OUT and time.monotonic() < until:
                    continue
                raise SurroundingsError(
                    f"Kafka did not say how far run {run.run} is ({problem.args[0].name()}): a process that died in a "
                    "transaction holds it back for delivery.transaction_timeout_s; or check the brokers, and READ on "
                    f"group {run.group_id!r}"
                ) from problem
    finally:
        consumer.close()


def members(config: Mapping[str, Any], group: str) -> int:
    """How many processes are in the group, as far as Kafka tells; raises SurroundingsError when it does not answer."""
    admin = admin_client(config)
    try:
        return len(admin.describe_consumer_groups([group], request_timeout=ANSWER_S)[group].result().members)
    except KafkaException as problem:
        if problem.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
            return 0
        raise SurroundingsError(
            f"Kafka did not say who is in group {group!r} ({problem.args[0].name()}): grant DESCRIBE on it"
        ) from problem


def up_to(run: Run, offsets: Mapping[Place, int]) -> tuple[Span, ...]:
    """What is answered of the window."""
    return tuple(span.model_copy(update={"end": min(span.end, offsets[span.place])}) for span in run.window)


def yet_to_do(run: Run, offsets: Mapping[Place, int]) -> tuple[Span, ...]:
    """What is not answered of it yet."""
    rest = (span.model_copy(update={"start": max(span.start, offsets[span.place])}) for span in run.window)
    return tuple(span for span in rest if span.start < span.end)


def left(run: Run, offsets: Mapping[Place, int]) -> int:
    return sum(max(0, end - offsets[place]) for place, end in run.ends.items())


class Expired(SurroundingsError):
    """Kafka has forgotten how far a run was."""


class Progress:
    """Looks twice a second, in a thread, until closed; whether it is over is what it saw last."""

    def __init__(self, config: Mapping[str, Any], run: Run, runs: Runs, left: int) -> None:
        """`left` is how much was left of it a moment ago."""
        self._run = run
        self._group = Consumer(reader_config(config, run.group_id))
        self._news = Consumer(reader_config(config, "shikyu-runs"))
        self._news.assign([TopicPartition(runs.topic, 0, OFFSET_BEGINNING)])
        self._known = Known()
        self.left = left
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
        # The news first: offsets may be held back for long. What fails is asked again, and the loop says what is wrong.
        while not self._closing.wait(EVERY_S):
            with suppress(KafkaException):
                _read_on(self._news, self._known)
            with suppress(KafkaException, SurroundingsError):
                self.left = left(self._run, _committed(self._group, self._run))


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
