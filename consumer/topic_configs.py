"""What topics allow, as Kafka tells it, and what of it does not go together."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from confluent_kafka import KafkaException
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._resource import ResourceType

from consumer.admin import admin_client

log = structlog.get_logger()

ANSWER_S = 2.0
BATCH_SIZE_BYTES = 1_000_000  # librdkafka's default
# A dead letter is the original with headers around it.
ROOM_FOR_REASONS_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class TopicConfig:
    max_message_bytes: int  # of a batch, in truth
    compacted: bool


def read(config: Mapping[str, Any], topics: Collection[str]) -> dict[str, TopicConfig]:
    """
    Of these topics, but for those that Kafka does not tell: that takes DESCRIBE_CONFIGS, which serving does not need.

    `config` is a librdkafka client's.
    """
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
        else:
            policy = entries["cleanup.policy"].value
            known[resource.name] = TopicConfig(int(entries["max.message.bytes"].value), "compact" in policy)
    return known


def fitted(producer: dict[str, Any], outputs: Mapping[str, TopicConfig]) -> dict[str, Any]:
    """
    The producer's configuration with a batch.size that each output topic takes, unless the user set one.

    A topic that takes less would refuse whole batches of small records, and each would be halved until it fits.
    """
    wanted = str(producer.get("batch.size", BATCH_SIZE_BYTES))
    small = {topic: each.max_message_bytes for topic, each in outputs.items() if each.max_message_bytes < int(wanted)}
    if not small:
        return producer
    topic = min(small, key=small.__getitem__)
    if "batch.size" not in producer:
        log.info("batch-size-lowered", topic=topic, max_message_bytes=small[topic])
        return {**producer, "batch.size": small[topic]}
    log.warning(
        "batch-size-too-large",
        topic=topic,
        max_message_bytes=small[topic],
        batch_size=wanted,
        advice="the topic refuses whole batches, which costs time: leave batch.size out, or raise the topic's "
        "max.message.bytes above it",
    )
    return producer


def warn(inputs: Mapping[str, TopicConfig], outputs: Mapping[str, TopicConfig], dead_letters: str) -> None:
    """Of what will stop the stream, or lose answers, one day."""
    needed = dead_letter_bytes(inputs)
    there = outputs.get(dead_letters)
    if needed is not None and there is not None and there.max_message_bytes < needed:
        log.warning(
            "dead-letter-topic-too-small",
            topic=dead_letters,
            max_message_bytes=there.max_message_bytes,
            advice=f"a dead letter that it refuses stops the stream: set its max.message.bytes to {needed}, which is "
            "64 KiB more than the input topics have",
        )
    for topic, config in outputs.items():
        if config.compacted:
            log.warning(
                "output-topic-compacted",
                topic=topic,
                advice="of each key only the newest record is kept, and records without a key are refused: set its "
                "cleanup.policy to delete",
            )


def dead_letter_bytes(inputs: Mapping[str, TopicConfig]) -> int | None:
    """The max.message.bytes that a dead-letter topic needs; None when nothing is known of the input topics."""
    largest = max((each.max_message_bytes for each in inputs.values()), default=None)
    return None if largest is None else largest + ROOM_FOR_REASONS_BYTES
