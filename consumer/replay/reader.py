"""A consumer that is told where to read, joins nothing and commits nothing."""

from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException

# librdkafka looks for the group's coordinator all the same, and may not be allowed to; what it reads comes without.
_PASSING = {
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._TRANSPORT,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
}


def reader_config(config: Mapping[str, Any], group_id: str) -> dict[str, Any]:
    """Of such a consumer, from a client's. `group_id` matters only to who asks for its committed offsets."""
    return {
        **config,
        "group.id": group_id,
        "enable.auto.commit": False,
        "isolation.level": "read_committed",
        "auto.offset.reset": "error",
        "fetch.wait.max.ms": 100,
        "log_level": 0,
    }


def raise_for_good(error: KafkaError) -> None:
    """Raises KafkaException unless the error passes by itself."""
    if not is_passing(error):
        raise KafkaException(error)


def is_passing(error: KafkaError) -> bool:
    return bool(error.retriable()) or error.code() in _PASSING
