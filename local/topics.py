"""The four topics of one consumer, under their usual names."""

from local.cluster import Cluster

INPUT = "customer-messages"
URGENT = "urgent"
ROUTINE = "routine"
DEAD_LETTERS = "customer-messages.dead-letter"
OUTPUTS = (URGENT, ROUTINE, DEAD_LETTERS)
ALL = (INPUT, *OUTPUTS)

PARTITIONS = 3
KAFKAS_MAX_MESSAGE_BYTES = 1_048_588
# A dead letter is the original with headers around it: without more room, one near the limit could not be kept.
ROOM_FOR_REASONS_BYTES = 64 * 1024


def create(cluster: Cluster) -> None:
    """Create all four."""
    for topic in (INPUT, URGENT, ROUTINE):
        cluster.create_topic(topic, PARTITIONS)
    limit = KAFKAS_MAX_MESSAGE_BYTES + ROOM_FOR_REASONS_BYTES
    cluster.create_topic(DEAD_LETTERS, PARTITIONS, {"max.message.bytes": str(limit)})
