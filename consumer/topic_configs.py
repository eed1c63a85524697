"""What topics allow, as Kafka tells it, and what of it does not go together."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from confluent_kafka import KafkaException
from confluent_kafka.admin._config import ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType

from consumer.admin import admin_client
from consumer.errors import SurroundingsError

log = structlog.get_logger()

ANSWER_S = 2.0
BATCH_SIZE_BYTES = 1_000_000  # librdkafka's default
_C_INTEGER = re.compile(r"\s*\+?(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")
LARGEST_MAX_MESSAGE_BYTES = 2**31 - 1
KAFKAS_MAX_MESSAGE_BYTES = 1_048_588
# A dead letter is the original with headers around it.
ROOM_FOR_REASONS_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class TopicConfig:
    max_message_bytes: int  # of a batch, in truth
    compacted: bool
    min_insync_replicas: int | None = None  # None where Kafka does not tell


@dataclass(frozen=True, slots=True)
class Misfit:
    """A topic whose settings will stop the stream, or lose answers, one day; `event` is its name in the log."""

    event: str
    topic: str
    advice: str
    max_message_bytes: int | None = None
    is_default: bool = False  # as all are before anybody has set a limit, and few records come near it


def read(config: Mapping[str, Any], topics: Iterable[str]) -> dict[str, TopicConfig]:
    """
    Of these topics, but for those that Kafka does not tell: that takes DESCRIBE_CONFIGS, which serving does not need.

    `config` is a librdkafka client's. Takes ANSWER_S at most.
    """
    topics = list(dict.fromkeys(topics))
    if not topics:
        return {}
    admin = admin_client(config)
    asked = admin.describe_configs([ConfigResource(ResourceType.TOPIC, t) for t in topics], request_timeout=ANSWER_S)
    known: dict[str, TopicConfig] = {}
    for resource, answer in asked.items():
        try:
            entries = answer.result()
        except KafkaException as problem:
            log.debug("topic-config-unknown", topic=resource.name, error=problem.args[0].name())
            continue
        told = _told(entries)
        if told is None:
            log.debug("topic-config-unknown", topic=resource.name, error="a partial answer")
        else:
            known[resource.name] = told
    return known


def lacking(config: Mapping[str, Any], topic: str, wanted: Mapping[str, str]) -> dict[str, str]:
    """Of the topic's settings those that are not as wanted, as they are; nothing where Kafka does not tell."""
    resource = ConfigResource(ResourceType.TOPIC, topic)
    admin = admin_client(config)
    try:
        entries = admin.describe_configs([resource], request_timeout=ANSWER_S)[resource].result()
    except KafkaException as problem:
        log.debug("topic-config-unknown", topic=topic, error=problem.args[0].name())
        return {}
    found = {name: entries[name].value for name in wanted if name in entries}
    return {name: str(value) for name, value in found.items() if value is not None and value != wanted[name]}


def _told(entries: Mapping[str, ConfigEntry]) -> TopicConfig | None:
    # Not every service that speaks Kafka's protocol has all of Kafka's settings, or shows their values.
    limit, policy = (getattr(entries.get(name), "value", None) for name in ("max.message.bytes", "cleanup.policy"))
    if limit is None or policy is None:
        return None
    least = getattr(entries.get("min.insync.replicas"), "value", None)
    return TopicConfig(int(limit), "compact" in policy, None if least is None else int(least))


def fitted(configuration: dict[str, Any], outputs: Mapping[str, TopicConfig]) -> dict[str, Any]:
    """
    The producer's configuration with a batch.size that each output topic takes, unless the user set one.

    A topic that takes less would refuse whole batches of small records, and each would be halved until it fits.
    Raises SurroundingsError when it takes no record at all.
    """
    batch_size = str(configuration.get("batch.size", BATCH_SIZE_BYTES))
    limits = {topic: each.max_message_bytes for topic, each in outputs.items()}
    small = {topic: limit for topic, limit in limits.items() if limit < _bytes(batch_size)}
    if not small:
        return configuration
    topic = min(small, key=small.__getitem__)
    if small[topic] == 0:
        raise SurroundingsError(f"output topic {topic} takes no record, for its max.message.bytes is 0: raise it")
    if "batch.size" not in configuration:
        log.info("batch-size-lowered", topic=topic, max_message_bytes=small[topic])
        return {**configuration, "batch.size": small[topic]}
    log.warning(
        "batch-size-too-large",
        topic=topic,
        max_message_bytes=small[topic],
        batch_size=batch_size,
        advice="the topic refuses whole batches, which costs time: leave batch.size out, or raise the topic's "
        "max.message.bytes above it",
    )
    return configuration


def _bytes(written: str) -> int:
    """As librdkafka reads a number, by C's strtol: 0x1000 is hexadecimal, 010 octal, and 5e3 is 5."""
    found = _C_INTEGER.match(written)
    assert found is not None  # or librdkafka had refused it by now
    digits = found[1]
    return int(digits, 8 if digits.isdigit() and digits.startswith("0") else 0)


def warn(
    inputs: Collection[str], dead_letters: str, known: Mapping[str, TopicConfig], *, from_dead: bool = False
) -> None:
    """Of what `misfits` finds; where dead letters are what is read, they have had their reasons' room."""
    for each in misfits(() if from_dead else inputs, dead_letters, known):
        if each.max_message_bytes is None:
            log.warning("output-topic-compacted", topic=each.topic, advice=each.advice)
            continue
        tell = {"topic": each.topic, "max_message_bytes": each.max_message_bytes, "advice": each.advice}
        (log.info if each.is_default else log.warning)("dead-letter-topic-too-small", **tell)


def misfits(inputs: Collection[str], dead_letters: str, known: Mapping[str, TopicConfig]) -> Iterator[Misfit]:
    """What will stop the stream, or lose answers, one day. `known` are the inputs and the outputs."""
    needed = dead_letter_bytes(inputs, known)
    there = known.get(dead_letters)
    if there is not None and there.max_message_bytes < needed:
        yield Misfit(
            "dead-letter-topic-too-small",
            dead_letters,
            f"a dead letter that it refuses stops the stream: set its max.message.bytes to {needed}, which is "
            "64 KiB more than the input topics have (Kafka's default where it does not tell)",
            there.max_message_bytes,
            is_default=there.max_message_bytes == KAFKAS_MAX_MESSAGE_BYTES == needed - ROOM_FOR_REASONS_BYTES,
        )
    for topic in sorted(set(known) - set(inputs)):
        if known[topic].compacted:
            yield Misfit(
                "output-topic-compacted",
                topic,
                "of each key only the newest record is kept, and records without a key are refused: set its "
                "cleanup.policy to delete",
            )


def dead_letter_bytes(inputs: Collection[str], known: Mapping[str, TopicConfig]) -> int:
    """The max.message.bytes that a dead-letter topic needs; an input that is not known has Kafka's default."""
    limits = [known[topic].max_message_bytes if topic in known else KAFKAS_MAX_MESSAGE_BYTES for topic in inputs]
    room = max(limits, default=KAFKAS_MAX_MESSAGE_BYTES) + ROOM_FOR_REASONS_BYTES
    return min(room, LARGEST_MAX_MESSAGE_BYTES)
