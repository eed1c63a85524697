"""Asks Kafka which offsets a window is, once; whatever is written afterwards is not in it."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin._metadata import ClusterMetadata

from consumer.errors import SettingsError, SurroundingsError
from consumer.quarantine import Place
from consumer.replay.entries import Span
from consumer.replay.reader import is_passing, raise_for_good, reader_config
from consumer.replay.window import Asked, Offsets
from consumer.timestamps import from_millis

ANSWER_S = 15.0
FIRST_RECORD_S = 5.0
AGAIN_S = 0.2


@dataclass(frozen=True, slots=True)
class Gone:
    """What the window would have begun with, and Kafka no longer holds: offsets below `first`."""

    place: Place
    first: int
    since: datetime | None  # when the first record that is left was written


def freeze(
    config: Mapping[str, Any], topics: Sequence[str], listing: ClusterMetadata, asked: Asked
) -> tuple[tuple[Span, ...], list[Gone]]:
    """
    The spans of the partitions that have any records, and what retention took of them.

    Ends are last stable offsets: what a transaction still holds back is not in the window. Raises SettingsError for a
    partition that is none, SurroundingsError when Kafka does not answer.
    """
    wanted = _wanted(topics, listing, asked)
    consumer = Consumer(reader_config(config, "shikyu-replay"))
    until = time.monotonic() + ANSWER_S
    try:
        while True:
            try:
                return _frozen(consumer, wanted, asked)
            except KafkaException as problem:
                # As of a partition whose leader has just changed.
                if is_passing(problem.args[0]) and time.monotonic() < until:
                    time.sleep(AGAIN_S)
                    continue
                raise SurroundingsError(
                    f"Kafka did not say where the window stands ({problem.args[0].name()}): check the brokers, and "
                    f"READ and DESCRIBE on {', '.join(topics)}"
                ) from problem
    finally:
        consumer.close()


def _frozen(
    consumer: Consumer, wanted: Mapping[Place, Offsets | None], asked: Asked
) -> tuple[tuple[Span, ...], list[Gone]]:
    held = {place: _held(consumer, place) for place in wanted}
    since = _first_at(consumer, wanted, asked.since_ms)
    until = _first_at(consumer, wanted, asked.until_ms)
    spans, gone = [], []
    for place, offsets in wanted.items():
        low, high = held[place]
        start = since.get(place, low) if offsets is None else offsets.start
        end = until.get(place, high) if offsets is None or offsets.end is None else offsets.end
        if offsets is not None:
            _must_be_there(place, offsets, high)
        start, end = high if start < 0 else start, high if end < 0 else min(end, high)
        if start < low if offsets is not None else low > 0 and (start <= low or low == high):
            first = _first_time(consumer, place, low) if low < high else None
            # One that was asked for by time may begin with the first record that is left, all the same.
            if offsets is not None or asked.since_ms is None or _before(asked.since_ms, first):
                gone.append(Gone(place, low, first))
        if (start := max(start, low)) < end:
            spans.append(Span(topic=place[0], partition=place[1], start=start, end=end))
    return tuple(spans), gone


def _wanted(topics: Sequence[str], listing: ClusterMetadata, asked: Asked) -> dict[Place, Offsets | None]:
    counts = {topic: len(listing.topics[topic].partitions) for topic in topics}
    if not asked.offsets:
        if asked.partitions is not None:
            for partition in asked.partitions:
                _must_be(topics, counts, partition, "--partitions")
        return {
            (topic, partition): None
            for topic, count in counts.items()
            for partition in range(count)
            if asked.partitions is None or partition in asked.partitions
        }
    wanted: dict[Place, Offsets | None] = {}
    for offsets in asked.offsets:
        if offsets.topic is None and len(topics) > 1:
            raise SettingsError(f"--from-offsets must name the topic, for there are several: {', '.join(topics)}")
        topic = offsets.topic or topics[0]
        if topic not in counts:
            raise SettingsError(f"--from-offsets names topic {topic}, which is none of input.topics")
        _must_be([topic], counts, offsets.partition, "--from-offsets")
        if (topic, offsets.partition) in wanted:
            raise SettingsError(f"--from-offsets names {topic}/{offsets.partition} twice")
        wanted[topic, offsets.partition] = offsets
    return wanted


def _must_be(topics: Sequence[str], counts: Mapping[str, int], partition: int, flag: str) -> None:
    if all(partition >= counts[topic] for topic in topics):
        most = max(counts[topic] for topic in topics)
        raise SettingsError(f"{flag} names partition {partition}, and {', '.join(topics)} has 0 to {most - 1}")


def _must_be_there(place: Place, offsets: Offsets, high: int) -> None:
    if offsets.start > high or (offsets.end is not None and offsets.end > high):
        raise SettingsError(
            f"--from-offsets {place[0]}/{place[1]}:{offsets.start}{'' if offsets.end is None else f'-{offsets.end}'} "
            f"goes beyond the partition's end, which is {high} now"
        )


def _held(consumer: Consumer, place: Place) -> tuple[int, int]:
    low, high = consumer.get_watermark_offsets(TopicPartition(*place), timeout=ANSWER_S)
    return low, high


def _first_at(consumer: Consumer, places: Mapping[Place, object], at_ms: int | None) -> dict[Place, int]:
    """The first offset of each whose record is as late; below zero where none is."""
    if at_ms is None:
        return {}
    asked = [TopicPartition(topic, partition, at_ms) for topic, partition in places]
    answers = consumer.offsets_for_times(asked, timeout=ANSWER_S)
    for each in answers:
        if each.error is not None:
            raise KafkaException(each.error)
    return {(each.topic, each.partition): each.offset for each in answers}


def _first_time(consumer: Consumer, place: Place, low: int) -> datetime | None:
    """When the first record that is left was written; None where it carries no time, or does not come."""
    consumer.assign([TopicPartition(*place, low)])
    until = time.monotonic() + FIRST_RECORD_S
    try:
        while (message := consumer.poll(max(0.0, until - time.monotonic()))) is not None:
            if (error := message.error()) is None:
                kind, milliseconds = message.timestamp()
                return from_millis(milliseconds) if kind else None
            raise_for_good(error)
    finally:
        consumer.unassign()
    return None


def _before(at_ms: int, moment: datetime | None) -> bool:
    return moment is None or at_ms < moment.timestamp() * 1000
