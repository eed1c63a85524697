"""The live topics' answers and dead letters as they come: a consumer of its own, that joins and commits nothing."""

import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Self

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from consumer import surroundings
from consumer.errors import RecordError, ShikyuError, SurroundingsError, UnknownSchema
from consumer.flips.answers import DEAD, Answer, NoAnswer, Reader, Source
from consumer.kafka_options import client_config, servers
from consumer.kafka_records import record_of
from consumer.offsets import bounds
from consumer.records import Record
from consumer.replay.letters import letter
from consumer.replay.reader import is_passing, reader_config
from consumer.run_names import LIVE
from consumer.schema_store import open_store
from consumer.settings import Settings
from consumer.settings_types import MAX_TOPIC_CHARACTERS
from consumer.topics import missing
from consumer.watching.beginning import Beginning

KEPT = 500
BEFORE = 20  # offsets of each partition that are read from before the beginning
RATE_OVER_S = 10
POLL_S = 0.2
AT_ONCE = 500
LEAVING_S = 2.0
AGAIN_S = 3.0  # after a fault
BEGINNING_S = 5.0  # for what was there before
LISTED_EVERY_S = 30.0  # so that partitions that were added are found
MOST_CHARACTERS = 600  # of a text
MOST_WORD = 120  # of a class, a reason, a channel, a language
MOST_CODES = 50  # of dead letters: whoever may write to their topic could write any
OTHERS = "others"

Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Arrived:
    """
    An answer of the live run, or a dead letter, whose `reason` is its code. `number` rises by one, from 1.

    Of the answer there is what is shown, and its event id to correct it by: an event may be as large as a record.
    `characters` is how long its text was before it was cut.
    """

    number: int
    answer: Answer
    characters: int

    @classmethod
    def of(cls, number: int, answer: Answer) -> Self:
        topic, partition, offset = answer.source
        text = answer.text
        brief = replace(
            answer,
            source=(topic[:MAX_TOPIC_CHARACTERS], partition, offset),
            satisfaction=_word(answer.satisfaction),
            reason=_word(answer.reason),
            channel=_word(answer.channel),
            language=_word(answer.language),
            text=None if text is None else text[:MOST_CHARACTERS],
            id=None,
            attributes={},
            model=(_word(answer.model[0]), _word(answer.model[1]), _word(answer.model[2])),
            labels=(),
        )
        return cls(number, brief, len(text or ""))


class Tail:
    """A context in which a thread reads. What it yields may be asked for by any thread."""

    def __init__(self, settings: Settings) -> None:
        """Raises SettingsError when a registry is needed and not set."""
        with open_store(settings.registry.url, settings.registry.options, settings.input.schemas) as store:
            Reader(settings.output, store)  # its own words, before anything has begun
        self._settings = settings
        self._topics = (settings.output.urgent, settings.output.routine, settings.dead_letters.topic)
        self._lock = threading.Lock()
        self._kept: deque[Arrived] = deque(maxlen=KEPT)
        self._seconds: Counter[int] = Counter()
        self._numbers = 0
        self._next: dict[Place, int] = {}
        self._beginning: Beginning[Arrived] | None = Beginning(_by_time, KEPT)  # until all of it is read
        self._new_from: dict[Place, int] = {}
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tail", daemon=True)
        self.began_at = time.monotonic()
        self.counts: Counter[str] = Counter()  # by fate, of what came since the beginning
        self._codes: Counter[str] = Counter()  # of all dead letters that were seen, those from before too
        self.problem: str | None = None  # why nothing comes
        self.ready = threading.Event()  # what was there before is read

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leaving.set()
        self._thread.join(LEAVING_S)  # a broker that is away may hold it longer, and it dies with the process

    def since(self, number: int, most: int = KEPT) -> list[Arrived]:
        """Those behind `number`, of which the newest `most` are kept, in the order in which they came."""
        with self._lock:
            new = [each for each in self._kept if each.number > number]
        return new[max(0, len(new) - most) :]

    def dead_letters(self) -> dict[str, int]:
        """By code, of all that were seen."""
        with self._lock:
            return dict(self._codes)

    @property
    def last(self) -> int:
        return self._numbers

    def rate(self) -> float:
        """Answers and dead letters a second, of the last ten."""
        now = time.monotonic()
        with self._lock:
            count = sum(count for second, count in self._seconds.items() if now - RATE_OVER_S < second <= now)
        return count / max(1.0, min(RATE_OVER_S, now - self.began_at))

    def _run(self) -> None:
        while not self._leaving.is_set():
            try:
                self._read()
            except ShikyuError as problem:
                self.problem = str(problem)
            except KafkaException as problem:
                self.problem = (
                    f"Kafka at bootstrap.servers = {servers(client_config(self._settings))} gives no answers "
                    f"({problem.args[0].name()}): check the brokers, and grant READ on {', '.join(self._topics)}"
                )
            self._leaving.wait(AGAIN_S)

    def _read(self) -> None:
        registry, config = self._settings.registry, client_config(self._settings)
        with (
            open_store(registry.url, registry.options, self._settings.input.schemas) as store,
            closing(Consumer({**reader_config(config, "shikyu-watching"), "enable.partition.eof": True})) as consumer,
        ):
            reader, listed_at = Reader(self._settings.output, store), float("-inf")
            began_at = time.monotonic()
            while not self._leaving.is_set():
                if time.monotonic() - listed_at > LISTED_EVERY_S:
                    consumer.assign(list(self._starts(config)))
                    listed_at, self.problem = time.monotonic(), None
                for message in consumer.consume(AT_ONCE, POLL_S):
                    error = message.error()
                    if error is None:
                        self._take(record_of(message), reader)
                    elif error.code() == KafkaError._PARTITION_EOF:
                        # Of what is left only markers of transactions, no record comes that would tell.
                        self._has_read((message.topic() or "", message.partition() or 0), None)
                    elif error.code() == KafkaError._AUTO_OFFSET_RESET:
                        # Retention has taken what was next: where the topic begins now is looked up.
                        self._next.pop((message.topic() or "", message.partition() or 0), None)
                        listed_at = float("-inf")
                    elif not is_passing(error):
                        raise KafkaException(error)
                # One partition that cannot be read keeps the others' answers back for so long only.
                if self._beginning and (self._beginning.is_over or time.monotonic() - began_at > BEGINNING_S):
                    self._begin()

    def _starts(self, config: dict[str, object]) -> Iterator[TopicPartition]:
        listing = surroundings.listed(config)
        if gone := missing(listing, self._topics[:2]):
            raise SurroundingsError(
                f"topic {' and '.join(gone)} is missing, or this client may not DESCRIBE it: check output.urgent and "
                "output.routine, grant DESCRIBE and READ, or create it (`shikyu topics create`)"
            )
        there = [topic for topic in self._topics if not missing(listing, [topic])]
        places = [(topic, partition) for topic in there for partition in listing.topics[topic].partitions]
        # Of all at once: one by one, those of three topics of 200 partitions are 600 ways there and back.
        if unknown := [place for place in places if place not in self._next]:
            for place, (low, high) in bounds(config, unknown).items():
                start = low if self._beginning is None else max(low, high - BEFORE)
                self._next[place] = start
                self._new_from[place] = low if self._beginning is None else high
                if self._beginning is not None:
                    self._beginning.expect(place, start, high)
        for place in places:
            yield TopicPartition(*place, self._next[place])

    def _take(self, record: Record, reader: Reader) -> None:
        place = (record.topic, record.partition)
        answer = _answer(record, reader, self._topics[2])
        self._next[place] = record.offset + 1
        if answer is not None and answer.run == LIVE:
            with self._lock:
                if answer.fate == DEAD:
                    self._count_code(answer.reason or "")
                if self._beginning is None:
                    self._keep(Arrived.of(0, answer))
                else:
                    self._beginning.hold(Arrived.of(0, answer))
                if record.offset >= self._new_from[place]:
                    self.counts[answer.fate] += 1
                    self._count_second()
        self._has_read(place, record.offset)

    def _has_read(self, place: Place, offset: int | None) -> None:
        if self._beginning is not None:
            self._beginning.has_read(place, offset)

    def _begin(self) -> None:
        """What was there before, of all partitions and topics, gets its numbers by when it was written."""
        with self._lock:
            for each in self._beginning.in_order() if self._beginning else ():
                self._keep(each)
            self._beginning = None
        self.ready.set()

    def _keep(self, arrived: Arrived) -> None:
        self._numbers += 1
        self._kept.append(replace(arrived, number=self._numbers))

    def _count_code(self, code: str) -> None:
        code = code[:MOST_WORD]
        self._codes[code if code in self._codes or len(self._codes) < MOST_CODES else OTHERS] += 1

    def _count_second(self) -> None:
        now = int(time.monotonic())
        self._seconds[now] += 1
        for second in [each for each in self._seconds if each < now - RATE_OVER_S]:
            del self._seconds[second]


def _answer(record: Record, reader: Reader, dead_letters: str) -> Answer | None:
    """None of what is none: somebody else's record, or one in another format. PassingFault: no registry answers."""
    if record.topic == dead_letters:
        known = letter(record)
        if known is None:
            return None
        return Answer(known.source, known.run, DEAD, record.timestamp_ms, reason=known.code, at_ms=known.source_ms)
    try:
        # What is watched is not waited for: an answer whose schema is not known yet is passed over.
        return reader.answer(record)
    except (NoAnswer, RecordError, UnknownSchema):
        return None


def _by_time(arrived: Arrived) -> tuple[int, Source]:
    return arrived.answer.written_ms or 0, arrived.answer.source


def _word(word: str | None) -> str | None:
    return None if word is None else word[:MOST_WORD]
