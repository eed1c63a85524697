"""Looks at Kafka before the group is joined, so that what is wrong is said once, in words, and nothing has begun."""

import re
import time
from collections.abc import Mapping
from typing import Any, cast

import structlog
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from consumer.errors import SurroundingsError

log = structlog.get_logger()

ANSWER_S = 10.0
_LISTED_FOR = ("bootstrap.servers", "metadata.broker.list")


def look(config: Mapping[str, Any], inputs: tuple[str, ...], outputs: tuple[str, ...]) -> None:
    """
    `config` is a librdkafka client's. Raises SurroundingsError: no broker, no login, a topic missing or hidden.

    A pattern that matches no topic yet is no error: its topics may come.
    """
    known = _topics(config)
    missing = [topic for topic in (*inputs, *outputs) if not topic.startswith("^") and topic not in known]
    if missing:
        raise SurroundingsError(_how_to_create(missing, _servers(config)))
    denied = [topic for topic in (*inputs, *outputs) if known.get(topic) == KafkaError.TOPIC_AUTHORIZATION_FAILED]
    if denied:
        raise SurroundingsError(f"Kafka forbids topic {', '.join(denied)}: grant READ on inputs and WRITE on outputs")
    for pattern in inputs:
        if pattern.startswith("^") and not any(re.search(pattern, topic) for topic in known):
            log.warning("pattern-matches-no-topic", pattern=pattern)


def _how_to_create(missing: list[str], servers: str) -> str:
    commands = [f"kafka-topics.sh --bootstrap-server {servers} --create --topic {t} --partitions 6" for t in missing]
    return (
        f"topic {', '.join(missing)} is missing on {servers}, or this client may not DESCRIBE it. shikyu never creates "
        f"topics: create it, for example by: {'; '.join(commands)}; or grant DESCRIBE"
    )


def _topics(config: Mapping[str, Any]) -> dict[str, int | None]:
    """Topic to its error code, None for none."""
    told: list[str] = []
    admin = AdminClient(
        cast("Any", {**config, "log_level": 0, "error_cb": lambda error: told.append(f"{error.name()}: {error.str()}")})
    )
    until = time.monotonic() + ANSWER_S
    while True:
        try:
            listed = admin.list_topics(timeout=min(2.0, ANSWER_S))
        except KafkaException as problem:
            admin.poll(0)
            if time.monotonic() < until and not _final(told):
                continue
            raise SurroundingsError(
                f"no broker answered at {_servers(config)} within {ANSWER_S:.0f} s "
                f"({told[-1] if told else problem.args[0].name()}): check kafka bootstrap.servers, that the broker "
                "runs, and security.protocol, TLS and SASL options"
            ) from problem
        return {
            name: topic.error.code() if topic.error is not None else None
            for name, topic in listed.topics.items()
            if topic.error is None or topic.error.code() != KafkaError.UNKNOWN_TOPIC_OR_PART
        }


def _final(told: list[str]) -> bool:
    return any("_AUTHENTICATION" in each or "_SSL" in each for each in told)


def _servers(config: Mapping[str, Any]) -> str:
    return str(next((config[name] for name in _LISTED_FOR if name in config), "localhost:9092"))
