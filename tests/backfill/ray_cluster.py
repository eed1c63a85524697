"""
A Ray cluster of this machine: a head and two workers, each with one CPU. It says its address, and ends with its input.

A line of input kills one of the two −9, with everything that runs there.
"""

import sys

from ray.cluster_utils import Cluster


def main() -> None:
    few = {"object_store_memory": 80_000_000, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, **few})
    workers = [cluster.add_node(num_cpus=1, object_store_memory=80_000_000) for _ in range(2)]
    print(cluster.address, flush=True)
    for _ in sys.stdin:
        cluster.remove_node(workers.pop(), allow_graceful=False)
        print("killed", flush=True)
    cluster.shutdown()


if __name__ == "__main__":
    main()
