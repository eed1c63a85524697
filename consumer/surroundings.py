"""Looks at Kafka before the group is joined, so that what is wrong is said once, in words, and nothing has begun."""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import structlog
from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin._acl import AclOperation
from confluent_kafka.admin._metadata import ClusterMetadata

from consumer.admin import admin_client
from consumer.errors import SurroundingsError, ToldToLeave
from consumer.kafka_options import servers
from consumer.publish import Stopping
from consumer.refusals import is_refusal, why
from consumer.repeats import Repeats
from consumer.topics import LISTING_S, how_to_create, missing, misspelt

log = structlog.get_logger()
_waiting = Repeats(60.0)  # of all threads that wait for the same brokers

ANSWER_S = 10.0
REFUSED_S = 4.0  # of these, for a broker that does not want us: one that has just started may not know the user yet


def look(
    config: Mapping[str, Any],
    inputs: tuple[str, ...],
    outputs: tuple[str, ...],
    stopping: Stopping = lambda: False,
    answered: Callable[[ClusterMetadata], None] = lambda _: None,
) -> list[str]:
    """
    The input topics that are there, a pattern's too. `config` is a librdkafka client's; `answered` gets the listing.

    Raises SurroundingsError: no broker, no login, a topic missing, hidden or forbidden; ToldToLeave. A pattern
    that matches no topic yet is no error: its topics may come.
    """
    listing = listed(config, stopping)
    answered(listing)
    named = [topic for topic in inputs if not topic.startswith("^")]
    needed = {**dict.fromkeys(outputs, AclOperation.WRITE), **dict.fromkeys(named, AclOperation.READ)}
    must_allow(config, needed)
    gone = missing(listing, dict.fromkeys((*named, *outputs)))
    if gone:
        options = " --inputs" * any(topic in gone for topic in named)
        # An input that is there tells how many partitions its siblings shall have.
        options += " --partitions 6" * (bool(named) and set(named) <= set(gone))
        others = [topic for topic in listing.topics if topic not in needed]
        slip = misspelt([topic for topic in named if topic in gone], others)
        raise SurroundingsError(slip + how_to_create(gone, str(servers(config)), options))
    there = present(inputs, listing)
    if not there:
        log.warning("pattern-matches-no-topic", pattern=inputs[0])
    return there


def must_allow(config: Mapping[str, Any], needed: Mapping[str, AclOperation]) -> None:
    """Raises SurroundingsError that names what this client may not do with these topics, as far as Kafka tells."""
    if forbidden := [f"{needed[topic].name} on topic {topic}" for topic in _forbidden(config, needed)]:
        raise SurroundingsError(
            f"Kafka forbids this client what it needs: grant {', '.join(forbidden)}, then start again "
            "(docs/security.md has the whole list)"
        )


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
    since = time.monotonic()
    until = since + ANSWER_S
    while True:
        try:
            listing: ClusterMetadata = admin.list_topics(timeout=LISTING_S)
        except KafkaException as problem:
            admin.poll(0)
            last = told[-1] if told else problem.args[0].name()
            if stopping():
                raise ToldToLeave("told to leave while no broker answered") from problem
            if any(map(is_refusal, told)):
                until = min(until, since + REFUSED_S)
            if time.monotonic() > until and (refusal := why(told, config)):
                raise SurroundingsError(f"{refusal}. Then start again") from problem
            if time.monotonic() > until:
                raise SurroundingsError(
                    f"no broker answered at {address} within {ANSWER_S:.0f} s ({last}): check kafka "
                    "bootstrap.servers, that the broker runs, that no firewall or NetworkPolicy is between, and "
                    "security.protocol, TLS and SASL options"
                ) from problem
            if _waiting.is_due(address):
                advice = "check kafka bootstrap.servers, and that the broker runs"
                log.warning("waiting", why=f"no broker answered at {address} yet ({last})", advice=advice)
        else:
            _waiting.is_over(address)
            return listing


def _words(error: KafkaError, address: str) -> str:
    # librdkafka's own repeat the address, and with it the password that somebody wrote before an @.
    return error.name() if "@" in address else f"{error.name()}: {error.str()}"


def rights(config: Mapping[str, Any], needed: Mapping[str, AclOperation]) -> dict[str, bool | None]:
    """
    Whether this client may do that with each topic; None where Kafka does not tell, as of one that is not there.

    It is asked by name, for its listing leaves hidden topics out. Not every service tells operations.
    """
    found: dict[str, bool | None] = {}
    admin = admin_client(config)  # kept until all is answered: with it go its questions
    topics = TopicCollection(list(needed))
    asked = admin.describe_topics(topics, include_authorized_operations=True, request_timeout=LISTING_S)
    for topic, answer in asked.items():
        try:
            allowed: Sequence[AclOperation] = answer.result().authorized_operations or ()
        except KafkaException as problem:
            found[topic] = False if problem.args[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED else None
        else:
            may = needed[topic] in allowed
            found[topic] = may if may or AclOperation.DESCRIBE in allowed else None
    return found


def _forbidden(config: Mapping[str, Any], needed: Mapping[str, AclOperation]) -> Iterator[str]:
    return (topic for topic, may in rights(config, needed).items() if may is False)
