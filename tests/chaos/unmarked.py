"""
What Kafka makes of a transaction that ends while one of its partitions has no leader. Without shikyu.

    python -m tests.chaos.unmarked

Three brokers, and two topics whose only replica is on the one that dies. It is there again a few seconds later. Ends
with 1 when the transactions' markers are never written (KAFKA-20734, as with Kafka 4.4.0), and shows what comes of it;
with 0 when Kafka has mended it.
"""

import sys
import tempfile
import time
from pathlib import Path

from confluent_kafka import IsolationLevel, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.chaos.trio import NODES, Trio
from tests.delivery.checker import ends, partitions_of, read

COMMITTED, ABORTED = TOPICS = ("committed", "aborted")
SETTLED_S = 10.0


def producer(cluster: Trio, topic: str, value: bytes) -> Producer:
    """In the midst of a transaction, which the topic's partition has a record of."""
    begun = Producer({"bootstrap.servers": cluster.bootstrap_servers, "transactional.id": topic, "log_level": 0})
    begun.init_transactions(30)
    begun.begin_transaction()
    begun.produce(topic, value=value, partition=0)
    begun.flush(30)
    return begun


def stand_still(cluster: Trio) -> list[str]:
    """Topics that are not readable to their end, long after their transactions were ended."""
    partitions = partitions_of(cluster.bootstrap_servers, *TOPICS)
    until = time.monotonic() + SETTLED_S
    while True:
        stable, end = (
            ends(cluster.bootstrap_servers, partitions, level)
            for level in (IsolationLevel.READ_COMMITTED, IsolationLevel.READ_UNCOMMITTED)
        )
        found = sorted(topic for topic, _ in end if stable[topic, 0] != end[topic, 0])
        if not found or time.monotonic() > until:
            return found
        time.sleep(0.5)


def readable(cluster: Trio, topic: str) -> list[str]:
    return [message.value().decode() for message in read(cluster.bootstrap_servers, topic)]


def main() -> int:
    with tempfile.TemporaryDirectory() as folder, Trio(Path(folder)) as cluster:
        where = [[NODES[0]]]  # the first that is killed
        topics = [NewTopic(topic, num_partitions=1, replica_assignment=where) for topic in TOPICS]
        for made in AdminClient({"bootstrap.servers": cluster.bootstrap_servers}).create_topics(topics).values():
            made.result(30)
        commits, aborts = (producer(cluster, topic, b"first") for topic in TOPICS)
        cluster.kill_broker()
        commits.commit_transaction(30)
        aborts.abort_transaction(30)
        print("while their partitions had no leader, one transaction was committed and one aborted: Kafka took both")
        cluster.start_broker()
        found = stand_still(cluster)
        if not found:
            print("the partitions are back, and marked: it is mended")
            return 0
        print(f"the partitions are back; not readable to their end after {SETTLED_S:.0f} s: {', '.join(found)}")
        producer(cluster, COMMITTED, b"second").abort_transaction(30)
        producer(cluster, ABORTED, b"second").commit_transaction(30)
        stand_still(cluster)
        print(f"what was committed, after the next one of its slot was aborted: {readable(cluster, COMMITTED)}")
        print(f"what was aborted, after the next one was committed: {readable(cluster, ABORTED)}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
