"""What docker-compose.yml describes, and `make up` starts."""

import io
import json
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
import yaml
from rich.console import Console

from consumer.errors import SettingsError
from consumer.settings_sources import resolve
from local import fetch, sample, topics
from local.ports import free_port
from local.processes import Child
from local.stack import compose, stack
from local.stack.translate import broker_settings, translated
from local.steps import ChildEnded
from tests.system_packages import required

ROOT = Path(__file__).parents[2]
PASSWORD = "a@b/c: d%2F#'e"
HERE = {"kafka:9092": "127.0.0.1:20001", "postgres:5432": "127.0.0.1:20002"}


def services(**variables: str) -> dict[str, compose.Service]:
    return {each.name: each for each in compose.services(compose.FILE, variables)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bootstrap.servers=kafka:9092", "bootstrap.servers=127.0.0.1:20001"),
        ("postgresql://tickets:tickets@postgres:5432/tickets", "postgresql://tickets:tickets@127.0.0.1:20002/tickets"),
        ("my-kafka:9092,kafka:90921", "my-kafka:9092,kafka:90921"),
        ("--config.file=/etc/prometheus/prometheus.yml", "--config.file=/here/prometheus.yml"),
        ("--storage.tsdb.path=/prometheus", "--storage.tsdb.path=/data"),
        ("/prometheuses", "/prometheuses"),
    ],
)
def test_addresses_and_places_are_those_of_here(text, expected):
    """Whole names alone, the longest first."""
    assert translated(text, HERE, {"/prometheus": Path("/data"), "/etc/prometheus": Path("/here")}) == expected


def test_a_brokers_settings_have_kafkas_names():
    """As its image reads them; where it listens is left to the place."""
    given = {"KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1", "KAFKA_A__B___C": "2", "KAFKA_LISTENERS": "PLAINTEXT://:9092"}

    assert broker_settings(given) == {"transaction.state.log.min.isr": "1", "a_b-c": "2"}
    with pytest.raises(SettingsError, match="CLUSTER_ID is no setting"):
        broker_settings({"CLUSTER_ID": "x"})


def test_nothing_starts_before_what_it_waits_for():
    """Topics and schemas are made first, and what makes them runs to its end."""
    order = list(services())

    assert order.index("kafka") < order.index("topics") < order.index("shikyu")
    assert order.index("postgres") < order.index("ticketing-tables") < order.index("ticketing")
    assert {name for name, each in services().items() if each.runs_to_its_end} == {
        "schemas",
        "ticketing-tables",
        "topics",
    }


def test_a_password_of_ones_own_is_taken():
    """In the database and in what asks it, whatever it holds: neither YAML nor a URL reads it."""
    described = services(TICKETS_PASSWORD=PASSWORD)

    assert described["postgres"].environment["POSTGRES_PASSWORD"] == PASSWORD
    for service in ("ticketing", "ticketing-tables"):
        assert described[service].environment["PGPASSWORD"] == PASSWORD
        assert described[service].environment["TICKETING_DATABASE"] == "postgresql://tickets@postgres:5432/tickets"


def test_what_a_profile_has_is_left_out():
    """As compose does, unless it is told the profile's name."""
    every = yaml.safe_load(compose.FILE.read_text(encoding="utf-8"))["services"]

    assert set(every) - set(services()) == {name for name, each in every.items() if "profiles" in each} == {"page"}
    assert every["page"]["image"].rpartition(":")[2] == every["shikyu"]["image"].rpartition(":")[2]


def test_schemas_are_kept_where_the_events_are():
    """What names a schema by its id is of no use without it: a registry that starts anew must have them."""
    every = services()
    registry = every["registry"].environment

    assert registry["APICURIO_STORAGE_KIND"] == "kafkasql"
    assert (
        registry["APICURIO_KAFKASQL_BOOTSTRAP_SERVERS"] == every["shikyu"].environment["SHIKYU_KAFKA_BOOTSTRAP_SERVERS"]
    )
    assert every["kafka"].environment["KAFKA_LOG_DIRS"] in every["kafka"].files
    assert list(every).index("kafka") < list(every).index("registry")


def test_what_is_mounted_is_there_and_its_settings_are_settings():
    """The variables too, with the file that they name."""
    for service in services().values():
        assert [path for path in service.files.values() if isinstance(path, Path) and not path.exists()] == []
    shikyu = services()["shikyu"]
    settings = resolve(
        Path(shikyu.files[shikyu.environment["SHIKYU_CONFIG"]]),
        {name: value for name, value in shikyu.environment.items() if name != "SHIKYU_CONFIG"},
        {},
    )

    assert settings.http.port in shikyu.published
    assert (*settings.input.topics, settings.output.urgent, settings.output.routine) == topics.ALL[:3]
    assert str(settings.model.artifact) in shikyu.files


def test_versions_are_pinned_and_are_those_that_run_here():
    """Kafka and the registry are the very ones of `local`, and ours has the project's number."""
    images = {name: each.image.rpartition(":")[2] for name, each in services().items()}
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    [kafka] = {name.split(":")[3] for name in fetch.pins("kafka") if name.startswith("org.apache.kafka:kafka-clients")}
    [registry] = {name.split(":")[-1] for name in fetch.pins("registry")}

    assert images["kafka"] == kafka
    assert images["registry"] == registry
    assert {images[name] for name in ("shikyu", "topics", "schemas", "ticketing")} == {version}
    assert all(tag and tag[0] in "v0123456789" for tag in images.values())


def test_one_that_ends_is_told_once_and_the_others_stay_up(tmp_path):
    """As compose has it: with its exit code, the end of its log and where that is."""
    up = stack.Stack(Console(file=io.StringIO()), tmp_path, any_port=True)
    dying = "import os, sys; print('no such topic', flush=True); {}"
    for name, words in {
        "shikyu": dying.format("sys.exit(3)"),
        "ticketing": dying.format("os.kill(os.getpid(), 9)"),
        "prometheus": "import time; time.sleep(600)",
    }.items():
        command = [sys.executable, "-c", words]
        up.children[name] = Child.start(command, folder=tmp_path, log=tmp_path / f"{name}.log")
    try:
        until(lambda: [each.exit_code() for each in up.children.values()].count(None) == 1)
        with pytest.raises(ChildEnded, match="shikyu ended with exit code 3; the end of its log:\nno such topic"):
            up.check()  # as at the start, where each of them is waited for
        up.check_what_all_need()

        said = up.ended()

        assert [each.splitlines()[:2] for each in said] == [
            [f"{name} {how}, and the others stay up. Its log is {tmp_path}/{name}.log; the end of it:", "no such topic"]
            for name, how in (("shikyu", "ended with exit code 3"), ("ticketing", "was ended by SIGKILL"))
        ]
        assert (list(up.children), up.ended()) == (["prometheus"], [])
        assert up.children["prometheus"].exit_code() is None
    finally:
        for child in up.children.values():
            child.kill()


def test_a_port_that_is_taken_is_told_with_what_stands_for_it(tmp_path):
    """Who knows the published port would look at somebody else's there."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken, free = other.getsockname()[1], free_port()
        up = stack.Stack(Console(file=io.StringIO()), tmp_path, any_port=False)
        up.place([published("shikyu", 9464, taken), published("kafka", 9092, free)])
        up.place([published("prometheus", 9090, free), published("postgres", 5432, free)])
        up.clusters.append(SimpleNamespace(registry_url="http://127.0.0.1:20003"))
        up.databases.append(SimpleNamespace(url=lambda name: f"postgresql:///{name}"))

        lines = stack.told(up).splitlines()

    metrics = f"http://{up.addresses['shikyu:9464']}/metrics"
    assert f"shikyu: {metrics} ({taken} is taken by something else)" in lines
    assert f"Kafka: 127.0.0.1:{free}" in lines
    assert str(taken) not in metrics
    assert lines[-1].endswith(f"shikyu top --metrics {metrics}")


def published(name: str, inside: int, port: int) -> compose.Service:
    return replace(services()["shikyu"], name=name, published={inside: port})


@pytest.mark.kafka
def test_all_of_it_runs_here(cluster, tmp_path, monkeypatch):
    """Messages become tickets in PostgreSQL, Prometheus looks where they are counted; afterwards nothing is left."""
    required("prometheus")
    required("initdb", sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True))
    monkeypatch.setenv("TICKETS_PASSWORD", PASSWORD)

    with stack.running(Console(file=io.StringIO()), tmp_path, any_port=True, cluster=cluster) as up:
        at = up.addresses
        written = sample.write(at["kafka:9092"], up.clusters[0].registry_url)
        written += typed(at["kafka:9092"], up.clusters[0].registry_url)
        until(lambda: counted(at["shikyu:9464"]) == written, up)
        until(lambda: tickets(up.databases[0].url("tickets")) > 0, up)
        [target] = asked(at["prometheus:9090"], "targets")["activeTargets"]
        assert target["scrapeUrl"] == f"http://{at['shikyu:9464']}/metrics"
        assert {each["name"] for each in asked(at["prometheus:9090"], "rules")["groups"]} == groups()
        assert f"shikyu: http://{at['shikyu:9464']}/metrics" in stack.told(up)
        pids = [child.pid for child in up.children.values()]

    assert len(pids) == 3
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []


def typed(bootstrap_servers: str, registry_url: str) -> int:
    """As docs/deploy.md shows it: the script comes by standard input, its variables are the service's."""
    with (ROOT / "deploy" / "compose" / "write.py").open() as script:
        done = subprocess.run(
            [sys.executable, "-", "No heating for three weeks.", "Thanks, all good."],
            stdin=script,
            env={"SHIKYU_KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers, "SHIKYU_REGISTRY_URL": registry_url},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stdout) == (0, "2 of 2 messages are in customer-messages\n"), done.stderr
    return 2


def until(condition, up=None, within_s=60):
    end = time.monotonic() + within_s
    while not condition():
        if up is not None:
            up.check()
        assert time.monotonic() < end
        time.sleep(0.2)


def asked(prometheus: str, what: str) -> dict:
    with urllib.request.urlopen(f"http://{prometheus}/api/v1/{what}", timeout=10) as answer:
        return json.load(answer)["data"]


def groups() -> set[str]:
    rules = ROOT / "deploy" / "prometheus" / "shikyu.rules.yml"
    return {each["name"] for each in yaml.safe_load(rules.read_text(encoding="utf-8"))["groups"]}


def counted(shikyu: str) -> float:
    """The input records that it has committed."""
    with urllib.request.urlopen(f"http://{shikyu}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("shikyu_records_total{"))


def tickets(url: str) -> int:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT count(*) FROM tickets").fetchone()[0]
