"""What a consumer is told instead of a record: what passes is logged, and what ends the process says what to do."""

import structlog
from confluent_kafka import KafkaError

from consumer.errors import SurroundingsError

log = structlog.get_logger()

# After one of these consume() is silent for ever, and says so only once (DELIVERY: flags read False).
_DEAD_CONSUMER = {
    KafkaError._FATAL,
    KafkaError.INVALID_SESSION_TIMEOUT,
    KafkaError.FENCED_INSTANCE_ID,
    KafkaError.INCONSISTENT_GROUP_PROTOCOL,
    KafkaError.UNSUPPORTED_ASSIGNOR,
}
# Of a client that lost a broker, or the last of them.
AWAY = {KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN}
_FORBIDDEN = {KafkaError.GROUP_AUTHORIZATION_FAILED, KafkaError.TOPIC_AUTHORIZATION_FAILED}


def raise_when_dead(error: KafkaError, topic: str | None, group: str) -> None:
    """Raises SurroundingsError when the consumer gives nothing any more, and logs what it recovers from by itself."""
    code = error.code()
    if code == KafkaError.UNKNOWN_TOPIC_OR_PART:
        raise SurroundingsError(
            f"input topic {topic} is gone ({error.name()}): create it again, or take it out of input.topics, then "
            "start again"
        )
    if code == KafkaError._AUTO_OFFSET_RESET:
        raise SurroundingsError(
            "a partition has no committed offset, or one that Kafka no longer holds, and auto.offset.reset is "
            "error: set it to earliest or latest, or set the group's offsets, then start again"
        )
    if code in _FORBIDDEN:
        raise SurroundingsError(
            f"Kafka forbids this client to read ({error.name()}): grant READ on group {group!r} and on the "
            f"input topics{f' ({topic})' if topic else ''}, then start again"
        )
    if error.fatal() or code in _DEAD_CONSUMER:
        raise SurroundingsError(
            f"Kafka will give this consumer no more records: {error.name()}. Check "
            "group.instance.id (one process each), session.timeout.ms and the assignment strategy, then start again"
        )
    log.warning("consumer-error", error=error.name())
