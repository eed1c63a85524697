"""What people type, against a real Kafka, registry and database."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

import schemas
from examples.ticketing.cli import main
from tests.examples import golden
from tests.examples.ticketing.events import offsets, outcomes, produce, told
from tests.examples.ticketing.test_kills import until

ROOT = Path(__file__).parents[3]
# What differs between the two is tested without Kafka, and in test_kills.py.
SQLITE = pytest.mark.parametrize("url", ["sqlite"], indirect=True)
POSTGRESQL = pytest.mark.parametrize("url", ["postgresql"], indirect=True)


@pytest.fixture
def ticketing(url, monkeypatch, capfd):
    """Calls it as a command in this process; (exit code, what it said)."""
    monkeypatch.setenv("TICKETING_DATABASE", url)

    def call(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["ticketing", *words])
        code = main()
        out, err = capfd.readouterr()
        return code, out + err

    return call


@pytest.fixture
def running(cluster, name, url, tmp_path):
    """`run` as a process of its own, quick to join its group."""
    log = (tmp_path / "run.log").open("w+b")
    started: list[subprocess.Popen[bytes]] = []

    def start(*words: str) -> subprocess.Popen[bytes]:
        kafka = [f"bootstrap.servers={cluster.bootstrap_servers}", f"group.id={name}", "session.timeout.ms=1500"]
        options = [word for each in kafka for word in ("--kafka", each)]
        started.append(
            subprocess.Popen(
                [sys.executable, "-W", "error", "-m", "examples.ticketing", "run", *options, *words],
                cwd=ROOT,
                env={**os.environ, "TICKETING_DATABASE": url},
                stdout=log,
                stderr=log,
            )
        )
        started[-1].log = lambda: Path(log.name).read_text()
        return started[-1]

    yield start
    for each in started:
        each.terminate()
        try:
            each.wait(15)
        finally:
            each.kill()
            each.wait()
    log.close()


def ended(process) -> str:
    process.wait(30)
    return process.log()


@pytest.mark.kafka
@POSTGRESQL
def test_from_avro_in_kafka_to_a_ticket_on_the_screen(cluster, name, ticketing, running, database):
    """With the registry's schema, and the trace that its message began; then people answer and close it."""
    topic = f"{name}.urgent"
    cluster.create_topic(topic, 1)
    with SchemaRegistryClient({"url": cluster.registry_url}) as registry:
        number = registry.register_schema(f"{topic}-value", Schema(schemas.avro("classified-message"), "AVRO"))
    event = b"\0" + number.to_bytes(4, "big") + golden.value("avro-single-object")[10:]
    trace = {"traceparent": b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}
    produce(cluster.bootstrap_servers, topic, [event], headers=trace)
    process = running("--topics", topic, "--registry-url", cluster.registry_url)
    until(lambda: outcomes(database) == {"opened": 1})
    process.send_signal(signal.SIGINT)

    log = ended(process)
    assert process.returncode == 0, log
    assert "1 opened" in log
    assert "baby" not in log
    code, listed = ticketing("list")
    assert code == 0
    assert re.search(r'^ +1  overdue \d+:\d\d +0\.940 +1  "customer-07" "Third week', listed, re.MULTILINE)
    assert ticketing("answer", "1") == (0, "ticket 1 is answered\n")
    assert ticketing("close", "1") == (0, "ticket 1 is closed\n")
    assert ticketing("close", "1") == (2, "ticketing: error: ticket 1 is closed already\n")
    shown = ticketing("show", "1")[1]
    assert "closed" in shown
    assert ", trace 4bf92f3577b34da6a3ce929d0e0e4736:" in shown
    assert "Third week" not in ticketing("list")[1]


@pytest.mark.kafka
@POSTGRESQL
def test_a_replay_is_followed_by_a_pattern(cluster, name, ticketing, running, database):
    """
    Urgent that became routine is noted, routine that became urgent has its ticket.

    The replay is begun when the live answers are there: topics are read in no order, and an answer that is overtaken by
    its replay opens no ticket.
    """
    topics = {each: f"{name}.{each}" for each in ("urgent", "routine", "urgent.replay.x", "routine.replay.x")}
    for topic in topics.values():
        cluster.create_topic(topic, 1)
    live = {"urgent": [told(0), told(1)], "routine": [told(2, "routine"), told(3, "routine")]}
    replayed = {
        "urgent.replay.x": [told(1, run="x", at_s=9), told(2, run="x", at_s=9)],
        "routine.replay.x": [told(0, "routine", "x", at_s=9), told(3, "routine", "x", at_s=9)],
    }
    running("--format", "json", "--topics", rf"^{name}\.(urgent|routine)(\.replay\..*)?$")
    for read, send in ((4, live), (8, replayed)):
        for topic, events in send.items():
            produce(cluster.bootstrap_servers, topics[topic], events)
        until(lambda read=read: sum(outcomes(database).values()) == read)

    code, listed = ticketing("list")
    assert code == 0
    assert len(listed.splitlines()) == 1 + 3
    assert "routine in the later answer of run x" in "".join(ticketing("show", str(each))[1] for each in (1, 2, 3))


@pytest.mark.kafka
@SQLITE
def test_what_cannot_be_read_is_set_aside_and_can_be_tried_again(cluster, name, ticketing, running, database):
    """The urgent ones behind it do not wait for it; its bytes are kept."""
    topic = f"{name}.urgent"
    cluster.create_topic(topic, 1)
    one = golden.value("avro-single-object")
    produce(cluster.bootstrap_servers, topic, [told(0), one, b"\x1b[2Jcanary", told(1)])
    process = running("--format", "json", "--topics", topic)
    until(lambda: sum(outcomes(database).values()) == 2)

    assert "1 events could not be read" not in ticketing("list")[1]
    assert "2 events could not be read: `python -m examples.ticketing aside`" in ticketing("list")[1]
    code, told_aside = ticketing("aside")
    assert code == 0
    assert f'"{topic}"/0/1  bad-json: "it is no JSON (UnicodeDecodeError)"' in told_aside
    assert "canary" not in told_aside + process.log()
    code, again = ticketing("aside", "--retry", "--format", "avro-single-object")
    assert (code, again.splitlines()[0]) == (0, "1 read, 1 left")
    assert sum(outcomes(database).values()) == 3


@pytest.mark.kafka
@SQLITE
def test_a_wrong_format_stops_it_before_all_is_set_aside(cluster, name, ticketing, running, database):
    """As nothing could be read from the beginning; set right, nothing is lost."""
    topic = f"{name}.urgent"
    cluster.create_topic(topic, 1)
    produce(cluster.bootstrap_servers, topic, map(told, range(30)))

    process = running("--format", "json-schema", "--topics", topic)
    log = ended(process)

    assert process.returncode == 2, log
    assert "none of the first 30 events can be read" in log
    assert offsets(database) == {}


@pytest.mark.kafka
@SQLITE
def test_offsets_that_kafka_does_not_hold_stop_it_until_somebody_says_so(cluster, name, ticketing, running, database):
    """Retention took what was not read, or the topic was made anew: that is to be known, not to be passed over."""
    topic = f"{name}.urgent"
    cluster.create_topic(topic, 1)
    produce(cluster.bootstrap_servers, topic, map(told, range(3)))
    from examples.ticketing.positions import advance

    database.transact(lambda session: advance(session, (topic, 0), None, 4711))

    process = running("--format", "json", "--topics", topic)
    log = ended(process)
    assert process.returncode == 3, log
    assert f"rewind {topic}" in log

    assert ticketing("rewind", topic)[0] == 0
    running("--format", "json", "--topics", topic)
    until(lambda: outcomes(database) == {"opened": 3})


@pytest.mark.kafka
@SQLITE
def test_a_topic_that_is_not_there_is_named(name, running, database):
    """Exit code 3."""
    process = running("--format", "json", "--topics", f"{name}.misspelt")
    log = ended(process)

    assert process.returncode == 3, log
    assert f"there is no topic {name}.misspelt" in log


@SQLITE
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--database", "postgresql://me:geheim@host/x", "list"], 2, "put the URL into TICKETING_DATABASE"),
        (["run", "--format", "json"], 2, "name Kafka's address"),
        (["run", "--kafka", "bootstrap.servers=x"], 2, "--format avro needs --registry-url"),
        (["run", "--kafka", "sasl.password=geheim", "--format", "json"], 2, "put it into --kafka-file"),
        (["run", "--kafka", "bootstrap.servers", "--format", "json"], 2, "write NAME=VALUE"),
        (["run", "--kafka", "no.such=1", "--kafka", "bootstrap.servers=x", "--format", "json"], 2, "no.such"),
        (["answer", "9"], 2, "there is no ticket 9"),
        (["lst"], 2, "No such command"),
    ],
)
def test_what_is_typed_wrong_is_named(ticketing, words, code, said):
    """And no secret is said again."""
    assert ticketing("migrate")[0] == 0

    got, shown = ticketing(*words)

    assert (got, said in shown) == (code, True), shown
    assert "geheim" not in shown


@SQLITE
def test_without_tables_it_says_how_to_make_them(ticketing):
    """Exit code 3, as long as nobody has."""
    code, said = ticketing("list")

    assert code == 3
    assert "run `python -m examples.ticketing migrate`" in said
    assert ticketing("migrate")[0] == 0
    assert ticketing("list")[0] == 0
