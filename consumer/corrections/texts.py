"""Texts that the answers do not carry, read back from the source topics by their coordinates."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin._acl import AclOperation

from consumer import kafka_options, surroundings
from consumer.decode import Decoder
from consumer.errors import SurroundingsError, UnknownSchema
from consumer.flips.answers import Answer, Source
from consumer.kafka_options import servers
from consumer.kafka_records import record_of
from consumer.records import Message, Record
from consumer.replay.reader import raise_for_good, reader_config
from consumer.schema_store import SchemaStore
from consumer.settings import Rules, Settings

ANSWER_S = 15.0
SILENCE_S = 30.0
POLL_S = 0.5
# Offsets that are read over rather than jumped: to be placed anew takes as long as some records do.
NEAR = 500
NOWHERE = -NEAR - 1  # from there every offset is far
_NO_SUCH = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION)

Place = tuple[str, int]


@dataclass(slots=True)
class Read:
    """
    Texts by source. `gone` Kafka no longer holds, or holds another record there (the topic was made anew); `unreadable`
    can't be decoded by the settings of today, or are no messages by them.
    """

    texts: dict[Source, str] = field(default_factory=dict)
    gone: list[Source] = field(default_factory=list)
    unreadable: list[Source] = field(default_factory=list)


def read_back(
    settings: Settings, store: SchemaStore, answers: Iterable[Answer], advance: Callable[[int], None]
) -> Read:
    """
    Of those without a text. `advance` is told how many were looked for.

    Raises SurroundingsError where Kafka does not answer, PassingFault while the registry is away, and SettingsError as
    Decoder does.
    """
    wanted = {each.source: each for each in answers if each.text is None}
    found = Read()
    if not wanted:
        return found
    decoder = Decoder(settings.input, store, Rules())
    client = kafka_options.client_config(settings)
    surroundings.must_allow(client, {topic: AclOperation.READ for topic, _, _ in wanted})
    records = _records(reader_config(client, "shikyu-corrections"), wanted, advance)
    for source, record in records:
        if record is None or not _is_the_same(record, wanted[source]):
            found.gone.append(source)
        elif (text := _text(decoder, record)) is None:
            found.unreadable.append(source)
        else:
            found.texts[source] = text
    return found


def _is_the_same(record: Record, answer: Answer) -> bool:
    """A topic that was made anew has other records at the same offsets, and of another time."""
    return None in (record.timestamp_ms, answer.at_ms) or record.timestamp_ms == answer.at_ms


def _text(decoder: Decoder, record: Record) -> str | None:
    while True:
        try:
            decoded = decoder.decode(record)
        except UnknownSchema:
            time.sleep(1.0)
        else:
            return decoded.text if isinstance(decoded, Message) else None


def _records(
    config: dict[str, Any], wanted: Iterable[Source], advance: Callable[[int], None]
) -> Iterator[tuple[Source, Record | None]]:
    """Each source and its record, None where Kafka has none."""
    places: defaultdict[Place, list[int]] = defaultdict(list)
    for topic, partition, offset in wanted:
        places[topic, partition].append(offset)
    consumer = Consumer({**config, "enable.partition.eof": True})
    done = 0
    try:
        for place, offsets in sorted(places.items()):
            low, high = _held(consumer, place)
            left = dict.fromkeys(sorted(offsets))
            for record in _of_a_partition(consumer, place, [offset for offset in left if low <= offset < high]):
                del left[record.offset]
                yield (*place, record.offset), record
            yield from (((*place, offset), None) for offset in left)
            done += len(offsets)
            advance(done)
    except KafkaException as problem:
        topics = ", ".join(sorted({topic for topic, _ in places}))
        raise SurroundingsError(
            f"Kafka at bootstrap.servers = {servers(config)} did not give the source records back "
            f"({problem.args[0].name()}): check the brokers, and grant READ on {topics}"
        ) from problem
    finally:
        consumer.close()


def _held(consumer: Consumer, place: Place) -> tuple[int, int]:
    """The first offset and the one behind the last; of a topic that is gone, none."""
    try:
        low, high = consumer.get_watermark_offsets(TopicPartition(*place), timeout=ANSWER_S)
    except KafkaException as problem:
        if problem.args[0].code() in _NO_SUCH:
            return 0, 0
        raise
    return low, high


def _of_a_partition(consumer: Consumer, place: Place, offsets: list[int]) -> Iterator[Record]:
    """Offsets are in order. One of an aborted record, or that was compacted away, is passed over."""
    wanted, at = set(offsets), NOWHERE
    for offset in offsets:
        if not 0 <= offset - at <= NEAR:
            if offset < at:  # compaction has taken it, and we are past it
                continue
            consumer.assign([TopicPartition(*place, offset)])
            at = offset
        until = time.monotonic() + SILENCE_S
        while at <= offset:
            message = consumer.poll(POLL_S)
            if message is None:
                if time.monotonic() > until:
                    raise SurroundingsError(f"Kafka sent no record of {place[0]} for {SILENCE_S:.0f} s: try again")
                continue
            until = time.monotonic() + SILENCE_S
            error = message.error()
            if error is None:
                record = record_of(message)
                at = record.offset + 1
                if record.offset in wanted:
                    yield record
            elif error.code() == KafkaError._PARTITION_EOF:
                return
            elif error.code() == KafkaError._AUTO_OFFSET_RESET:
                at = NOWHERE  # retention has just taken it; the next is looked for anew
                break
            else:
                raise_for_good(error)
