"""`shikyu doctor` beside a real Kafka and a real registry: well, and with faults planted one by one."""

import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from consumer.doctor import access, model, pace, reach
from consumer.doctor.examination import examined
from consumer.doctor.findings import Finding
from consumer.doctor.seen import Seen
from consumer.registration import register, served
from consumer.settings import Settings
from tests.delivery.checker import committed
from tests.service.process import flags, free_port, shikyu
from tests.service.test_topics import consumed

pytestmark = pytest.mark.kafka

ROOM = {"max.message.bytes": str(1_048_588 + 64 * 1024)}
CANARY = "canary-of-a-customer"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(pace, "GROWTH_S", 0.5)
    monkeypatch.setattr(model, "MEASURE_S", 0.05)


@pytest.fixture
def roles(cluster, name) -> Callable[..., dict[str, str]]:
    """Creates the four topics as delivery needs them, but for the settings of `faults`, by role; None is no topic."""

    def create(**faults: dict[str, str] | None) -> dict[str, str]:
        named = {role: f"{name}.{role}" for role in ("input", "urgent", "routine", "dead")}
        for role, topic in named.items():
            config = faults.get(role, ROOM if role == "dead" else {})
            if config is not None:
                cluster.create_topic(topic, 2, config=config)
        return named

    return create


@pytest.fixture
def settings(cluster, name, tiny) -> Callable[..., Settings]:
    def settings(roles: dict[str, str], **more: object) -> Settings:
        written = more.pop("format", "json")
        return Settings.model_validate(
            {
                "kafka": {"options": {"bootstrap.servers": cluster.bootstrap_servers}},
                "input": {"topics": [roles["input"]], "format": "json"},
                "output": {"urgent": roles["urgent"], "routine": roles["routine"], "format": written},
                "dead_letters": {"topic": roles["dead"]},
                "model": {"artifact": tiny, "threads": 1},
                "delivery": {"group_id": name, "slot": "0"},
                **more,
            }
        )

    return settings


def first_failure(settings: Settings) -> Finding:
    """Without looking further."""
    return next(each for each in examined(settings) if each.status == "fail")


def produce(bootstrap: str, topic: str, *values: str) -> None:
    producer = Producer({"bootstrap.servers": bootstrap})
    for value in values:
        producer.produce(topic, value=value)
    assert producer.flush(20) == 0


def state(bootstrap: str, group: str, topics: Iterable[str]) -> tuple[object, ...]:
    """Of everything that could be changed: topics, groups, ends of topics, what the group has committed."""
    offsets = [committed(bootstrap, group, topic) for topic in topics]
    admin = AdminClient({"bootstrap.servers": bootstrap})
    listing = admin.list_topics(timeout=10).topics
    places = [TopicPartition(topic, each) for topic in topics for each in listing[topic].partitions]
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group})
    ends = [consumer.get_watermark_offsets(each, timeout=10) for each in places]
    consumer.close()
    groups = {each.group_id for each in admin.list_consumer_groups(request_timeout=10).result().valid}
    # Its own topics Kafka makes when it is first asked about a group or a transaction.
    return {topic for topic in listing if not topic.startswith("__")}, groups, ends, offsets


def test_all_is_well_and_stays_as_it_was(cluster, name, roles, settings):
    """With Avro and the registry; a sample goes all the way to bytes, and nothing of it is published or told."""
    topics = roles()
    ours = settings(topics, format="avro", registry={"url": cluster.registry_url})
    with SchemaRegistryClient({"url": cluster.registry_url, "timeout": 5}) as registry:
        register(registry, cluster.registry_url, served(ours))
    produce(cluster.bootstrap_servers, topics["input"], *[json.dumps({"id": "1", "text": CANARY})] * 5, CANARY)
    before = state(cluster.bootstrap_servers, name, topics.values())

    findings = list(examined(ours))

    assert [each for each in findings if each.status in ("warn", "fail")] == []
    told = {each.check: each.value for each in findings if each.status == "ok"}
    assert told["events"] == "of the newest 6: 5 messages, 1 dead (invalid-json 1)"
    assert "5 answers" in told["encode"]
    assert "6 wait" in told["speed"]
    assert {"registry", "schemas", "artifact", "answer", "clock", "topic-settings"} <= set(told)
    assert CANARY not in str(findings)
    assert state(cluster.bootstrap_servers, name, topics.values()) == before
    seen = Seen(ours)
    assert access._may_begin(seen, access.OURS) == (True, "INVALID_TRANSACTION_TIMEOUT")  # so no id came into being


def test_a_live_service_does_not_notice(cluster, start):
    """Neither its group nor its producer; the command says so with exit code 0."""
    patient = ("session.timeout.ms=30000", "heartbeat.interval.ms=1000")  # a busy machine shall not end its session
    service = start(*(word for option in patient for word in ("--kafka-consumer", option))).ready()
    before = len(service.events())
    given = flags(start.bootstrap, start.topics, start.group, "--slot", "0")

    done = shikyu("doctor", *given)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "WRITE on transactional ids shikyu-" in done.stdout
    produce(start.bootstrap, start.topics["input"], *[json.dumps({"id": "1", "text": "hello"})] * 10)
    consumed(start, 10)
    names = {event["event"] for event in service.events()[before:]}
    assert "committed" in names
    assert not {"partitions-revoked", "partitions-lost", "producer-recreated"} & names


def test_a_topic_that_is_missing_is_told(roles, settings, name):
    """With what creates it."""
    failure = first_failure(settings(roles(routine=None)))

    assert (failure.check, failure.what, failure.exit_code) == ("topics", f"{name}.routine", 3)
    assert "`shikyu topics create`" in failure.advice


@pytest.mark.parametrize(
    ("faults", "role", "told"),
    [
        ({"dead": {"max.message.bytes": "100000"}}, "dead", "set its max.message.bytes to 1114124"),
        ({"urgent": {"max.message.bytes": "0"}}, "urgent", "takes no record"),
        ({"routine": {"min.insync.replicas": "2"}}, "routine", "NOT_ENOUGH_REPLICAS): give the topic 2 replicas"),
    ],
    ids=["dead letters", "no record", "replication"],
)
def test_settings_that_stop_delivery_are_told(roles, settings, name, faults, role, told):
    failure = first_failure(settings(roles(**faults)))

    assert (failure.check, failure.what, failure.exit_code) == ("topic-settings", f"{name}.{role}", 3)
    assert told in failure.advice


def test_settings_that_cost_answers_are_warned_of(roles, settings, name):
    """Each is one that delivery goes on with."""
    faults = {"urgent": {"max.message.bytes": "5000"}, "routine": {"cleanup.policy": "compact"}, "dead": {}}
    found = examined(settings(roles(**faults)))

    warned = {}
    for finding in found:
        if finding.check == "registry":
            break
        if finding.status == "warn":
            warned[finding.what] = finding.advice
    assert set(warned) == {f"{name}.{role}" for role in ("urgent", "routine", "dead")}
    assert "cleanup.policy to delete" in warned[f"{name}.routine"]


def test_a_registry_that_is_down_is_told(roles, settings):
    url = f"http://127.0.0.1:{free_port()}"
    failure = first_failure(settings(roles(), format="avro", registry={"url": url}))

    assert (failure.check, failure.what, failure.exit_code) == ("registry", url, 3)
    assert "did not answer" in failure.advice


def test_schemas_that_are_missing_or_incompatible_are_told(cluster, roles, settings, name):
    """The one can be registered, the other not; the registry is left as it is."""
    ours = settings(roles(), format="avro", registry={"url": cluster.registry_url})
    other = {"type": "record", "name": "ClassifiedMessage", "fields": [{"name": "text", "type": "int"}]}
    with SchemaRegistryClient({"url": cluster.registry_url, "timeout": 5}) as registry:
        registry.register_schema(f"{name}.urgent-value", Schema(json.dumps(other), "AVRO"))
        registry.set_compatibility(f"{name}.urgent-value", "BACKWARD")
        found = [each for each in examined(ours) if each.check == "schemas"]
        subjects = registry.get_subjects()

    urgent, routine = found
    assert (urgent.status, urgent.value.partition(":")[0], urgent.exit_code) == ("fail", "incompatible", 3)
    assert (routine.status, routine.value.partition(":")[0], routine.exit_code) == ("fail", "not registered", 3)
    assert "shikyu schemas register" in routine.advice
    assert f"{name}.routine-value" not in subjects


def test_an_artifact_that_was_changed_is_told(roles, settings, tiny, tmp_path):
    """One bit of the model."""
    folder = Path(shutil.copytree(tiny, tmp_path / "artifact"))
    file = folder / "model_quantized.onnx"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)

    failure = first_failure(settings(roles(), model={"artifact": folder, "threads": 1}))

    assert (failure.check, failure.what, failure.exit_code) == ("artifact", str(folder), 4)
    assert "SHA-256" in failure.advice


def test_events_that_the_settings_do_not_fit_are_told(cluster, roles, settings):
    """Before they are dead-lettered."""
    topics = roles()
    produce(cluster.bootstrap_servers, topics["input"], *[json.dumps({"body": CANARY})] * 3)

    failure = first_failure(settings(topics))

    assert (failure.check, failure.exit_code) == ("events", 5)
    assert failure.value == "of the newest 3: 0 messages, 3 dead (missing-text 3)"
    assert CANARY not in str(failure)


def test_a_lag_that_grows_faster_than_the_model_answers_is_told(cluster, roles, settings):
    """By how far the input's ends move meanwhile; a model of one message a second stands for a large one."""
    topics = roles()
    produce(cluster.bootstrap_servers, topics["input"], "{}")
    seen = Seen(settings(topics))
    seen.connect()
    assert [each.status for each in (*reach.login(seen), *pace.ends(seen))] == ["ok"]
    seen.per_s = 1.0

    produce(cluster.bootstrap_servers, topics["input"], *["{}"] * 50)
    [finding] = pace.speed(seen)

    assert (finding.status, finding.exit_code) == ("fail", 5)
    assert finding.value.endswith("the model does 1.0; 51 wait")
    assert "more partitions than its 2" in finding.advice
