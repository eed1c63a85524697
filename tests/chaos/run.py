"""One run of chaos, from an empty cluster to the verdict."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from local import service
from local.cluster import Cluster
from local.ports import free_port
from tests.chaos.conductor import ChaosError, Conductor, Told
from tests.chaos.faults import Fault
from tests.chaos.feed import PLANTED, Feed
from tests.chaos.monitor import Monitor
from tests.chaos.proxy import Proxy
from tests.chaos.trio import Trio
from tests.delivery.checker import Verdict, check

Guarantee = Literal["exactly-once", "at-least-once"]
Protocol = Literal["classic", "consumer"]
PARTITIONS = 6
GROUP = "chaos"
TOPICS = {role: f"chaos.{role}" for role in ("input", "urgent", "routine", "dead")}
WINDOW = 50


def settings(bootstrap: str, registry_url: str, guarantee: Guarantee, protocol: Protocol) -> dict[str, Any]:
    quick = {"reconnect.backoff.ms": "50", "reconnect.backoff.max.ms": "500"}
    # The newer protocol's sessions are the broker's to set.
    session = {"session.timeout.ms": "1500", "heartbeat.interval.ms": "300"} if protocol == "classic" else {}
    # How long Kafka may wait for members that its own death has left behind: docs/delivery.md.
    session["max.poll.interval.ms"] = "60000"
    return {
        "input": {"topics": [TOPICS["input"]]},
        "output": {"urgent": TOPICS["urgent"], "routine": TOPICS["routine"], "format": "json"},
        "dead_letters": {"topic": TOPICS["dead"]},
        # Longer than a consumer and the broker are away together: see tests/chaos/unmarked.py.
        "delivery": {"group_id": GROUP, "guarantee": guarantee, "transaction_timeout_s": 45},
        "batching": {"max_window_records": WINDOW},
        "registry": {"url": registry_url},
        "kafka": {
            "options": {"bootstrap.servers": bootstrap, **quick},
            "consumer": {**session, "group.protocol": protocol, "fetch.wait.max.ms": "100"},
        },
    }


@contextmanager
def _behind_a_proxy(folder: Path) -> Iterator[tuple[Cluster, Proxy | None, str]]:
    port = free_port()
    # Longer than a busy machine stands still: a broker that takes itself for dead moves its own partitions about.
    patient = {"broker.session.timeout.ms": "6000"}
    with (
        Cluster(folder / "cluster", proxy_port=port, broker_settings=patient) as cluster,
        Proxy(port, cluster.proxied_port) as proxy,
    ):
        yield cluster, proxy, f"127.0.0.1:{port}"


@contextmanager
def _trio(folder: Path) -> Iterator[tuple[Cluster, Proxy | None, str]]:
    with Trio(folder / "cluster") as cluster:
        yield cluster, None, cluster.bootstrap_servers


def chaos(
    folder: Path,
    faults: Sequence[Fault],
    records: int,
    seed: int,
    guarantee: Guarantee = "exactly-once",
    slow_s: float = 0.0,
    say: Callable[[str], None] = lambda _: None,
    *,
    has_three_brokers: bool = False,
    protocol: Protocol = "classic",
) -> tuple[Told, Verdict]:
    """ChaosError while it runs; the verdict is for whoever asked."""
    with _trio(folder) if has_three_brokers else _behind_a_proxy(folder) as (cluster, proxy, bootstrap):
        for topic in TOPICS.values():
            cluster.create_topic(topic, PARTITIONS)
        service.register_schemas(cluster, options=["--input-topics", TOPICS["input"]])
        feed = Feed(cluster.bootstrap_servers, TOPICS["input"], cluster.registry_url)
        with Monitor(cluster.bootstrap_servers, GROUP, TOPICS) as monitor:
            if guarantee == "at-least-once":
                monitor.may_double = True
            told = settings(bootstrap, cluster.registry_url, guarantee, protocol)
            plan = {"settings": told, "slow_s": slow_s}
            conductor = Conductor(cluster, proxy, feed, monitor, plan, folder, seed, say)
            conductor.run(faults, records)
            verdict = check(cluster.bootstrap_servers, GROUP, TOPICS, planted=PLANTED)
            monitor.wait_for_all(verdict.inputs - verdict.skipped, 10)
            if (seen := len(monitor.seen)) != verdict.inputs - verdict.skipped - len(verdict.lost):
                raise ChaosError(f"who read meanwhile saw {seen} records, and who read at the end another number")
    return conductor.told, verdict
