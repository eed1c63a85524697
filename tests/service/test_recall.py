"""Live recall over a real Kafka: what is marked by the service itself, and what `shikyu recall` makes of it."""

import json
import signal
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from confluent_kafka import Producer

from consumer.audit.draw import marking
from consumer.encode import Encoder
from consumer.records import Decision, Message, ModelVersion, Record, Satisfaction
from consumer.schema_store import open_store
from consumer.settings import Audit, Output
from local.reader import Reader
from tests.consumer.audit.live_window import KEY, lived
from tests.service.process import Service, flags, shikyu

pytestmark = pytest.mark.kafka

COUNT = 240
WRITTEN = 3000
TWICE_EVERY = 50
AUDIT = Audit(share=0.3, share_at_threshold=0.6, key=KEY)
SECRET = "canary-of-the-customer"


def events(bootstrap: str, *topics: str) -> list[dict]:
    found = []
    with Reader(bootstrap, list(topics)) as reader:
        until = time.monotonic() + 30
        while not reader.is_at_end and time.monotonic() < until:
            found += [json.loads(record.value) for record in reader.read(0.2)]
    return found


def test_killed_in_the_middle_the_service_marks_the_same_messages(cluster, topics, name, tmp_path):
    """Whichever process answers a message, and however often it is read: the draw is that of its coordinates."""
    roles = topics(1)
    producer = Producer({"bootstrap.servers": cluster.bootstrap_servers})
    for number in range(COUNT):
        producer.produce(roles["input"], json.dumps({"id": str(number), "text": f"message {number}"}))
    producer.flush(20)
    arguments = flags(
        cluster.bootstrap_servers, roles, name, "--audit-share", "0.3", "--audit-share-at-threshold", "0.6",
        "--batching-max-window-records", "40",
    )  # fmt: skip

    key = {"SHIKYU_AUDIT_KEY": KEY}
    first = Service(tmp_path, *arguments, variables=key)
    until = time.monotonic() + 40
    while not events(cluster.bootstrap_servers, roles["urgent"], roles["routine"]):
        assert time.monotonic() < until, first.log
    first.process.send_signal(signal.SIGKILL)
    first.process.wait()
    second = Service(tmp_path, *arguments, variables=key).ready()
    while len(found := events(cluster.bootstrap_servers, roles["urgent"], roles["routine"])) < COUNT:
        assert time.monotonic() < until + 40, second.log
    metrics = second.get("/metrics")[1]
    assert second.stop() == 0

    mark = marking(AUDIT)
    expected = {}
    for each in found:
        source = each["source"]
        decision = Decision(
            Satisfaction.NEUTRAL, (0.2,) * 5, each["urgency"], each["decision"] == "urgent", each["threshold"],
            "model", truncated=False, model=ModelVersion("", "", ""),
        )  # fmt: skip
        record = Record(source["topic"], source["partition"], source["offset"], None, None, None)
        expected[source["offset"]] = mark(record, decision).audit
    assert {each["source"]["offset"]: each["audit"] for each in found} == expected
    assert len(found) == COUNT
    assert 30 < sum(audit is not None for audit in expected.values()) < COUNT * 0.8
    assert 'shikyu_audit_total{decision="' in metrics
    assert KEY not in first.log + second.log


@pytest.fixture(scope="module")
def live(cluster):
    """A window of live answers, and the judgements of all that were marked; returns the flags to find them by."""
    prefix = f"recall-{time.monotonic_ns()}"
    roles = {role: f"{prefix}.{role}" for role in ("urgent", "routine", "corrections")}
    for topic in roles.values():
        cluster.create_topic(topic, 2)
    messages = lived(WRITTEN, AUDIT)
    producer = Producer({"bootstrap.servers": cluster.bootstrap_servers, "linger.ms": 5})
    now_ms = round(time.time() * 1000)
    with open_store(None, {}, ()) as store:
        output = Output(urgent=roles["urgent"], routine=roles["routine"], format="json")
        encoder = Encoder(output, store)
        at = datetime(2026, 11, 23, tzinfo=UTC)
        for number, each in enumerate(messages):
            made = encoder.encode(each.record, Message(SECRET), each.decision, run="live", attempt=1, classified_at=at)
            # Over four days; nine days ago stands what the window does not hold.
            written = now_ms - 9 * 86_400_000 if number < 100 else now_ms - (WRITTEN - number) * 120_000
            producer.produce(made.topic, made.value, made.key, headers=list(made.headers), timestamp=written)
            producer.poll(0)
            if number % TWICE_EVERY == 1:  # at least once had decided otherwise before
                other = replace(each.decision, urgent=not each.decision.urgent)
                made = encoder.encode(each.record, Message(SECRET), other, run="live", attempt=1, classified_at=at)
                producer.produce(made.topic, made.value, made.key, headers=list(made.headers), timestamp=written - 1)
    for number, each in enumerate(each for each in messages if each.decision.audit is not None):
        said = each.correction(number)
        value = {
            "event_id": said.event_id, "message_id": None, "decision": said.decision,
            "satisfaction": said.satisfaction, "role": said.role, "corrected_at": "2026-11-24T10:00:00Z",
        }  # fmt: skip
        producer.produce(roles["corrections"], json.dumps(value), headers=[("ce_source", b"shikyu")])
    producer.flush(30)
    return messages[100:], [
        *("--kafka", f"bootstrap.servers={cluster.bootstrap_servers}", "--output-format", "json"),
        *("--output-urgent", roles["urgent"], "--output-routine", roles["routine"]),
        *("--corrections-topic", roles["corrections"], "--corrections-burst-floor", "100000"),
    ]


def test_recall_is_told_beside_the_promise(live, tmp_path):
    """By topics, corrections and clock as they are; 5 when the promise is broken, after everything was written."""
    messages, arguments = live
    file = tmp_path / "recall.json"

    done = shikyu("recall", "--since", "7d", "--promised", "0.99", "--json", str(file), *arguments)

    assert (done.returncode, done.stderr.count("the promise is broken")) == (5, 1), done.stderr
    found = json.loads(file.read_text())
    assert found["messages"]["all"] == len(messages)
    assert found["messages"]["urgent"] == sum(each.decision.urgent for each in messages)
    marked = [each for each in messages if each.decision.audit is not None]
    assert found["marked"]["urgent"] + found["marked"]["routine"] == len(marked)
    assert "58 messages were answered more than once" in done.stdout
    assert found["marked"]["judged"] == {key: found["marked"][key] for key in ("urgent", "routine")}
    bad = [each for each in messages if each.is_very_unsatisfied]
    real = sum(each.decision.urgent for each in bad) / len(bad)
    assert found["recall"]["very-unsatisfied"]["low"] < real < found["recall"]["very-unsatisfied"]["high"]
    assert found["days"] == pytest.approx(WRITTEN * 120 / 86_400 - 100 * 120 / 86_400, abs=0.1)
    assert "99.0 % promised, live estimate " in done.stdout
    assert "± 2 points: " in done.stdout
    assert SECRET not in done.stdout + file.read_text()


def test_what_was_marked_and_not_judged_is_listed(live):
    """By the event id that `shikyu correct` takes; texts only where somebody asks for them."""
    messages, arguments = live
    marked = {each.event_id: each for each in messages if each.decision.audit is not None}

    done = shikyu("corrections", "due", "--json", *arguments, "--corrections-topic", "nowhere")
    judged = shikyu("corrections", "due", "--with-text", *arguments)

    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert {row["event_id"]: row["decision"] for row in rows} == {
        event_id: each.decision.decision for event_id, each in marked.items()
    }
    assert SECRET not in done.stdout
    assert judged.stdout == "0 marked messages wait for somebody's judgement\n", judged.stderr


def test_a_window_without_messages_says_so(live):
    _, arguments = live

    done = shikyu("recall", "--since", "1s", "--promised", "0.95", *arguments)

    assert done.returncode == 0, done.stderr
    assert "95.0 % promised, live estimate not known: too few to tell" in done.stdout
    assert "set audit.share" in done.stdout


def test_a_missing_topic_is_said(live):
    _, arguments = live

    done = shikyu("recall", *arguments, "--corrections-topic", "nowhere")

    assert done.returncode == 3
    assert "topic nowhere, which holds the corrections, is missing" in done.stderr


def test_the_report_is_written_from_the_same_topics(live, cluster, tmp_path):
    """With its figures beside it; dead letters and what nobody can read are told, and no word of a customer."""
    messages, arguments = live
    page = tmp_path / "week.html"

    done = shikyu("report", "--html", str(page), "--promised", "0.99", "--dead-letters-topic", "nowhere", *arguments)

    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(page.with_suffix(".json").read_text())
    assert found["recall"]["messages"]["all"] == found["work"]["messages"] == len(messages)
    assert found["recall"]["promise"]["verdict"] == "broken"
    assert found["dead_letters"] is None
    assert sum(each["urgent"] + each["routine"] for each in found["by_day"]) == len(messages)
    assert "promise broken" in page.read_text()
    assert SECRET not in page.read_text() + page.with_suffix(".json").read_text()
