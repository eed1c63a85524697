"""Poison of every kind among good messages, through the whole service and a real Kafka."""

import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from tests.delivery.checker import check, committed, read
from tests.service import poisons
from tests.service.poisons import ANSWERED, LARGEST_RECORD, MAX_VALUE_BYTES, MIB, SKIPPED, Poison
from tests.service.process import Service

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

ROOM = 64 * 1024
SENTINEL = "poison"
# docs/security.md states it: what a value of max_value_bytes can take once it is decoded. The bomb takes less.
BOUND_MB = 30 * MAX_VALUE_BYTES / MIB


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """Of its own: what is large here shall not take the memory of the Kafka of all tests."""
    local = pytest.importorskip("local.cluster")
    with local.Cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


def let_take(bootstrap: str, topic: str, largest: int) -> None:
    entry = ConfigEntry("max.message.bytes", str(largest), incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    admin = AdminClient({"bootstrap.servers": bootstrap})  # kept, or its question goes with it
    admin.incremental_alter_configs([resource])[resource].result(20)


def produce(bootstrap: str, topic: str, some: Iterable[Poison], good: bytes) -> int:
    """Each poison behind a good message. How many records that are."""
    config = {"bootstrap.servers": bootstrap, "message.max.bytes": 1_000_000_000}
    plain, compressing = Producer(config), Producer({**config, "compression.type": "gzip"})
    count = 0
    for each in some:
        plain.produce(topic, key=b"good", value=good, headers=[(SENTINEL, b"good")])
        sender = compressing if each.compressed else plain
        sender.produce(topic, key=each.key, value=each.value, headers=[*each.headers, (SENTINEL, each.name.encode())])
        assert plain.flush(30) + compressing.flush(30) == 0, each.name
        count += 2
    return count


def fates(bootstrap: str, topics: dict[str, str]) -> dict[str, list[str]]:
    """By a poison's name: ANSWERED, or a dead letter's code."""
    found: dict[str, list[str]] = {}
    for message in read(bootstrap, topics["urgent"], topics["routine"], topics["dead"]):
        headers = dict(message.headers())
        is_dead = message.topic() == topics["dead"]
        fate = headers["shikyu.error.code"].decode() if is_dead else ANSWERED
        found.setdefault(headers[SENTINEL].decode(), []).append(fate)
    return found


def peak_mb(service: Service) -> float:
    told = Path(f"/proc/{service.process.pid}/status").read_text()
    return int(told.partition("VmHWM:")[2].split()[0]) / 1024


def consumed(bootstrap: str, group: str, topic: str) -> int:
    try:
        return sum(committed(bootstrap, group, topic).values())
    except KafkaException:  # a busy machine's broker may not answer for a while
        return 0


def put_through(start, flags: list[str], some: list[Poison], good: bytes) -> None:
    bootstrap, topics = start.bootstrap, start.topics
    let_take(bootstrap, topics["input"], LARGEST_RECORD)
    let_take(bootstrap, topics["dead"], LARGEST_RECORD + ROOM)
    service = start(*flags, "--input-max-value-bytes", str(MAX_VALUE_BYTES), "--dead-letters-max-share", "1").ready()
    began_mb = peak_mb(service)

    count = produce(bootstrap, topics["input"], some, good)
    until = time.monotonic() + 180
    while consumed(bootstrap, start.group, topics["input"]) < count:
        assert service.process.poll() is None, service.log[-3000:]
        assert time.monotonic() < until, service.log[-3000:]
        time.sleep(0.2)

    grew_mb = peak_mb(service) - began_mb
    assert fates(bootstrap, topics) == {
        "good": [ANSWERED] * len(some),
        **{each.name: [each.fate] for each in some if each.fate != SKIPPED},
    }
    verdict = check(bootstrap, start.group, topics)
    assert verdict.exactly_once(), verdict
    assert grew_mb < BOUND_MB
    assert service.stop() == 0
    assert_says_nothing(service, some)


def assert_says_nothing(service: Service, some: list[Poison]) -> None:
    """Of keys, headers and texts, in whatever way they failed."""
    for secret in ("parcel", "customer", "par\\x", "kkkkkkkk", "spam spam"):
        assert secret not in service.log, secret
    assert len(service.log) < 1000 * (len(some) + 20)


def test_poison_of_every_kind_in_avro(cluster, start):
    """Each gets its fate, the good ones in between are answered, and memory stays bounded."""
    with SchemaRegistryClient({"url": cluster.registry_url, "timeout": 5}) as registry:
        ids = {
            name: registry.register_schema(f"{start.group}-{name}-value", Schema(json.dumps(schema), "AVRO"))
            for name, schema in poisons.AVRO_SCHEMAS.items()
        }
        other = Schema(json.dumps(poisons.JSON_SCHEMA), "JSON")
        ids["json"] = registry.register_schema(f"{start.group}-json-value", other)
    some = list(poisons.avro(ids))

    put_through(start, ["--registry-url", cluster.registry_url, "--input-format", "avro"], some, some[1].value or b"")


def test_poison_of_every_kind_in_json(start):
    """As in Avro."""
    good = b'{"id": "1", "text": "Where is my parcel?"}'

    put_through(start, ["--input-format", "json"], list(poisons.from_json(good)), good)
