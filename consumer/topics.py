"""Which topics are missing, by Kafka's own listing, and what to do about it."""

import difflib
import time
from collections.abc import Collection, Iterable

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin._metadata import ClusterMetadata

from consumer.errors import SurroundingsError

LISTING_S = 1.5  # no signal is served while one listing is waited for
CONFIRM_S = 1.0
ALIKE = 0.85  # as difflib measures; `urgent` and `urgent.replay` are further apart


def missing(listing: ClusterMetadata, wanted: Iterable[str]) -> list[str]:
    """Those that are not listed: they do not exist, or this client may not DESCRIBE them."""
    return sorted(topic for topic in wanted if topic not in listing.topics or _unknown(listing, topic))


def must_be_there(producer: Producer, wanted: Collection[str]) -> None:
    """
    Raises SurroundingsError when Kafka says that a topic is gone. A Kafka that does not answer says nothing.

    It has to say so twice: a broker that has just started may not know every topic yet. Blocks for 4 s at most.
    """
    gone: list[str] = []
    for pause_s in (0.0, CONFIRM_S):
        time.sleep(pause_s)
        try:
            listing = producer.list_topics(timeout=LISTING_S)
        except KafkaException:
            return
        gone = missing(listing, wanted)
        if not gone:
            return
    servers = ",".join(f"{broker.host}:{broker.port}" for broker in listing.brokers.values())
    raise SurroundingsError(how_to_create(gone, servers))


def misspelt(gone: Collection[str], there: Collection[str]) -> str:
    """What may have been meant, to be told first: a topic that is made of a slip is empty, and is read for ever."""
    for topic in gone:
        if near := difflib.get_close_matches(topic, there, n=1, cutoff=ALIKE):
            return f"did you mean {near[0]}, which is there, by {topic}? Else: "
    return ""


def how_to_create(gone: Collection[str], servers: str, options: str = "") -> str:
    """Of what to tell whoever misses these topics; `options` are those of `shikyu topics create`."""
    several = len(gone) > 1
    return (
        f"topic{'s' if several else ''} {', '.join(gone)} {'are' if several else 'is'} missing on {servers}, or this "
        f"client may not DESCRIBE {'them' if several else 'it'}. `shikyu run` never creates topics: `shikyu topics "
        f"create{options}` does, with the same settings, or `kafka-topics.sh --bootstrap-server {servers} --create "
        "--partitions N --topic NAME`, with as many partitions as the input topic has; or grant "
        "DESCRIBE. Then start again"
    )


def _unknown(listing: ClusterMetadata, topic: str) -> bool:
    error = listing.topics[topic].error
    return error is not None and bool(error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART)
