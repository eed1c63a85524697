"""Looks at Kafka before the group is joined, so that what is wrong is said once, in words, and nothing has begun."""

import re
import time
from collections.abc import Mapping
from typing import Any

import structlog
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin._metadata import ClusterMetadata

from consumer.admin import admin_client
from consumer.errors import SurroundingsError, ToldToLeave
from consumer.kafka_options import servers
from consumer.publish import Stopping
from consumer.topics import LISTING_S, how_to_create, missing

log = structlog.get_logger()

ANSWER_S = 10.0


def look(
    config: Mapping[str, Any], inputs: tuple[str, ...], outputs: tuple[str, ...], stopping: Stopping = lambda: False
) -> list[str]:
    """
    The input topics that are there, a pattern's too. `config` is a librdkafka client's.

    Raises SurroundingsError: no broker, no login, a topic missing or hidden; ToldToLeave. A pattern that
    matches no topic yet is no error: its topics may come.
    """
    listing = listed(config, stopping)
    named = [topic for topic in inputs if not topic.startswith("^")]
    gone = missing(listing, dict.fromkeys((*named, *outputs)))
    if gone:
        options = " --inputs" * any(topic in gone for topic in named)
        # An input that is there tells how many partitions its siblings shall have.
        options += " --partitions 6" * (bool(named) and set(named) <= set(gone))
        raise SurroundingsError(how_to_create(gone, str(servers(config)), options))
    denied = [topic for topic in (*named, *outputs) if _denied(listing, topic)]
    if denied:
        raise SurroundingsError(f"Kafka forbids topic {', '.join(denied)}: grant READ on inputs and WRITE on outputs")
    there = present(inputs, listing)
    if not there:
        log.warning("pattern-matches-no-topic", pattern=inputs[0])
    return there


def present(inputs: tuple[str, ...], listing: ClusterMetadata) -> list[str]:
    """The input topics that are there: those that are named, or that the pattern matches, which stands alone."""
    if inputs[0].startswith("^"):
        return sorted(topic for topic in listing.topics if re.search(inputs[0], topic))
    return [topic for topic in inputs if topic not in missing(listing, inputs)]


def listed(config: Mapping[str, Any], stopping: Stopping = lambda: False) -> ClusterMetadata:
    """Raises SurroundingsError when no broker answers within ANSWER_S, ToldToLeave when told to meanwhile."""
    told: list[str] = []
    address = str(servers(config))
    admin = admin_client(config, error_cb=lambda error: told.append(_words(error, address)))
    until = time.monotonic() + ANSWER_S
    while True:
        try:
            return admin.list_topics(timeout=LISTING_S)
        except KafkaException as problem:
            admin.poll(0)
            why = told[-1] if told else problem.args[0].name()
            if stopping():
                raise ToldToLeave("told to leave while no broker answered") from problem
            if time.monotonic() > until or _final(told):
                raise SurroundingsError(
                    f"no broker answered at {address} within {ANSWER_S:.0f} s ({why}): check kafka "
                    "bootstrap.servers, that the broker runs, and security.protocol, TLS and SASL options"
                ) from problem
            log.warning("waiting", why=f"no broker answered at {address} yet ({why})")


def _words(error: KafkaError, address: str) -> str:
    # librdkafka's own repeat the address, and with it the password that somebody wrote before an @.
    return error.name() if "@" in address else f"{error.name()}: {error.str()}"


def _denied(listing: ClusterMetadata, topic: str) -> bool:
    error = listing.topics[topic].error
    return error is not None and bool(error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED)


def _final(told: list[str]) -> bool:
    return any("_AUTHENTICATION" in each or "_SSL" in each for each in told)
