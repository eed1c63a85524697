"""Three brokers, each a controller too, of which one may die."""

import itertools
from pathlib import Path

from confluent_kafka import ElectionType, KafkaException
from confluent_kafka.admin import AdminClient

from local.cluster import BROKER, Cluster, new_cluster_id
from local.ports import claim
from local.processes import Child

NODES = (1, 2, 3)
REPLICATED = {
    "offsets.topic.replication.factor": "3",
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
    "min.insync.replicas": "2",
    "replica.lag.time.max.ms": "3000",
}


QUICK = {"reconnect.backoff.ms": 50, "reconnect.backoff.max.ms": 200, "log_level": 0}


def _listed(admin: AdminClient, otherwise: set[int]) -> set[int]:
    """The brokers that there are, by the one that is asked."""
    try:
        return set(admin.list_topics(timeout=1).brokers)
    except KafkaException:
        return otherwise


class Trio(Cluster):
    """As Cluster; brokers are killed one after another, each once the one before is back in sync."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, broker_settings=REPLICATED)
        self._replicas = len(NODES)
        self._ports = {
            node: (claim(None, f"broker {node}"), claim(None, f"controller {node}")) if node > 1 else self._first()
            for node in NODES
        }
        self._brokers: dict[int, Child] = {}
        self._turns = itertools.cycle(NODES)

    def _first(self) -> tuple[int, int]:
        return self._broker_port, self._controller_port

    @property
    def bootstrap_servers(self) -> str:
        return ",".join(f"127.0.0.1:{port}" for port, _ in self._ports.values())

    @property
    def children(self) -> list[Child]:
        return [*self._brokers.values(), *super().children]

    def start_broker(self) -> None:
        """Those that do not run; returns when they answer, and every replica of every partition is in sync."""
        gone = sorted(set(NODES) - set(self._brokers))
        for node in gone:
            self._brokers[node] = self._begin_broker(self._home(node))
        for node in gone:
            # By its own port: the others may not have noticed yet that it was gone.
            own = AdminClient({"bootstrap.servers": f"127.0.0.1:{self._ports[node][0]}", **QUICK})
            self._until(lambda own=own: bool(_listed(own, set())), self._brokers[node], f"broker {node}")
        self._until(self._are_in_sync, self._brokers[1], "Kafka")

    def kill_broker(self) -> None:
        """SIGKILL to the next in turn; returns when the others know."""
        node = next(self._turns)
        self._brokers.pop(node).kill()
        left = next(iter(self._brokers.values()))
        self._until(lambda: node not in _listed(self._admin_client(), {node}), left, "the others")

    def check(self) -> None:
        for node, child in self._brokers.items():
            assert child.exit_code() is None, f"broker {node} ended: {child.last_lines()}"
        super().check()

    def elect_leaders(self) -> None:
        """Each partition's preferred one, which a death had moved."""
        self._admin_client().elect_leaders(ElectionType.PREFERRED).result(30)

    def stop(self) -> None:
        super().stop()
        self._brokers = {}

    def _home(self, node: int) -> Path:
        home = self._folder / f"broker-{node}"
        home.mkdir(exist_ok=True)
        return home

    def _format_storage(self) -> None:
        identity = new_cluster_id()
        voters = ",".join(f"{node}@127.0.0.1:{controller}" for node, (_, controller) in self._ports.items())
        for node, ports in self._ports.items():
            own = {"node.id": str(node), "controller.quorum.voters": voters}
            settings = {**BROKER, **self._listener_settings(*ports), **self._settings, **own}
            self._format(self._home(node), settings, identity)

    def _are_in_sync(self) -> bool:
        try:
            metadata = self._admin_client().list_topics(timeout=1)
        except KafkaException:
            return False
        partitions = [each for topic in metadata.topics.values() for each in topic.partitions.values()]
        return len(metadata.brokers) == len(NODES) and all(len(each.isrs) == len(each.replicas) for each in partitions)
