"""
What Kafka makes of a transaction that expires while its broker starts: no markers, so that it hangs. Without shikyu.

    python -m tests.chaos.expired

Ends with 1 when it hangs, as with Kafka 4.4.0, and with 0 when Kafka has mended it.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from confluent_kafka import Consumer, TopicPartition

from local.cluster import Cluster

TIMEOUT_S = 10
KILLED_AFTER_S = (6.5, 7.0, 7.5)  # so that the time is out when the broker has begun, and listens to nobody yet
SETTLED_S = 8
LEFT_OPEN = f"""
import os, sys
from confluent_kafka import Producer
producer = Producer({{
    "bootstrap.servers": sys.argv[1], "transactional.id": "t", "transaction.timeout.ms": {TIMEOUT_S * 1000}
}})
producer.init_transactions(20)
producer.begin_transaction()
producer.produce("topic", value=b"never committed", partition=0)
producer.flush(10)
os.kill(os.getpid(), 9)
"""


def hangs(killed_after_s: float) -> bool:
    """Whether the last stable offset is still the open transaction's first, long after it was aborted."""
    with tempfile.TemporaryDirectory() as folder, Cluster(Path(folder), registry=False) as cluster:
        cluster.create_topic("topic", 1)
        subprocess.run([sys.executable, "-c", LEFT_OPEN, cluster.bootstrap_servers], check=False)
        opened = time.monotonic()
        time.sleep(killed_after_s)
        cluster.kill_broker()
        cluster.start_broker()
        time.sleep(max(0, opened + TIMEOUT_S + SETTLED_S - time.monotonic()))
        reader = Consumer(
            {"bootstrap.servers": cluster.bootstrap_servers, "group.id": "none", "isolation.level": "read_committed"}
        )
        stable = reader.get_watermark_offsets(TopicPartition("topic", 0), timeout=10)[1]
        reader.close()
    print(f"broker killed {killed_after_s} s after the transaction: last stable offset {stable}, of 2 when it is ended")
    return stable == 0


if __name__ == "__main__":
    sys.exit(any(hangs(after) for after in KILLED_AFTER_S))
