"""Whose /metrics these are: at an address that was meant another stream's consumer answers as readily."""

from collections.abc import Iterator

from consumer.visible import visible
from consumer.watching.scrape import Consumers

MOST_WORD = 120


def others(consumers: Consumers, group_id: str, cluster_id: str | None) -> Iterator[str]:
    """
    A sentence for each address at which a consumer of another group answers, or one of another Kafka.

    Of a Kafka that is not known, as None here or by a consumer that does not tell, nothing is said.
    """
    for url, labels in consumers.first("shikyu_group_info"):
        group, kafka = labels["group_id"], labels["cluster_id"]
        if group != group_id:
            whose = f"of group {visible(group, MOST_WORD)}, and delivery.group_id is {group_id}"
        elif kafka and cluster_id and kafka != cluster_id:
            whose = f"of another Kafka, {visible(kafka, MOST_WORD)}, than bootstrap.servers leads to, {cluster_id}"
        else:
            continue
        yield f"{url} is a consumer {whose}: its figures are another stream's; name this one's consumers by --metrics"
