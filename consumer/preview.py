"""What the settings would read from real events. Commits nothing, joins no group, changes nothing."""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from consumer.errors import LimitError, PassingFault, SurroundingsError
from consumer.kafka_options import servers
from consumer.kafka_records import record_of
from consumer.records import Dead, Decoded, Message, Record, Skipped
from consumer.surroundings import listed
from consumer.visible import visible

ANSWER_S = 10.0


def events(config: dict[str, Any], topics: Sequence[str], most: int, *, first: bool, timeout_s: float) -> list[Record]:
    """
    The newest `most` records of these topics, or the oldest; fewer where there are fewer, or time is up.

    The consumer is assigned, never subscribed: the group does not notice. Raises SurroundingsError.
    """
    known = listed(config).topics  # which waits for a broker in slices, between which a Ctrl-C is served
    # What goes wrong is told once, by the error below, and not by librdkafka's log as well.
    consumer = Consumer({**config, "enable.partition.eof": True, "enable.auto.commit": False, "log_level": 0})
    try:
        starts = list(_starts(consumer, topics, known, most, first=first))
        consumer.assign(starts)
        found = list(_read(consumer, len(starts), most, first=first, until=time.monotonic() + timeout_s))
    except KafkaException as error:
        raise SurroundingsError(
            f"Kafka at bootstrap.servers = {servers(config)} gave no events ({error.args[0].name()}): check that "
            "address, kafka's security options, input.topics, and that this client may read them"
        ) from error
    finally:
        consumer.close()
    found.sort(key=lambda record: (record.timestamp_ms or 0, record.topic, record.partition, record.offset))
    return found[:most] if first else found[-most:]


def _starts(
    consumer: Consumer, topics: Sequence[str], known: Mapping[str, Any], most: int, *, first: bool
) -> Iterator[TopicPartition]:
    for topic in _named(topics, known):
        if topic not in known:
            raise SurroundingsError(
                f"input topic {topic} is missing, or this client may not DESCRIBE it: create it "
                "(`shikyu topics create --inputs`), grant DESCRIBE, or name another"
            )
        for partition in known[topic].partitions:
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=ANSWER_S)
            yield TopicPartition(topic, partition, low if first else max(low, high - most))


def _named(topics: Sequence[str], known: Iterable[str]) -> list[str]:
    pattern = topics[0] if topics[0].startswith("^") else None
    return list(topics) if pattern is None else sorted(topic for topic in known if re.search(pattern, topic))


def _read(consumer: Consumer, partitions: int, most: int, *, first: bool, until: float) -> Iterator[Record]:
    taken: dict[tuple[str, int], int] = {}
    finished: set[tuple[str, int]] = set()
    while len(finished) < partitions and time.monotonic() < until:
        message = consumer.poll(0.2)
        if message is None:
            continue
        place = (message.topic() or "", message.partition() or 0)
        error = message.error()
        if error is not None:
            if error.code() != KafkaError._PARTITION_EOF:
                raise KafkaException(error)
            finished.add(place)
        elif not (first and taken.get(place, 0) >= most):
            taken[place] = taken.get(place, 0) + 1
            if first and taken[place] >= most:
                finished.add(place)
            yield record_of(message)
    if not taken and len(finished) < partitions:
        raise SurroundingsError("Kafka gave no event in time: wait longer by --timeout-s, or see why it is slow")


def told(records: Sequence[Record], decode: Callable[[Record], Decoded], fates: Counter[str]) -> Iterator[str]:
    """Lines to print: each event's coordinates, its fate and what was read; `fates` counts, and comes last."""
    if not records:
        yield "there is no event to read yet: the topics are empty"
        return
    fates.update(dict.fromkeys(("messages", "skipped", "dead"), 0))
    for record in records:
        where = f"{record.topic}/{record.partition} offset {record.offset}"
        try:
            fate = decode(record)
        except PassingFault as fault:
            fates["undecided"] += 1
            yield f"{where}: not decided, for a service did not answer: {fault}"
            continue
        if isinstance(fate, Message):
            fates["messages"] += 1
            yield f"{where}: a message"
            yield from _fields(fate)
        elif isinstance(fate, Skipped):
            fates["skipped"] += 1
            yield f"{where}: skipped ({fate.reason})"
        else:
            fates["dead"] += 1
            yield from _dead(where, fate)
    yield f"{len(records)} events: " + ", ".join(f"{count} {name}" for name, count in fates.items())


def require_readable(fates: Counter[str]) -> None:
    """LimitError when no event is a message, SurroundingsError when that is for a service's silence."""
    if fates["messages"] or not fates.total():
        return
    if fates["dead"]:
        raise LimitError("none of these events could be read: the settings do not fit them; each line above says why")
    if fates["undecided"]:
        raise SurroundingsError(
            "none of these events could be decided: the lines above say which service did not answer"
        )
    raise LimitError("no event was a message, for all were skipped: is input.where right?")


def _fields(message: Message) -> Iterator[str]:
    fields: dict[str, object] = {
        "text": message.text,
        "id": message.id,
        "customer_id": message.customer_id,
        "channel": message.channel,
        "language": message.language,
        "sent_at": message.sent_at.isoformat() if message.sent_at else None,
        **{f"attributes.{name}": value for name, value in message.attributes.items()},
        "always urgent by": message.urgent_rule,
    }
    for name, value in fields.items():
        if value is not None:
            yield f"    {visible(name, 60)[1:-1]:<18} {visible(str(value))}"


def _dead(where: str, fate: Dead) -> Iterator[str]:
    yield f"{where}: dead ({fate.error.code} at {fate.error.stage}): {fate.error.message}"
    if fate.field_names:
        yield f"    the event has      {', '.join(visible(name, 60)[1:-1] for name in fate.field_names)}"
