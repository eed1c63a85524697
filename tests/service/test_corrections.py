"""Corrections over a real Kafka: written, settled, exported, and what ticketing writes read in each format."""

import io
import json
import os
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.schema_registry import SchemaRegistryClient

from consumer import cli
from consumer.corrections.read import read
from consumer.encode import Encoder
from consumer.records import Decision, Message, ModelVersion, Record, Satisfaction
from consumer.schema_store import open_store
from consumer.settings import Corrections, Kafka, Output, Registry, Settings
from examples.ticketing import corrections as ticketing
from examples.ticketing import desk
from examples.ticketing.cli import main as ticketing_main
from examples.ticketing.database import Database
from tests.examples.ticketing.events import event

pytestmark = pytest.mark.kafka

FORMATS = ["json", "json-schema", "avro-single-object", "avro"]
START_MS = 1_790_000_000_000
COUNT = 8
SECRET = "canary-of-the-customer"

Call = Callable[..., tuple[int, str]]


@pytest.fixture
def call(monkeypatch, capsys) -> Call:
    """`shikyu` in this process: its exit code, and all that it said."""

    def call(*words: str, stdin: str = "") -> tuple[int, str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        code = cli.main(list(words))
        said = capsys.readouterr()
        return code, said.out + said.err

    return call


@pytest.fixture
def prefix(cluster, name) -> str:
    """A source topic whose first record is gone, and the answers to all of its records, of which none has a text."""
    bootstrap = cluster.bootstrap_servers
    cluster.create_topic(f"{name}.in", 1)
    for role in ("urgent", "routine"):
        cluster.create_topic(f"{name}.{role}", 1)
    producer = Producer({"bootstrap.servers": bootstrap})
    for number in range(COUNT):
        value = json.dumps({"id": f"m{number}", "text": f"{SECRET} {number}"}) if number != 5 else "{"
        producer.produce(f"{name}.in", value, timestamp=START_MS + number)
    assert producer.flush(20) == 0
    answers_of(
        bootstrap, f"{name}.in", {role: f"{name}.{role}" for role in ("urgent", "routine")}, range(COUNT), START_MS
    )
    admin = AdminClient({"bootstrap.servers": bootstrap})  # without it no future comes to its end
    for each in admin.delete_records([TopicPartition(f"{name}.in", 0, 2)]).values():
        each.result(20)
    return name


def answers_of(
    bootstrap: str,
    source: str,
    roles: dict[str, str],
    numbers: Iterable[int],
    at_ms: int | None = None,
    run: str = "live",
) -> None:
    """
    Without texts; odd ones urgent.

    Of the last one, the time is another than the record's: as if the topic had been made anew.
    """
    settings = Output(urgent=roles["urgent"], routine=roles["routine"], format="json", include_text=False)
    producer = Producer({"bootstrap.servers": bootstrap})
    with open_store(None, {}, ()) as store:
        encoder = Encoder(settings, store)
        for number in numbers:
            came = at_ms and (1 if number == COUNT - 1 else at_ms + number)
            urgent = bool(number % 2)
            decision = Decision(
                Satisfaction.UNSATISFIED, (0.2,) * 5, 0.7 if urgent else 0.2, urgent, 0.5, "model", False,
                ModelVersion("demo", "3", "int8"),
            )  # fmt: skip
            message = Message("not told", f"m{number}", None, "chat", "en", None, {})
            record = Record(source, 0, number, came, b"k", b"")
            now = datetime.now(UTC)
            made = encoder.encode(record, message, decision, run=run, attempt=1, classified_at=now)
            producer.produce(made.topic, made.value, made.key, headers=list(made.headers))
    assert producer.flush(20) == 0


def flags(cluster, prefix: str) -> list[str]:
    return [
        *("--kafka", f"bootstrap.servers={cluster.bootstrap_servers}", "--output-format", "json"),
        *("--output-urgent", f"{prefix}.urgent", "--output-routine", f"{prefix}.routine"),
        *("--corrections-topic", f"{prefix}.corrections"),
    ]


def lines(said: str) -> list[dict]:
    """Of what was asked for; a busy broker's warnings in the log stand between them."""
    found = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    return [each for each in found if "level" not in each]


def test_corrections_are_written_settled_and_exported(cluster, prefix, call, tmp_path):
    """One by flags, many as CSV; a conflict, three that are held, a text read back, others gone."""
    own, topic = flags(cluster, prefix), f"{prefix}.in"
    create = [*own, "--input-topics", topic, "--dead-letters-topic", f"{prefix}.dead", "--corrections"]
    code, said = call("correct", f"{topic}/0/3/live", "--routine", "--role", "agent", *own)
    assert (code, "topics create --corrections" in said) == (3, True), said
    code, said = call("topics", "create", *create)
    assert (code, "message.timestamp.type=LogAppendTime" in said, "retention.ms=-1" in said) == (0, True, True), said

    one = ["--routine", "--role", "agent", "--satisfaction", "neutral"]
    assert call("correct", f"{topic}/0/3/live", *one, *own) == (0, f"1 correction written to {prefix}.corrections\n")
    table = "event_id,decision,role,satisfaction\n" + "\n".join(
        [
            f"{topic}/0/4/live,urgent,agent,",
            f"{topic}/0/4/live,routine,quality,",
            f"{topic}/0/1/live,routine,agent,",  # retention has taken its text
            f"{topic}/0/5/live,routine,agent,",  # can't be decoded
            f"{topic}/0/7/live,routine,agent,",  # another record stands there
            f"{topic}/0/99/live,urgent,agent,",
        ]
    )
    assert call("correct", "--stdin", "csv", *own, stdin=table)[0] == 0
    bad = f"{table}\n{topic}/0/6/live,{SECRET},agent,"
    code, said = call("correct", "--stdin", "csv", *own, stdin=bad)
    assert (code, "line 8 of standard input has a wrong decision" in said, SECRET in said) == (2, True, False)
    assert call("correct", f"{topic}/0/2/live", "--urgent", "--role", "quality", "--writer", "mallory", *own)[0] == 0
    produce(cluster, f"{prefix}.corrections", b"{}")

    code, said = call("corrections", "list", "--json", *own)
    assert code == 0, said
    stand = {each["event_id"].split("/")[2]: (each["decision"], each["answered"]) for each in lines(said)}
    assert stand == {
        "1": ("routine", "urgent"),
        "3": ("routine", "urgent"),
        "4": ("routine", "routine"),
        "5": ("routine", "urgent"),
        "7": ("routine", "urgent"),
    }
    [conflict] = lines(call("corrections", "conflicts", "--json", *own)[1])
    assert (conflict["stands"]["role"], [each["role"] for each in conflict["others"]]) == ("quality", ["agent"])
    held = lines(call("corrections", "held", "--json", *own)[1])
    assert {(each["event_id"].split("/")[2], each["reason"]) for each in held} == {
        ("99", "unknown-message"), ("2", "unknown-writer"),
    }  # fmt: skip
    told = call("corrections", "held", *own)[1]
    assert "5 corrections stand, 1 of them in conflict; 2 are held back" in told
    assert "1 records there are no corrections that can be read (no-correction)" in told
    allowed = ["--corrections-writers", "shikyu", "--corrections-writers", "mallory"]
    assert len(lines(call("corrections", "held", "--json", *allowed, *own)[1])) == 1

    file = tmp_path / "corrections.jsonl"
    code, said = call("corrections", "export", "--to", str(file), "--with-text", "--input-format", "json", *own)
    assert code == 0, said
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(row["text"], row["stars"], row["decision"]) for row in rows] == [
        (f"{SECRET} 3", 3, "routine"), (f"{SECRET} 4", None, "routine"),
    ]  # fmt: skip
    assert (
        f"2 texts are gone from Kafka (retention, or the topic was made anew), and were left out: {topic}/0/1" in said
    )
    assert f"{topic}/0/5" in said
    assert "live recall of 30 days: no promise to compare with (model.artifact, --promised), live estimate" in said
    assert (SECRET in said, "customers' texts" in said) == (False, True)
    code, said = call("corrections", "export", "--to", str(tmp_path / "plain.parquet"), *own)
    assert (code, "5 messages, 1 with stars" in said, "no texts" in said) == (0, True, True)


def produce(cluster, topic: str, value: bytes) -> None:
    producer = Producer({"bootstrap.servers": cluster.bootstrap_servers})
    producer.produce(topic, value)
    assert producer.flush(20) == 0


@pytest.fixture(scope="module")
def in_formats(cluster) -> Callable[[str], Settings]:
    """A topic for each format, with its schema registered."""

    def made(written: str) -> Settings:
        topic = f"corrections-{os.getpid()}-{written}"
        cluster.create_topic(topic, 1)
        settings = Settings(
            corrections=Corrections(topic=topic, format=written),
            output=Output(format="json"),
            kafka=Kafka(options={"bootstrap.servers": cluster.bootstrap_servers}),
            registry=Registry(url=cluster.registry_url),
        )
        if written in ("avro", "json-schema"):
            words = ["--registry-url", cluster.registry_url, "--corrections-topic", topic, "--corrections-format"]
            assert cli.main(["schemas", "register", "--only", "correction", *words, written]) == 0
        return settings

    return made


@pytest.mark.parametrize("written", FORMATS)
def test_what_ticketing_and_shikyu_write_is_read_in_each_format(cluster, in_formats, tmp_path, call, written):
    """By people at either command line; the ticket has a note of it."""
    settings = in_formats(written)
    topic, url = settings.corrections.topic, f"sqlite:///{tmp_path}/tickets.db"
    kafka = ["--kafka", f"bootstrap.servers={cluster.bootstrap_servers}", "--registry-url", cluster.registry_url]
    database = Database(url)
    database.migrate()
    for offset in (1, 2):
        taken = event(offset, customer="c1")
        database.transact(
            lambda session, taken=taken: desk.take(session, taken, taken.classified_at - taken.waiting_since)
        )
    words = ["correct", "1", "--routine", "--role", "supervisor", "--satisfaction", "satisfied", *kafka]

    told = [
        run_ticketing(url, *words, "--topic", topic, "--format", written, *more)
        for more in ([], ["--message", "in/0/2/live"])
    ]
    also = ["--corrections-topic", topic, "--corrections-format", written]
    code, said = call("correct", "in/0/2/live", "--urgent", "--role", "agent", *kafka, *also)

    assert (told, code) == ([2, 0], 0), said  # which of the ticket's two messages, somebody has to say
    with open_store(cluster.registry_url, {}, ()) as store:
        found = read(settings, store)
    assert not found.unreadable
    assert [
        (each.event_id, each.decision, each.role, each.satisfaction, each.writer) for each in found.corrections
    ] == [
        ("in/0/2/live", "routine", "supervisor", Satisfaction.SATISFIED, "ticketing"),
        ("in/0/2/live", "urgent", "agent", None, "shikyu"),
    ]
    assert all(abs(each.corrected_ms - datetime.now(UTC).timestamp() * 1000) < 60_000 for each in found.corrections)
    [ticket] = database.transact(lambda session: [desk.ticket(session, 1).notes[-1].text])
    assert ticket == "message in/0/2/live should have been routine, by supervisor"
    database.close()


def run_ticketing(url: str, *words: str) -> int:
    before, sys.argv = sys.argv, ["ticketing", *words]
    os.environ["TICKETING_DATABASE"] = url
    try:
        return ticketing_main()
    finally:
        sys.argv = before
        del os.environ["TICKETING_DATABASE"]


def test_the_schema_that_ticketing_carries_is_ours():
    """It imports nothing of ours, and its bytes have our fingerprint."""
    copy = Path(ticketing.__file__).with_name("correction.avsc")

    assert copy.read_text() == (Path(cli.__file__).parents[1] / "schemas" / "correction.avsc").read_text()


@pytest.mark.parametrize("written", ["avro", "json-schema"])
def test_a_schema_that_is_not_registered_is_said(cluster, written):
    """And how it gets there."""
    with (
        SchemaRegistryClient({"url": cluster.registry_url}) as registry,
        pytest.raises(ticketing.WrongSurroundings, match="shikyu schemas register --only correction"),
    ):
        ticketing.Encoder(written, "no-such-topic", registry)
