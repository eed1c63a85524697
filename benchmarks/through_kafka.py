"""Texts through a real Kafka and an application; an independent read_committed client says what came out."""

import io
import json
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import fastavro
from confluent_kafka import Consumer, ConsumerGroupState, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

import schemas
from benchmarks.answers import Answer, Review, answer_of
from benchmarks.place import Place
from consumer.errors import LimitError
from consumer.records import Record
from consumer.run_names import own_topic
from local import service
from local.cluster import Cluster
from local.processes import Child
from local.reader import Reader

INPUT, DEAD = "customer-messages", "customer-messages.dead-letter"
PARTITIONS = 6
PATIENCE_S = 900
ANSWER_S = 60
LOOK_S = 0.2
JOINED_LOOK_S = 0.05  # as local.service looks whether a consumer is ready: what is at work already is measured too late


def produce(
    cluster: Cluster, reviews: Sequence[Review], topic: str = INPUT, *, keyed_by_partition: bool = False
) -> None:
    """Each with its id for a key; or in turns to the partitions, each of which has a key of its own."""
    producer = Producer(
        {
            "bootstrap.servers": cluster.bootstrap_servers,
            "enable.idempotence": True,  # else a broker that stalls gets some twice
            "partitioner": "murmur2_random",
            "log_level": 3,  # that a broker which has just started is not there yet is no news
        }
    )
    value = serializer(cluster, topic)
    for number, review in enumerate(reviews):
        partition = number % PARTITIONS
        where = {"key": f"partition-{partition}", "partition": partition} if keyed_by_partition else {"key": review.id}
        _produce(producer, topic, value(review.id, review.text), **where)
    if producer.flush(60):
        raise LimitError("Kafka did not take every review")


def _produce(producer: Producer, topic: str, value: bytes, **where: Any) -> None:
    while True:
        try:
            producer.produce(topic, value=value, **where)
            producer.poll(0)
            return
        except BufferError:  # it holds 100,000 records, and a busy broker takes no more for a while
            producer.poll(0.1)


def serializer(cluster: Cluster, topic: str) -> Callable[[str, str], bytes]:
    """From an id and a text to an event of the topic, in Avro."""
    rest: dict[str, Any] = {"customer_id": None, "channel": None, "language": "en", "sent_at": None, "attributes": {}}
    with SchemaRegistryClient({"url": cluster.registry_url, "timeout": 5}) as registry:
        registered = registry.get_latest_version(f"{topic}-value")
    magic_and_id = struct.pack(">bI", 0, registered.schema_id)
    schema = fastavro.parse_schema(json.loads(schemas.avro("customer-message")))

    def value(identifier: str, text: str) -> bytes:
        # By fastavro alone: a million take a fourth of the time that AvroSerializer needs for them.
        made = io.BytesIO()
        made.write(magic_and_id)
        fastavro.schemaless_writer(made, schema, {**rest, "id": identifier, "text": text})
        return made.getvalue()

    return value


def stream(
    cluster: Cluster, folder: Path, artifact: Path, precision: str, count: int
) -> tuple[dict[str, Answer], float]:
    """The answers that came out, and how long from the first look to the last of them. Raises LimitError."""
    outputs = [f"urgent.{precision}", f"routine.{precision}", f"{DEAD}.{precision}"]
    answers_to = ["--output-urgent", outputs[0], "--output-routine", outputs[1]]
    options = [
        *("--model-artifact", str(artifact), "--model-precision", precision),
        *("--dead-letters-topic", outputs[2], "--delivery-group-id", f"real-{precision}"),
    ]
    for topic in outputs:
        cluster.create_topic(topic, PARTITIONS)
    service.register_schemas(cluster, options=answers_to)
    started = time.monotonic()
    with service.running(cluster, folder, options=[*answers_to, *options]) as child:
        wait_for(cluster, child, f"real-{precision}", INPUT, count)
        took_s = time.monotonic() - started
        time.sleep(2)  # what came twice would come now
    return _once(cluster, outputs, count), took_s


def replay(cluster: Cluster, folder: Path, artifact: Path, precision: str, count: int) -> dict[str, Answer]:
    """The answers of a replay of all of it, with other windows and batches than the live stream had."""
    run = f"replay-{precision}"
    outputs = [f"urgent.{precision}", f"routine.{precision}", f"{DEAD}.{precision}"]
    options = [
        *("--run", run, "--model-artifact", str(artifact), "--model-precision", precision),
        *("--output-urgent", outputs[0], "--output-routine", outputs[1], "--dead-letters-topic", outputs[2]),
        *("--batching-max-window-records", "97", "--batching-max-batch-records", "7"),
    ]
    service.replay(cluster, folder, options)
    return _once(cluster, [own_topic(topic, run) for topic in outputs], count)


def wait_for(cluster: Cluster, child: Child, group: str, source: str, count: int) -> None:
    """
    Until the group has committed as many records of its source as went in. LimitError when none is for PATIENCE_S.

    By offsets, for whoever reads what comes out takes a part of the machine that is measured.
    """
    asking = Consumer({"bootstrap.servers": cluster.bootstrap_servers, "group.id": group})  # which it never joins
    done, last = 0, time.monotonic()
    try:
        partitions = [TopicPartition(source, each) for each in asking.list_topics(source).topics[source].partitions]
        while done < count:
            service.check(child)
            time.sleep(LOOK_S)
            now = sum(max(0, each.offset) for each in asking.committed(partitions, timeout=ANSWER_S))
            if now > done:
                done, last = now, time.monotonic()
            if time.monotonic() - last > PATIENCE_S:
                raise LimitError(f"only {done} of {count} reviews were answered")
    finally:
        asking.close()


def wait_for_members(cluster: Cluster, child: Child, group: str, count: int) -> None:
    """Until so many consumers share the group's partitions. LimitError when they do not within ANSWER_S."""
    admin, until = AdminClient({"bootstrap.servers": cluster.bootstrap_servers}), time.monotonic() + ANSWER_S
    while time.monotonic() < until:
        service.check(child)
        if _holding(admin, group) == count:
            return
        time.sleep(JOINED_LOOK_S)
    raise LimitError(f"the group {group} has not {count} members with partitions within {ANSWER_S} s")


def _holding(admin: AdminClient, group: str) -> int:
    """How many consumers share the group's partitions; none while it rebalances, or Kafka does not know of it yet."""
    try:
        found = admin.describe_consumer_groups([group])[group].result()
    except KafkaException:
        return 0
    if found.state != ConsumerGroupState.STABLE:
        return 0
    return sum(bool(each.assignment.topic_partitions) for each in found.members)


def _once(cluster: Cluster, outputs: Sequence[str], count: int) -> dict[str, Answer]:
    """Everything, read anew from the beginning to the end: each input exactly once, or LimitError."""
    deserialize = AvroDeserializer(SchemaRegistryClient({"url": cluster.registry_url, "timeout": 5}))
    answers: dict[str, Answer] = {}
    sources: set[tuple[str, int, int]] = set()
    read = twice = dead = 0
    for record in everything(cluster, outputs):
        read += 1
        if record.topic == outputs[2]:
            dead += 1
            continue
        event: Any = deserialize(record.value, SerializationContext(record.topic, MessageField.VALUE))
        source = (event["source"]["topic"], event["source"]["partition"], event["source"]["offset"])
        twice += source in sources
        sources.add(source)
        answers[event["id"]] = answer_of(event)
    if read != count or twice or dead or len(answers) != count:
        raise LimitError(f"{count} in, {read} out, {twice} twice, {dead} dead-lettered, {len(answers)} different ids")
    return answers


def everything(cluster: Cluster, topics: Sequence[str]) -> Iterator[Record]:
    """All records that are committed, up to the topics' ends."""
    with Reader(cluster.bootstrap_servers, topics) as reader:
        while not reader.is_at_end:
            yield from reader.read(0.2)


MARKED_S = 1.0  # until a transaction whose offsets are committed is so in every partition
AT_ONCE_MS = 50  # records of one window are produced within it


def rate(times_ms: Sequence[int], after: int = 0) -> float:
    """
    Records a second by when outputs were appended, from the first window's end to the last: no start-up is in it.

    `after` so many records, where windows shall have grown first.
    """
    rest = sorted(times_ms)[after:]
    first, last = rest[0], rest[-1]
    of_first_window = sum(each <= first + AT_ONCE_MS for each in rest)
    if of_first_window == len(rest):
        raise LimitError(f"the {len(rest)} records that count were answered in one window: take more")
    return (len(rest) - of_first_window) * 1000 / (last - first)


def backlog_rate(
    cluster: Cluster, child: Child, place: Place, count: int, since_ms: float | None = None, after: int = 0
) -> float:
    """
    Records a second of a place's group that works off `count` records of its source.

    From the first window's end, or, of consumers that were waiting for them, from when the first was sent; or of what
    came `after` so many.

    LimitError unless as many came out, none of them on the last of the outputs, which is for dead letters, and, where
    each has a key of its own, each once.
    """
    wait_for(cluster, child, place.name, place.source, count)
    time.sleep(MARKED_S)
    times_ms: list[int] = []
    keys: set[bytes | None] = set()
    dead = 0
    for record in everything(cluster, place.outputs):
        times_ms.append(record.timestamp_ms or 0)
        keys.add(record.key)
        dead += record.topic == place.outputs[-1]
    if len(times_ms) != count or dead or (len(keys) > PARTITIONS and len(keys) < count):
        raise LimitError(f"{count} in, {len(times_ms)} out with {len(keys)} keys, {dead} dead-lettered")
    return rate(times_ms, after) if since_ms is None else count * 1000 / (max(times_ms) - since_ms)
