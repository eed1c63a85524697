"""
Whether the topics of a run are still those that it was begun with.

A topic that was deleted and made anew under its name has other records at the same offsets: Kafka tells the two apart
by an id (KIP-516), which is kept with the run.
"""

from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any

from confluent_kafka import KafkaException, TopicCollection, Uuid
from confluent_kafka.admin._metadata import ClusterMetadata

from consumer.admin import admin_client
from consumer.errors import SurroundingsError
from consumer.replay.entries import Run
from consumer.replay.progress import committed, left
from consumer.topics import missing

ANSWER_S = 10.0
_NONE = str(Uuid(0, 0))  # what brokers tell that know no ids


def topic_ids(config: Mapping[str, Any], topics: Collection[str]) -> dict[str, str]:
    """Of those of which Kafka tells one."""
    found: dict[str, str] = {}
    if not topics:
        return found
    admin = admin_client(config)  # kept until all is answered: with it go its questions
    asked = TopicCollection(list(dict.fromkeys(topics)))
    for topic, answer in admin.describe_topics(asked, request_timeout=ANSWER_S).items():
        with suppress(KafkaException):  # one that is missing or hidden is told elsewhere
            found[topic] = str(answer.result().topic_id)
    return {topic: each for topic, each in found.items() if each != _NONE}


def is_the_same(run: Run, topic: str, now: Mapping[str, str]) -> bool:
    """Whether it may be, as far as its ids are known."""
    return run.topic_ids.get(topic) in (None, now.get(topic)) or topic not in now


def must_be_the_same(config: Mapping[str, Any], run: Run) -> None:
    """Raises SurroundingsError for a topic of the window that was made anew since the run was begun."""
    now = topic_ids(config, run.topic_ids)
    for topic in run.topic_ids:
        if not is_the_same(run, topic, now):
            raise SurroundingsError(
                f"topic {topic} was deleted and made anew since run {run.run} was begun: other records stand at the "
                f"offsets of its window. Cancel it (shikyu replay cancel {run.run}), and begin another"
            )


def must_keep_answers(config: Mapping[str, Any], run: Run, listing: ClusterMetadata, patience_s: float) -> None:
    """Raises SurroundingsError where a topic is gone that the run has written to: made anew, it would lack them."""
    gone = missing(listing, [run.topics.urgent, run.topics.routine, run.topics.dead_letters])
    if gone and left(run, committed(config, run, patience_s)) < run.records:
        raise SurroundingsError(
            f"run {run.run} has answered a part of its window, and {', '.join(gone)}, where these answers stood, "
            f"{'are' if len(gone) > 1 else 'is'} gone, or hidden from this client: cancel it (shikyu replay cancel "
            f"{run.run}), and begin another; or grant DESCRIBE"
        )
