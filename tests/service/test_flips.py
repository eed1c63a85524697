"""`shikyu flips` over topics of a real Kafka, with flips that were planted."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from consumer import dead_letters
from consumer.dead_letters import MISSING_TEXT
from consumer.encode import Encoder
from consumer.records import Decision, Message, ModelVersion, OutputRecord, Record, Satisfaction
from consumer.replay.entries import Run, Span, Topics
from consumer.schema_store import open_store
from consumer.settings import Output
from tests.service.process import shikyu

pytestmark = pytest.mark.kafka

COUNT = 600
SOURCE = f"flips-{os.getpid()}-in"
START_MS = 1_790_000_000_000
# By offset: became urgent where 1 of 50, became routine where 1 of 100.
NOW_URGENT = {offset for offset in range(COUNT) if offset % 50 == 0}
NOW_ROUTINE = {offset for offset in range(COUNT) if offset % 100 == 25}
DEAD = {3, 4}
SECRET = "canary-of-the-customer"


def is_urgent(offset: int) -> bool:
    return offset % 4 == 1


def now_urgent(offset: int) -> bool:
    return (is_urgent(offset) or offset in NOW_URGENT) and offset not in NOW_ROUTINE


def outputs(encoder: Encoder, run: str, version: str, urgent: Callable[[int], bool]) -> list[OutputRecord]:
    made = []
    for offset in range(COUNT):
        source = Record(SOURCE, offset % 3, offset, START_MS + offset * 600_000, b"k", b"")
        channel = "email" if offset % 2 else "chat"
        message = Message(f"{SECRET} {offset}", f"id-{offset}", None, channel, "en", None, {"plan": f"p{offset % 5}"})
        urgency = 0.7 if urgent(offset) else 0.2
        decision = Decision(
            Satisfaction.UNSATISFIED if urgency > 0.5 else Satisfaction.SATISFIED, (0.2,) * 5, urgency, urgency > 0.5,
            0.5, "model", False, ModelVersion("demo", version, "int8"),
        )  # fmt: skip
        now = datetime(2026, 11, 23, tzinfo=UTC)
        made.append(encoder.encode(source, message, decision, run=run, attempt=1, classified_at=now))
    return made


def dead(offset: int, topic: str) -> OutputRecord:
    source = Record(SOURCE, offset % 3, offset, START_MS, b"k", b"")
    return dead_letters.dead_letter(
        source,
        MISSING_TEXT.error(),
        topic=topic,
        connector_name="c",
        task_id="0",
        run="new",
        attempt=1,
        model_version="1",
    )


def publish(bootstrap: str, records: list[OutputRecord], identity: str, *, abort: bool = False) -> Producer:
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": identity, "linger.ms": 5})
    producer.init_transactions(30)
    producer.begin_transaction()
    for each in records:
        producer.produce(each.topic, each.value, each.key, headers=list(each.headers))
        producer.poll(0)
    producer.flush(30)
    if abort:
        producer.abort_transaction(30)
    else:
        producer.commit_transaction(30)
    return producer


def topics_of(cluster, prefix: str, run: str, to_live: bool) -> dict[str, str]:
    """Of this run, made."""
    own = "" if run == "live" or to_live else f".replay.{run}"
    roles = {role: f"{prefix}.{role}{own}" for role in ("urgent", "routine", "dead")}
    if run == "live" or not to_live:
        for topic in roles.values():
            cluster.create_topic(topic, 2)
    return roles


def registered(registry: str, output_format: str, roles: dict[str, str]) -> None:
    done = shikyu(
        *("schemas", "register", "--only", "classified-message", "--output-format", output_format),
        *("--registry-url", registry, "--output-urgent", roles["urgent"], "--output-routine", roles["routine"]),
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def answered(cluster) -> Callable[..., list[str]]:
    """Live answers and a replay's in one format, as they would stand in Kafka; returns the flags to find them by."""

    @cache
    def answered(output_format: str, to_live: bool = False) -> list[str]:
        prefix = f"flips-{os.getpid()}-{output_format}-{to_live}"
        registry = cluster.registry_url if output_format in ("avro", "json-schema") else None
        for run, version, urgent in (("live", "1", is_urgent), ("new", "2", now_urgent)):
            roles = topics_of(cluster, prefix, run, to_live)
            if registry is not None:
                registered(registry, output_format, roles)
            settings = Output(urgent=roles["urgent"], routine=roles["routine"], format=output_format)
            with open_store(registry, {}, ()) as store:
                records = outputs(Encoder(settings, store), run, version, urgent)
            if run == "new":
                dying = [] if to_live else [dead(offset, roles["dead"]) for offset in DEAD]
                records = [each for offset, each in enumerate(records) if offset not in DEAD and offset != 7]
                records += [records[8], *dying]
            publish(cluster.bootstrap_servers, records, f"{prefix}-{run}")
            # What was not committed was never answered.
            publish(cluster.bootstrap_servers, records[:50], f"{prefix}-{run}-aborted", abort=True)
        return [
            *("--kafka", f"bootstrap.servers={cluster.bootstrap_servers}", "--output-format", output_format),
            *([] if registry is None else ["--registry-url", registry]),
            *("--output-urgent", f"{prefix}.urgent", "--output-routine", f"{prefix}.routine"),
            *("--dead-letters-topic", f"{prefix}.dead"),
        ]

    return answered


@pytest.mark.parametrize("output_format", ["avro", "json-schema", "avro-single-object", "json", "text"])
def test_planted_flips_are_found_in_every_format(answered, tmp_path, output_format):
    """With what became dead, what is missing and what was answered twice; nothing aborted counts."""
    flags = [*answered(output_format), *(() if output_format == "text" else ("--slice", "plan"))]  # text tells none
    files = {"--json": tmp_path / "flips.json", "--html": tmp_path / "flips.html"}

    done = shikyu("flips", "--run", "new", *flags, *(str(part) for pair in files.items() for part in pair))

    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(files["--json"].read_text())
    assert found["compared"] == COUNT - 3
    assert found["flips"]["to_urgent"]["messages"] == len(NOW_URGENT)
    assert found["flips"]["to_routine"]["messages"] == len(NOW_ROUTINE)
    assert found["dead"]["became"]["messages"] == len(DEAD)
    assert (found["sides"]["was"]["alone"], found["sides"]["is"]["missing"], found["sides"]["is"]["again"]) == (1, 1, 1)
    assert {model["version"] for model in found["sides"]["is"]["models"]} == {"2"}
    assert [each["offset"] for each in found["listed"]["to_routine"]] == sorted(NOW_ROUTINE, key=lambda o: (o % 3, o))
    assert found["unreadable"] == {}
    if output_format != "text":
        assert {group["value"]: group["to_urgent"]["messages"] for group in found["slices"]["channel"]} == {
            "chat": len(NOW_URGENT), "email": 0,
        }  # fmt: skip
        assert len(found["slices"]["plan"]) == 5
        assert found["day"]["messages"] == pytest.approx(144, rel=0.02)
    everything = done.stdout + files["--html"].read_text() + files["--json"].read_text()
    assert SECRET not in everything
    assert f"became urgent: {len(NOW_URGENT)} of {COUNT - 3}" in done.stdout


def test_texts_are_shown_when_asked_for(answered, tmp_path):
    """In the page, the JSON and at the terminal."""
    page = tmp_path / "flips.html"

    done = shikyu("flips", "--run", "new", *answered("json"), "--with-text", "--html", str(page))

    assert done.returncode == 0, done.stderr
    assert SECRET in done.stdout
    assert SECRET in page.read_text()


def test_a_replay_to_the_live_topics_is_told_from_live_by_its_run(answered, tmp_path):
    """And two runs can be compared either way about."""
    flags = answered("json", to_live=True)
    file = tmp_path / "flips.json"

    assert shikyu("flips", "--run", "live", "--against", "new", *flags, "--json", str(file)).returncode == 0

    found = json.loads(file.read_text())
    assert found["flips"]["to_routine"]["messages"] == len(NOW_URGENT)
    assert found["flips"]["to_urgent"]["messages"] == len(NOW_ROUTINE)
    assert not any("could not be told" in note for note in found["notes"])


def test_a_limit_that_is_not_met_is_exit_code_5_after_everything_was_written(answered, tmp_path):
    """So that a pipeline stops, and keeps the page to look at."""
    flags = answered("json")
    page = tmp_path / "flips.html"

    refused = shikyu("flips", "--run", "new", *flags, "--max-became-routine-share", "0.005", "--html", str(page))
    let_pass = shikyu("flips", "--run", "new", *flags, "--max-became-routine-share", "0.02", "--min-compared", "500")

    assert refused.returncode == 5
    assert "--max-became-routine-share is 0.005, and found was 0.0100503" in refused.stderr
    assert "not met" in page.read_text()
    assert (let_pass.returncode, let_pass.stderr) == (0, "")


@pytest.fixture(scope="module")
def source(cluster) -> str:
    cluster.create_topic(SOURCE, 3)  # Kafka keeps no offsets of a topic that is not there
    return SOURCE


@pytest.fixture
def begun(cluster, source, name) -> Callable[..., str]:
    """A run as it stands in a topic of runs, with how far its group is in each partition; returns that topic's name."""

    def begun(run: str, *committed: int) -> str:
        topic, group = f"{name}.runs", f"{name}.replay.{run}"
        cluster.create_topic(topic, 1)
        window = tuple(Span(topic=source, partition=partition, start=0, end=COUNT) for partition in range(3))
        entry = Run(
            run=run, reads="input", live_group=name, group_id=group, window=window, partitions={source: 3},
            since_ms=None, until_ms=None, asked={}, model={}, options={}, created_at="2026-11-30T00:00:00.000Z",
            topics=Topics(urgent="u", routine="r", dead_letters="d"),
        )  # fmt: skip
        producer = Producer({"bootstrap.servers": cluster.bootstrap_servers})
        producer.produce(topic, entry.model_dump_json(), run)
        assert producer.flush(30) == 0
        consumer = Consumer({"bootstrap.servers": cluster.bootstrap_servers, "group.id": group})
        offsets = [TopicPartition(source, partition, offset) for partition, offset in enumerate(committed)]
        consumer.commit(offsets=offsets, asynchronous=False)
        consumer.close()
        return topic

    return begun


def test_a_replay_that_is_not_done_passes_no_limit(answered, begun, tmp_path):
    """However well its answers agree. And it is said first."""
    flags, file = answered("json"), tmp_path / "flips.json"
    limits = ("--max-flip-share", "1", "--max-missing", "1")

    half = begun("new", COUNT, 100, 20)
    refused = shikyu("flips", "--run", "new", *flags, *limits, "--replay-runs-topic", half, "--json", str(file))

    told = f"run new is not done: {2 * COUNT - 120:,} of {3 * COUNT:,} are left"
    assert refused.returncode == 5, refused.stderr
    assert told in refused.stderr
    assert "--max-missing" not in refused.stderr  # by itself it would be met
    found = json.loads(file.read_text())
    assert found["notes"][0] == told
    assert not any(limit["met"] for limit in found["limits"])


def test_of_a_misspelt_run_those_that_there_are_are_told(answered, begun):
    """Those of the topic of runs; never the side that it is compared with."""
    topic = begun("newest", 0, 0, 0)

    refused = shikyu("flips", "--run", "newset", *answered("json"), "--replay-runs-topic", topic)

    assert refused.returncode == 2
    assert 'The other runs are: "newest"; name one of them, or the topics' in refused.stderr
    assert '"live"' not in refused.stderr


def test_a_replay_that_is_done_passes(answered, begun, tmp_path):
    """Also where it was killed before it could say that it is done."""
    topic, file = begun("new", COUNT, COUNT, COUNT), tmp_path / "flips.json"

    done = shikyu(
        *("flips", "--run", "new", *answered("json"), "--replay-runs-topic", topic, "--json", str(file)),
        *("--max-missing", "1"),
    )

    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(file.read_text())
    assert (found["unfinished"], found["sides"]["is"]["replay"]["state"]) == ([], "done")


def test_no_group_notices(answered, cluster, name):
    """Nothing is committed, and the group does not even come to be."""
    assert shikyu("flips", "--run", "new", *answered("json"), "--delivery-group-id", name).returncode == 0

    admin = AdminClient({"bootstrap.servers": cluster.bootstrap_servers})
    groups = {each.group_id for each in admin.list_consumer_groups(request_timeout=20).result().valid}
    assert name not in groups


def test_an_open_transaction_is_not_waited_for(answered, cluster, name):
    """The end is that of what was committed when the command began."""
    flags = answered("json")
    urgent = flags[flags.index("--output-urgent") + 1]
    producer = Producer({"bootstrap.servers": cluster.bootstrap_servers, "transactional.id": f"{name}-open"})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(urgent, b"{}")
    producer.flush(30)
    try:
        done = shikyu("flips", "--run", "new", *flags)
    finally:
        producer.abort_transaction(30)

    assert done.returncode == 0, done.stderr
    assert f"{COUNT - 3} messages compared" in done.stdout


def test_what_cannot_be_compared_is_told(answered, cluster, tmp_path):
    """A run that is not there, one format for another, a folder that is none, one run twice."""
    flags = answered("json")
    cases = {
        ("--run", "nwe"): (2, "no answer of run 'nwe' is on"),
        ("--run", "live"): (2, "name two runs"),
        ("--run", "new", "--output-format", "avro-single-object"): (2, "could not be read as output.format"),
        ("--run", "new", "--html", str(tmp_path / "none" / "a.html")): (2, "there is no folder"),
        ("--run", "new", "--slice", "paln"): (2, "attribute of that name; those there are: plan."),
        ("--run", "new", "--topic", "typo"): (2, "--topic names typo"),
        ("--run", "new", "--output-routine", "no-such-topic"): (3, "topic no-such-topic.replay.new is missing"),
    }
    for arguments, (code, said) in cases.items():
        done = shikyu("flips", *flags, *arguments)

        assert (done.returncode, said in done.stderr) == (code, True), (arguments, done.stderr)
        assert done.stderr.startswith("shikyu: error: ")
