"""The whole job as a user runs it: `shikyu run` beside a real Kafka."""

import json
import time
from collections.abc import Callable

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewPartitions

from tests.delivery.checker import check, committed, read
from tests.service.process import Service, flags, free_port, shikyu

pytestmark = pytest.mark.kafka
CANARY = "xyzzy-canary-4711"


def produce(bootstrap: str, topic: str, *values: bytes | None, key: str = "k", headers: list | None = None) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "partitioner": "murmur2_random"})
    for value in values:
        producer.produce(topic, key=key, value=value, headers=headers or [])
    assert producer.flush(30) == 0


def event(number: int, text: str, **more) -> bytes:
    return json.dumps({"id": f"m{number}", "text": text, **more}).encode()


def until(condition: Callable[[], bool], within_s: float = 90) -> None:
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.1)


def consumed(start, total: int, within_s: float = 40) -> None:
    until(lambda: sum(committed(start.bootstrap, start.group, start.topics["input"]).values()) >= total, within_s)


def test_each_record_comes_out_once_with_its_key_and_headers(start):
    """Urgent, routine, dead or skipped; keys and headers pass through, ours are added, the timestamp is now."""
    service = start("--rules-always-urgent", "legal=contains(text, 'lawyer')").ready()
    began = time.time()
    texts = ["fine, thanks", "", "my lawyer will write to you", "😡" * 50, "أين طلبي؟", "a​b", "w " * 300_000]
    values = [event(n, text) for n, text in enumerate(texts)]
    trace = [("traceparent", b"00-aa-bb-01"), ("twice", b"1"), ("twice", b"2"), ("null", None)]
    produce(start.bootstrap, start.topics["input"], *values, None, b'{"id": "no text"}', b"{", headers=trace)
    consumed(start, 10)

    out = {
        json.loads(m.value())["id"]: m for m in read(start.bootstrap, start.topics["urgent"], start.topics["routine"])
    }
    verdict = check(start.bootstrap, start.group, start.topics)

    assert sorted(out) == [f"m{n}" for n in range(7)]
    assert (verdict.dead, verdict.skipped, verdict.lost, verdict.twice) == (2, 1, [], [])
    answer = json.loads(out["m2"].value())
    assert (answer["decision"], answer["reason"]) == ("urgent", "rule:legal")
    assert json.loads(out["m1"].value())["reason"] == "fallback:empty-text"
    assert json.loads(out["m6"].value())["truncated"] is True
    assert out["m0"].key() == b"k"
    assert out["m0"].timestamp()[1] >= began * 1000
    headers = out["m0"].headers()
    assert [pair for pair in headers if pair[0] in {"traceparent", "twice", "null"}] == trace
    assert dict(headers)["ce_id"].decode() == json.loads(out["m0"].value())["event_id"]
    assert service.stop() == 0


def test_dead_letter_keeps_its_bytes_and_says_why(start):
    """Key, value and headers are untouched, and Kafka Connect's headers say where it came from and what was wrong."""
    start().ready()
    produce(start.bootstrap, start.topics["input"], event(1, "fine"), b"\xff{not json", headers=[("a", b"\x00\xff")])
    consumed(start, 2)

    [dead] = read(start.bootstrap, start.topics["dead"])
    headers = dict(dead.headers())

    assert (dead.key(), dead.value(), headers["a"]) == (b"k", b"\xff{not json", b"\x00\xff")
    assert headers["__connect.errors.topic"].decode() == start.topics["input"]
    assert headers["__connect.errors.stage"] == b"deserialize"
    assert headers["shikyu.error.code"]


def test_a_customers_text_reaches_no_log_no_metric_and_no_header(start):
    """Neither of a message that was answered nor of one that could not be read."""
    service = start().ready()
    bad = [b'{"text": ["' + CANARY.encode() + b'"]}', b'{"text": "' + CANARY.encode(), CANARY.encode()]
    produce(start.bootstrap, start.topics["input"], event(1, CANARY), *bad)
    consumed(start, 4)

    metrics = service.get("/metrics")[1]
    headers = [
        str(m.headers()) for m in read(start.bootstrap, *(start.topics[r] for r in ("urgent", "routine", "dead")))
    ]

    assert 'shikyu_dead_letters_total{code="' in metrics
    assert CANARY not in service.log + metrics + "".join(headers)


def test_metrics_count_what_was_committed(start):
    """Each record's fate, the stages, the lag."""
    service = start().ready()
    produce(start.bootstrap, start.topics["input"], *(event(n, "hello there") for n in range(30)), None, b"{")
    consumed(start, 32)
    time.sleep(1.2)
    metrics = service.get("/metrics")[1]

    told = dict(line.rsplit(" ", 1) for line in metrics.splitlines() if not line.startswith("#"))

    fates = {outcome: float(told[f'shikyu_records_total{{outcome="{outcome}"}}']) for outcome in ("urgent", "routine")}
    assert sum(fates.values()) == 30
    assert told['shikyu_skipped_total{reason="tombstone"}'] == "1.0"
    assert told['shikyu_records_total{outcome="dead_lettered"}'] == "1.0"
    assert {stage for stage in ("decode", "tokenization", "inference", "encode", "queue", "publish")
            if f'shikyu_stage_duration_seconds_count{{stage="{stage}"}}' in told} == {
        "decode", "tokenization", "inference", "encode", "queue", "publish"}  # fmt: skip
    assert {value for name, value in told.items() if name.startswith("shikyu_lag_records{")} == {"0.0"}
    assert service.get("/livez")[0] == 200


def test_wrong_expression_dead_letters_nothing(start):
    """A topic that can't be read with these settings stops the stream, naming the expression and the fields."""
    produce(start.bootstrap, start.topics["input"], *(event(n, CANARY, body="x") for n in range(40)))
    service = start("--input-text", "message.body")

    assert service.ended() == 2
    assert "message.body" in service.log
    assert '"body", "id", "text"' in service.log
    assert CANARY not in service.log
    assert read(start.bootstrap, start.topics["dead"]) == []
    assert sum(committed(start.bootstrap, start.group, start.topics["input"]).values()) == 0


def test_added_partitions_are_read(start):
    """They are found while it runs, without a restart."""
    start("--kafka-consumer", "topic.metadata.refresh.interval.ms=500").ready()
    admin = AdminClient({"bootstrap.servers": start.bootstrap})
    for future in admin.create_partitions([NewPartitions(start.topics["input"], 6)]).values():
        future.result(20)
    time.sleep(1)
    producer = Producer({"bootstrap.servers": start.bootstrap})
    for partition in range(6):
        producer.produce(start.topics["input"], value=event(partition, "hello"), partition=partition)
    assert producer.flush(20) == 0

    consumed(start, 6)


def test_pattern_reads_every_topic_that_matches(cluster, start):
    """Also one that comes later."""
    prefix = start.topics["input"]
    start.topics["input"] = f"^{prefix}"
    start("--kafka-consumer", "topic.metadata.refresh.interval.ms=500").ready()
    cluster.create_topic(f"{prefix}-later", 1)
    produce(start.bootstrap, f"{prefix}-later", event(1, "hello"))

    until(lambda: sum(committed(start.bootstrap, start.group, f"{prefix}-later").values()) == 1)


def test_sigterm_leaves_within_ten_seconds(start):
    """And with nothing lost: the next consumer goes on where the first one stopped."""
    produce(start.bootstrap, start.topics["input"], *(event(n, "hello " * 60) for n in range(800)))
    service = start().ready()
    until(lambda: sum(committed(start.bootstrap, start.group, start.topics["input"]).values()) > 0)

    began = time.monotonic()
    assert service.stop() == 0
    assert time.monotonic() - began < 10
    start().ready()
    consumed(start, 800, within_s=90)
    assert check(start.bootstrap, start.group, start.topics).exactly_once()


def test_no_broker_is_said_once_and_clearly(tmp_path):
    """A wrong port looks the same: nobody answers there."""
    nobody = f"127.0.0.1:{free_port()}"
    roles = {role: role for role in ("input", "urgent", "routine", "dead")}
    service = Service(tmp_path, *flags(nobody, roles, "g"))

    assert service.ended() == 3
    assert f"no broker answered at {nobody}" in service.log


def test_missing_topic_is_named_and_not_created(start, cluster):
    """With the command that creates it."""
    service = start("--output-urgent", "nowhere")

    assert service.ended() == 3
    assert "nowhere" in service.log
    assert "`shikyu topics create`" in service.log
    assert "nowhere" not in AdminClient({"bootstrap.servers": start.bootstrap}).list_topics(timeout=10).topics


def test_taken_slot_is_refused(start):
    """Two processes in one slot would fence each other for ever."""
    start("--delivery-slot", "7").ready()
    second = start("--delivery-slot", "7")

    assert second.ended() == 3
    assert "slot '7'" in second.log


def test_registry_that_is_away_at_the_start_is_named(start):
    """It is waited for, for a while, and then its address is said."""
    nobody = f"http://127.0.0.1:{free_port()}"
    service = start("--input-format", "avro", "--output-format", "avro", "--registry-url", nobody)

    assert service.ended(60) == 3
    assert nobody in service.log


def test_missing_artifact_is_refused_before_the_group_is_joined(start, tmp_path):
    """With exit code 4."""
    service = start("--model-artifact", str(tmp_path / "none"))

    assert service.ended() == 4
    assert "partitions-assigned" not in service.log


def test_config_test_commits_nothing(start):
    """It shows what would be read, and the live group never hears of it."""
    produce(start.bootstrap, start.topics["input"], *(event(n, f"hello {n}") for n in range(5)), b"{")
    kafka = ["--kafka", f"bootstrap.servers={start.bootstrap}", "--delivery-group-id", start.group]
    reads = ["--input-topics", start.topics["input"], "--input-format", "json"]

    shown = shikyu("config", "test", "--from-topic", "6", *kafka, *reads)

    assert shown.returncode == 0, shown.stderr
    assert "hello 3" in shown.stdout
    assert sum(committed(start.bootstrap, start.group, start.topics["input"]).values()) == 0
