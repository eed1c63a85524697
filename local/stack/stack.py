"""One start of docker-compose.yml's services, in the order that the file asks for, and their end."""

import os
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console

from consumer.errors import SurroundingsError
from local.cluster import Cluster
from local.ports import free_port, is_free
from local.postgres import Postgres
from local.processes import Child
from local.service import ROOT, SHIKYU, STOP_PATIENCE_S
from local.stack import compose, prometheus
from local.stack.compose import Service
from local.stack.translate import broker_settings, translated
from local.steps import ChildEnded, step
from local.ticketing import TICKETING

READY_LIMIT_S = 60
PROGRAMS = {"shikyu": SHIKYU, "shikyu-ticketing": TICKETING}
# No package of Debian's or Python's has it.
NOT_HERE = "grafana/grafana"


@dataclass
class Stack:
    """What runs. `addresses` are by what a container would write, such as `kafka:9092`."""

    console: Console
    folder: Path
    any_port: bool  # rather than the published ones
    addresses: dict[str, str] = field(default_factory=dict)
    clusters: list[Cluster] = field(default_factory=list)
    databases: list[Postgres] = field(default_factory=list)
    children: dict[str, Child] = field(default_factory=dict)
    taken: dict[str, int] = field(default_factory=dict)  # published ports that others listen on, by address

    def check(self) -> None:
        """Raise ShikyuError when one ended that should run."""
        self.check_what_all_need()
        for name, child in self.children.items():
            if (code := child.exit_code()) is not None:
                raise ChildEnded(f"{name} {_ended(code)}; the end of its log:\n{child.last_lines()}", code)

    def check_what_all_need(self) -> None:
        """Raise SurroundingsError when Kafka, the registry or the database ended: what is left could only wait."""
        for cluster in self.clusters:
            cluster.check()
        for database in self.databases:
            database.check()

    def ended(self) -> list[str]:
        """A word for each program that ended since this was last asked. The others stay up, as compose has it."""
        ends = [(name, child, code) for name, child in self.children.items() if (code := child.exit_code()) is not None]
        for name, child, _ in ends:
            child.release()  # and is no more to be stopped: its number may be another process's soon
            del self.children[name]
        return [
            f"{name} {_ended(code)}, and the others stay up. Its log is {child.log}; the end of it:\n"
            f"{child.last_lines() or '(nothing)'}\nCtrl-C and another start bring it back."
            for name, child, code in ends
        ]

    def place(self, services: Iterable[Service]) -> None:
        """An address for each published port, before anything starts: the first may have to know the last one's."""
        for service in services:
            for inside, published in service.published.items():
                address = f"{service.name}:{inside}"
                if not self.any_port and not is_free(published):
                    self.taken[address] = published
                port = free_port() if self.any_port or address in self.taken else published
                self.addresses[address] = f"127.0.0.1:{port}"

    def port(self, service: Service, inside: int) -> int:
        """Where this machine finds it."""
        return int(self.addresses[f"{service.name}:{inside}"].rpartition(":")[2])


@contextmanager
def running(
    console: Console,
    folder: Path,
    *,
    any_port: bool = False,
    cluster: Cluster | None = None,
    file: Path = compose.FILE,
) -> Iterator[Stack]:
    """
    All that can run here, ready; stopped in the reverse order. Raises StepFailed.

    A `cluster` that runs already is taken as it is, instead of one of its own.
    """
    described = compose.services(file, os.environ)
    by_name = {each.name: each for each in described}
    stack = Stack(console, folder, any_port)
    stack.place(described)
    with ExitStack() as ends:
        with step(console, "Kafka and the Schema Registry"):
            used = cluster or _start_cluster(stack, by_name["kafka"], by_name["registry"], ends)
            stack.clusters.append(used)
            stack.addresses["kafka:9092"] = used.bootstrap_servers  # inside and outside are one here
            [inside] = by_name["registry"].published
            stack.addresses[f"registry:{inside}"] = urlsplit(used.registry_url).netloc
        for service in described:
            if service.name in ("kafka", "registry"):
                continue
            if service.program == NOT_HERE:
                console.print(f"{service.name}: left out, it needs a container", style="dim", highlight=False)
                continue
            with step(console, service.name):
                _start(stack, service, ends)
        yield stack


def _start_cluster(stack: Stack, kafka: Service, registry: Service, ends: ExitStack) -> Cluster:
    [outside], [registry_port] = kafka.published, registry.published
    cluster = Cluster(
        stack.folder / "kafka",
        broker_port=stack.port(kafka, outside),
        registry_port=stack.port(registry, registry_port),
        broker_settings=broker_settings(kafka.environment),
    )
    return ends.enter_context(cluster)


def _start(stack: Stack, service: Service, ends: ExitStack) -> None:
    if service.program == "postgres":
        _start_postgres(stack, service, ends)
    elif service.program == "prom/prometheus":
        _start_prometheus(stack, service, ends)
    elif service.program not in PROGRAMS:
        raise SurroundingsError(f"{service.image} can't be run here without an engine")
    elif service.runs_to_its_end:
        _run(stack, service)
    else:
        _start_program(stack, service, ends)


def _start_postgres(stack: Stack, service: Service, ends: ExitStack) -> None:
    given = service.environment
    database = Postgres(given["POSTGRES_USER"], given["POSTGRES_PASSWORD"], stack.port(service, 5432))
    stack.databases.append(ends.enter_context(database))
    database.create(given["POSTGRES_DB"])


def _start_prometheus(stack: Stack, service: Service, ends: ExitStack) -> None:
    port = stack.port(service, 9090)
    [configuration] = [path for path in service.files.values() if isinstance(path, Path)]
    files = _files(stack, service) | {"/etc/prometheus": stack.folder / "prometheus"}
    flags = [translated(flag, {}, files) for flag in service.command]

    def here(text: str) -> str:
        return translated(text, stack.addresses, {})

    child = prometheus.start(stack.folder, flags, configuration, port, here)
    _keep(stack, service, child, ends)
    _until_200(stack, f"http://127.0.0.1:{port}/-/ready")


def _start_program(stack: Stack, service: Service, ends: ExitStack) -> None:
    more = {}
    for inside in service.published:
        # What it listens on is what compose publishes: this machine alone.
        more = {"SHIKYU_HTTP_HOST": "127.0.0.1", "SHIKYU_HTTP_PORT": str(stack.port(service, inside))}
    command, environment = _as_here(stack, service)
    log = stack.folder / f"{service.name}.log"
    child = Child.start(command, folder=ROOT, log=log, environment={**environment, **more})
    _keep(stack, service, child, ends)
    if more:
        _until_200(stack, f"http://127.0.0.1:{more['SHIKYU_HTTP_PORT']}/readyz")


def _run(stack: Stack, service: Service) -> None:
    command, environment = _as_here(stack, service)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ChildEnded(f"{' '.join(command)} said:\n{(done.stderr or done.stdout).strip()}", done.returncode)


def _as_here(stack: Stack, service: Service) -> tuple[list[str], dict[str, str]]:
    files = _files(stack, service)
    words = [translated(word, stack.addresses, files) for word in service.command]
    own = {name: translated(value, stack.addresses, files) for name, value in service.environment.items()}
    # Its slots are its containers' own: a second stack on this host has the same names of group and slot.
    own["TMPDIR"] = str(stack.folder)
    return [*PROGRAMS[service.program], *words], {**_others(os.environ), **own}


def _files(stack: Stack, service: Service) -> dict[str, Path]:
    return {
        place: path if isinstance(path, Path) else stack.folder / "volumes" / path
        for place, path in service.files.items()
    }


def _others(environment: Mapping[str, str]) -> dict[str, str]:
    # What the user has set for a service of their own is not meant for these.
    return {name: value for name, value in environment.items() if not name.startswith(("SHIKYU_", "TICKETING_"))}


def _keep(stack: Stack, service: Service, child: Child, ends: ExitStack) -> None:
    stack.children[service.name] = child
    ends.callback(child.stop, STOP_PATIENCE_S)


def _until_200(stack: Stack, url: str) -> None:
    end = time.monotonic() + READY_LIMIT_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=1) as response:  # noqa: S310 - one of ours
                if response.status == 200:
                    return
        except OSError:
            pass
        stack.check()
        if time.monotonic() > end:
            raise SurroundingsError(f"{url} was not ready within {READY_LIMIT_S} s")
        time.sleep(0.05)


def _ended(code: int) -> str:
    return f"ended with exit code {code}" if code >= 0 else f"was ended by {signal.Signals(-code).name}"


def told(stack: Stack) -> str:
    """What somebody who has just started it wants to know."""
    at = stack.addresses

    def instead(address: str) -> str:
        return f" ({stack.taken[address]} is taken by something else)" if address in stack.taken else ""

    python, database = os.path.relpath(sys.executable), stack.databases[0].url("tickets")
    settings = {
        "SHIKYU_CONFIG": "deploy/compose/shikyu.toml",
        "SHIKYU_KAFKA_BOOTSTRAP_SERVERS": at["kafka:9092"],
        "SHIKYU_REGISTRY_URL": stack.clusters[0].registry_url,
        "SHIKYU_MODEL_ARTIFACT": "artifacts/sample",
    }
    metrics = f"http://{at['shikyu:9464']}/metrics"
    return "\n".join(
        [
            f"Kafka: {at['kafka:9092']}{instead('kafka:29092')}",
            f"Schema Registry: {stack.clusters[0].registry_url}{instead('registry:8080')}",
            f"shikyu: {metrics}{instead('shikyu:9464')}",
            f"Prometheus: http://{at['prometheus:9090']}{instead('prometheus:9090')}",
            f"PostgreSQL: {at['postgres:5432']}{instead('postgres:5432')}",
            f"tickets: TICKETING_DATABASE={shlex.quote(database)} {python} -m examples.ticketing list",
            f"logs: {stack.folder}",
            f"look at it: export {' '.join(f'{name}={shlex.quote(value)}' for name, value in settings.items())}",
            f"then: {python.removesuffix('python')}shikyu doctor, or shikyu top --metrics {metrics}",
        ]
    )
