"""The way of a batch: from Kafka, through one transaction of the database, which holds its offsets too."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import TypeVar

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition
from sqlalchemy.orm import Session

from examples.ticketing import aside, desk
from examples.ticketing.database import Database
from examples.ticketing.errors import Away, Unreadable, WrongSettings, WrongSurroundings
from examples.ticketing.events import Event, Reader
from examples.ticketing.positions import Moved, Place, advance, next_offset

T = TypeVar("T")
# A record's coordinates, its value, and what was read of it.
Read = tuple[Place, int, bytes | None, Event | Unreadable]

BATCH = 200
POLL_S = 0.5
WORD_EVERY_S = 10.0
PATIENCE_S = 240.0  # below max.poll.interval.ms, after which the group gives the partitions to others
PAUSE_S = 1.0
UNREADABLE_AT_FIRST = 20

log = logging.getLogger("ticketing")


class Leave(Exception):
    """Told to leave while something was waited for."""


def nothing(_place: str) -> None:
    """What is done at the named places, but for tests, which kill the process there."""


class Ticketing:
    """One consumer of the group; start as many as there are partitions."""

    def __init__(
        self,
        kafka: Mapping[str, str],
        topics: Sequence[str],
        reader: Reader,
        database: Database,
        first_answer: timedelta,
        stopping: Callable[[], bool],
        visit: Callable[[str], None] = nothing,
        patience_s: float = PATIENCE_S,
        batch: int = BATCH,
    ) -> None:
        self._topics = list(topics)
        self._reader = reader
        self._database = database
        self._first_answer = first_answer
        self._stopping = stopping
        self._visit = visit
        self._patience_s = patience_s
        self._batch = batch
        self._next: dict[Place, int | None] = {}  # the database's offsets of the partitions that are ours
        self._unreadable_at_first: int | None = 0
        self._silent_until = 0.0
        try:
            self._consumer = Consumer({**_config(kafka), "error_cb": self._said})
        except KafkaException as problem:
            raise WrongSettings(f"Kafka's options are refused: {problem.args[0].str()}") from problem

    def run(self) -> None:
        """Until it is told to stop. Raises TicketingError."""
        self._consumer.subscribe(self._topics, on_assign=self._assigned, on_revoke=self._gone, on_lost=self._gone)
        try:
            while not self._stopping():
                records = [each for each in self._consumer.consume(self._batch, POLL_S) if self._is_record(each)]
                if records:
                    batch = self._waiting(partial(self._read, records))
                    self._visit("read")
                    self._take(batch)
        except Leave:
            pass
        finally:
            self._next.clear()
            self._consumer.close()

    def _said(self, error: KafkaError) -> None:
        """What librdkafka tells beside the records: that nobody is there, which it tells at each attempt."""
        if error.code() == KafkaError._ALL_BROKERS_DOWN and time.monotonic() >= self._silent_until:
            self._silent_until = time.monotonic() + WORD_EVERY_S
            log.warning("no broker of Kafka answers (bootstrap.servers); waiting, nothing is lost")

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        # What the group may have committed in Kafka is not asked for: the database alone knows what it holds.
        for each in partitions:
            known = self._known((each.topic, each.partition))
            self._next[each.topic, each.partition] = known
            each.offset = OFFSET_BEGINNING if known is None else known
        consumer.incremental_assign(partitions)
        log.info("reading on: %s", ", ".join(_position(each) for each in partitions) or "no partition")

    def _gone(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        for each in partitions:
            self._next.pop((each.topic, each.partition), None)

    def _known(self, place: Place) -> int | None:
        return self._waiting(lambda: self._database.transact(lambda session: next_offset(session, place)))

    def _is_record(self, message: Message) -> bool:
        error = message.error()
        if error is not None:
            _raise_when_dead(error, message.topic())
            return False
        place, offset = _where(message)
        # Records of a partition that left while they were fetched, or that came back at an earlier offset.
        return place in self._next and offset >= (self._next[place] or 0)

    def _read(self, records: list[Message]) -> list[Read]:
        """Before the transaction: nobody shall wait for a registry while the database is held."""
        batch: list[Read] = []
        for message in records:
            place, offset = _where(message)
            value = message.value()
            found: Event | Unreadable
            try:
                found = self._reader.read(value, _headers(message))
            except Unreadable as why:
                found = why
            batch.append((place, offset, value, found))
        self._guard(batch)
        return batch

    def _guard(self, batch: list[Read]) -> None:
        """A wrong format makes every event unreadable: then nothing is set aside, and somebody is told."""
        if self._unreadable_at_first is None:
            return
        if any(isinstance(found, Event) for *_, found in batch):
            self._unreadable_at_first = None
            return
        self._unreadable_at_first += len(batch)
        if self._unreadable_at_first >= UNREADABLE_AT_FIRST:
            found = batch[-1][-1]
            raise WrongSettings(
                f"none of the first {self._unreadable_at_first} events can be read (the last: {found}): set --format "
                "to the output.format of shikyu's settings"
            )

    def _take(self, batch: list[Read]) -> None:
        try:
            outcomes = self._waiting(lambda: self._database.transact(lambda session: self._write(session, batch)))
        except Moved:
            log.warning("another process has read on; what it has done is left alone")
            self._go_to_the_database({place for place, *_ in batch})
            return
        self._visit("after-commit")
        for place, offset, *_ in batch:
            self._next[place] = offset + 1
        log.info("%s", ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items())))

    def _write(self, session: Session, batch: list[Read]) -> Counter[str]:
        outcomes: Counter[str] = Counter()
        ends: dict[Place, int] = {}
        for place, offset, value, found in batch:
            ends[place] = offset + 1
            if isinstance(found, Event):
                outcomes[desk.take(session, found, self._first_answer)] += 1
            else:
                aside.put(session, *place, offset, value, found)
                outcomes["set aside"] += 1
        for place, end in sorted(ends.items()):
            advance(session, place, self._next[place], end)
        self._visit("before-commit")
        return outcomes

    def _go_to_the_database(self, places: set[Place]) -> None:
        for place in places & self._next.keys():
            known = self._next[place] = self._known(place)
            self._consumer.seek(TopicPartition(*place, OFFSET_BEGINNING if known is None else known))

    def _waiting(self, work: Callable[[], T]) -> T:
        """`work`, again and again while a service is away. Raises WrongSurroundings when patience ends, Leave."""
        until = time.monotonic() + self._patience_s
        while True:
            try:
                return work()
            except Away as away:
                if time.monotonic() > until:
                    raise WrongSurroundings(f"{away}, for {self._patience_s:.0f} s; start again when it does") from away
                log.warning("%s; waiting, nothing is lost", away)
            for _ in range(10):
                if self._stopping():
                    raise Leave
                time.sleep(PAUSE_S / 10)


def _config(kafka: Mapping[str, str]) -> dict[str, str | bool | int]:
    """The user's options, and over them those that the promise rests on."""
    return {
        "group.id": "ticketing",
        "allow.auto.create.topics": False,
        "topic.metadata.refresh.interval.ms": 30_000,  # how soon a new topic of a pattern is found
        "log_level": 0,
        **kafka,
        "enable.auto.commit": False,
        "isolation.level": "read_committed",
        "auto.offset.reset": "error",
        "partition.assignment.strategy": "cooperative-sticky",
    }


def _where(message: Message) -> tuple[Place, int]:
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    assert topic is not None
    assert partition is not None
    assert offset is not None
    return (topic, partition), offset


def _headers(message: Message) -> list[tuple[str, bytes]]:
    found = message.headers() or []
    pairs = found.items() if isinstance(found, dict) else found
    return [(name, value) for name, value in pairs if isinstance(value, bytes)]


def _position(each: TopicPartition) -> str:
    return f"{each.topic}/{each.partition} from {'the beginning' if each.offset == OFFSET_BEGINNING else each.offset}"


def _raise_when_dead(error: KafkaError, topic: str | None) -> None:
    """Returns for what librdkafka mends by itself."""
    code = error.code()
    if code == KafkaError.UNKNOWN_TOPIC_OR_PART:
        raise WrongSurroundings(
            f"there is no topic {topic}, or we may not see it: create it, or leave it out of --topics"
        )
    if code == KafkaError._AUTO_OFFSET_RESET:
        raise WrongSurroundings(
            f"Kafka does not hold the offset of {topic} that the database has reached: its retention has taken records "
            "that were not read, or the topic was made anew. To read what is there from its beginning (what was "
            f"handled before is known by its event id), run `python -m examples.ticketing rewind {topic}`"
        )
    if code in (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED):
        raise WrongSurroundings(f"Kafka forbids us to read ({error.name()}): grant READ on topic {topic} and the group")
    if error.fatal():
        raise WrongSurroundings(f"Kafka gives this consumer no more records: {error.name()}; start again")
    log.warning("Kafka: %s", error.name())
