"""How far the group is behind, by what Kafka itself knows of it."""

from collections.abc import Mapping
from concurrent.futures import TimeoutError as Late
from dataclasses import dataclass
from typing import Any

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException

from consumer import surroundings
from consumer.admin import admin_client
from consumer.errors import SurroundingsError
from consumer.kafka_options import client_config, servers
from consumer.offsets import spans
from consumer.settings import Settings

ANSWER_S = 10.0

Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Lag:
    """`cluster_id` is Kafka's name for itself, or None where it tells none."""

    records: Mapping[Place, int]
    cluster_id: str | None = None


def lag(settings: Settings) -> Lag:
    """
    Records that are not committed yet, by partition of the input topics, as they are now.

    Of inputs that were written in transactions it never falls below one: the last of their markers is no record.
    Raises SurroundingsError where Kafka does not answer, or forbids it.
    """
    client = client_config(settings)
    listing = surroundings.listed(client)
    counts = {
        topic: len(listing.topics[topic].partitions) for topic in surroundings.present(settings.input.topics, listing)
    }
    held, committed = spans(client, counts), _committed(client, settings.delivery.group_id)
    places = [(topic, partition) for topic, count in counts.items() for partition in range(count)]
    return Lag({place: _behind(held.get(place), committed.get(place)) for place in places}, listing.cluster_id)


def _behind(span: tuple[int, int] | None, committed: int | None) -> int:
    if span is None:
        return 0
    start, end = span
    return max(0, end - (start if committed is None else max(start, committed)))


def _committed(client: dict[str, Any], group_id: str) -> dict[Place, int]:
    admin = admin_client(client)  # kept until all is answered: with it go its questions
    try:
        asked = admin.list_consumer_group_offsets(
            [ConsumerGroupTopicPartitions(group_id)], request_timeout=ANSWER_S, require_stable=False
        )
        found = asked[group_id].result(ANSWER_S)
    except (KafkaException, Late) as problem:
        why = problem.args[0].name() if isinstance(problem, KafkaException) else "no answer"
        raise SurroundingsError(
            f"Kafka at bootstrap.servers = {servers(client)} does not tell what group {group_id} has committed "
            f"({why}): check delivery.group_id, and grant DESCRIBE on the group"
        ) from problem
    return {(each.topic, each.partition): each.offset for each in found.topic_partitions or () if each.offset >= 0}
