"""The dead-letter topic, looked into: by a reader that joins no group and commits nothing."""

import time
from collections.abc import Iterator, Mapping
from heapq import heappop, heappush
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from consumer import surroundings
from consumer.errors import SettingsError, SurroundingsError
from consumer.kafka_options import client_config
from consumer.kafka_records import record_of
from consumer.records import Record
from consumer.replay.entries import Span
from consumer.replay.freeze import freeze
from consumer.replay.letters import Letter, letter, original
from consumer.replay.reader import raise_for_good, reader_config
from consumer.replay.window import Asked
from consumer.settings import Settings
from consumer.timestamps import from_millis, iso_millis
from consumer.visible import visible

SILENCE_S = 15.0
POLL_S = 0.5
SHOWN_CHARACTERS = 10_000
LARGEST_OFFSET = 2**63 - 2


def listed(settings: Settings, asked: Asked, codes: frozenset[str], limit: int) -> Iterator[str]:
    """A line for each of the newest `limit` letters that are asked for, and one that counts them."""
    config, topic = client_config(settings), settings.dead_letters.topic
    window, _ = freeze(config, [topic], _listing(config, topic), asked)
    newest: list[tuple[int, tuple[str, int], int, Letter]] = []
    found = foreign = 0
    for record in read(config, window):
        known = letter(record)
        if known is None:
            foreign += 1
        elif _is_asked_for(known, asked, codes):
            found += 1
            heappush(newest, (known.died_ms or 0, known.place, known.offset, known))
            if len(newest) > limit:
                heappop(newest)
    for *_, each in sorted(newest):
        topic_of, partition, offset = each.source
        yield (
            f"{each.place[1]}/{each.offset}  {_time(each.died_ms)}  {_plain(each.code)}  attempt {each.attempt}  "
            f"from {_plain(topic_of)}/{partition}/{offset}  {each.size:,} bytes"
        )
    left_out = f", of which the newest {limit:,} are listed" if found > limit else ""
    others = f"; {foreign:,} records there are no dead letters of shikyu's" if foreign else ""
    yield f"{found:,} dead letters in {topic}{left_out}{others}"


def shown(settings: Settings, partition: int, offset: int, *, with_text: bool) -> Iterator[str]:
    """Lines that tell of one. Raises SettingsError where there is none."""
    config, topic = client_config(settings), settings.dead_letters.topic
    if offset > LARGEST_OFFSET:
        raise SettingsError(f"{offset} is no offset: Kafka's end at {LARGEST_OFFSET}")
    count = len(_listing(config, topic).topics[topic].partitions)
    if partition >= count:
        raise SettingsError(f"{topic} has no partition {partition}: it has 0 to {count - 1}")
    span = Span(topic=topic, partition=partition, start=offset, end=offset + 1)
    record = next((each for each in read(config, (span,)) if each.offset == offset), None)
    if record is None:
        raise SettingsError(f"{topic}/{partition} has no record at offset {offset}: it may be gone, or not yet there")
    known = letter(record)
    if known is None:
        raise SettingsError(f"{topic}/{partition}/{offset} is no dead letter of shikyu's")
    topic_of, source_partition, source_offset = known.source
    yield f"source     {_plain(topic_of)}/{source_partition}/{source_offset}, written {_time(known.source_ms)}"
    yield f"died       {_time(known.died_ms)}, attempt {known.attempt}, at {_plain(known.stage)}"
    yield f"code       {_plain(known.code)} (docs/dead-letters.md)"
    yield f"why        {visible(known.message, 1000)}"
    yield f"value      {known.size:,} bytes" + ("" if with_text else "; --with-text shows it")
    if with_text:
        yield from _texts(original(record))


def _texts(record: Record) -> Iterator[str]:
    for name, value in (("key", record.key), *(("header " + name, value) for name, value in record.headers)):
        yield f"{_plain(name)}: {_text(value)}"
    yield _text(record.value)


def read(config: Mapping[str, Any], window: tuple[Span, ...]) -> Iterator[Record]:
    """Every record of the spans. Raises SurroundingsError when Kafka stops answering."""
    consumer = Consumer({**reader_config(config, "shikyu-letters"), "enable.partition.eof": True})
    open_spans = {span.place: span.end for span in window}
    try:
        consumer.assign([TopicPartition(span.topic, span.partition, span.start) for span in window])
        until = time.monotonic() + SILENCE_S
        while open_spans:
            message = consumer.poll(POLL_S)
            if message is None:
                if time.monotonic() > until:
                    raise SurroundingsError(f"Kafka sent nothing for {SILENCE_S:.0f} s: check the brokers, try again")
                continue
            until = time.monotonic() + SILENCE_S
            place = (message.topic() or "", message.partition() or 0)
            error = message.error()
            if error is None:
                record = record_of(message)
                if record.offset < open_spans.get(place, 0):
                    yield record
                if record.offset + 1 >= open_spans.get(place, 0):
                    open_spans.pop(place, None)
            elif error.code() in (KafkaError._PARTITION_EOF, KafkaError._AUTO_OFFSET_RESET):
                open_spans.pop(place, None)
            else:
                raise_for_good(error)
    except KafkaException as problem:
        raise SurroundingsError(
            f"{', '.join(sorted({span.topic for span in window}))} can't be read ({problem.args[0].name()}): grant "
            "READ on it"
        ) from problem
    finally:
        consumer.close()


def _listing(config: Mapping[str, Any], topic: str) -> Any:
    listing = surroundings.listed(config)
    if not surroundings.present((topic,), listing):
        raise SettingsError(f"dead_letters.topic names {topic}, which is missing, or hidden from this client")
    return listing


def _is_asked_for(known: Letter, asked: Asked, codes: frozenset[str]) -> bool:
    if codes and known.code not in codes:
        return False
    at = known.died_ms
    return at is None or ((asked.since_ms or 0) <= at and (asked.until_ms is None or at < asked.until_ms))


def _time(milliseconds: int | None) -> str:
    moment = None if milliseconds is None else from_millis(milliseconds)
    return "at an unknown time" if moment is None else iso_millis(moment)


def _plain(word: str) -> str:
    """Whoever may write to the topic may write anything into a header."""
    return visible(word, SHOWN_CHARACTERS).strip('"')


def _text(value: bytes | None) -> str:
    return "null" if value is None else visible(value.decode("utf-8", "replace"), SHOWN_CHARACTERS)
