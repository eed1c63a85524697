"""
An independent client that says what became of every input record.

It knows nothing of the consumer but its contract: where an event says that it came from, and that a dead letter says it
in Kafka Connect's headers. It reads the input and every output to the end under read_committed.
"""

import json
import time
from collections import Counter
from dataclasses import dataclass, field

from confluent_kafka import OFFSET_BEGINNING, Consumer, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

PATIENCE_S = 30


@dataclass
class Verdict:
    inputs: int = 0
    urgent: int = 0
    routine: int = 0
    dead: int = 0
    skipped: int = 0
    lost: list = field(default_factory=list)
    twice: list = field(default_factory=list)
    foreign: list = field(default_factory=list)
    disordered: list = field(default_factory=list)
    misplaced: list = field(default_factory=list)  # dead, and not planted to be, or the other way about
    altered: list = field(default_factory=list)  # dead letters that are not the record
    hanging: dict = field(default_factory=dict)
    committed: dict = field(default_factory=dict)  # partition -> (committed, end), where they differ

    def exactly_once(self) -> bool:
        return self.at_least_once() and not (self.twice or self.disordered or self.hanging)

    def at_least_once(self) -> bool:
        return not (self.lost or self.foreign or self.misplaced or self.altered or self.committed)


def partitions_of(bootstrap: str, *topics: str) -> list[TopicPartition]:
    known = AdminClient({"bootstrap.servers": bootstrap}).list_topics(timeout=20).topics
    return [TopicPartition(topic, partition) for topic in topics for partition in known[topic].partitions]


def ends(bootstrap: str, partitions: list[TopicPartition], isolation: IsolationLevel) -> dict[tuple[str, int], int]:
    """Asked again by a new client where a broker does not know its leader's epoch yet, as seen on a busy machine."""
    until = time.monotonic() + PATIENCE_S
    while True:
        admin = AdminClient({"bootstrap.servers": bootstrap})  # kept, or its questions go with it
        asked = admin.list_offsets(
            {p: OffsetSpec.latest() for p in partitions}, isolation_level=isolation, request_timeout=20
        )
        try:
            return {(p.topic, p.partition): future.result().offset for p, future in asked.items()}
        except KafkaException as problem:
            if problem.args[0].code() != KafkaError.UNKNOWN_LEADER_EPOCH or time.monotonic() > until:
                raise
            time.sleep(0.2)


def read(bootstrap: str, *topics: str, isolation: str = "read_committed") -> list:
    """Every record up to the (last stable) end, in order per partition."""
    reader = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "checker",
            "enable.auto.commit": False,
            "isolation.level": isolation,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            "fetch.wait.max.ms": 50,
        }
    )
    partitions = partitions_of(bootstrap, *topics)
    reader.assign([TopicPartition(p.topic, p.partition, OFFSET_BEGINNING) for p in partitions])
    waiting, records, heard = {(p.topic, p.partition) for p in partitions}, [], time.monotonic()
    while waiting:
        for message in reader.consume(1000, 0.1):
            heard = time.monotonic()
            if message.error() is None:
                records.append(message)
            elif message.error().code() == KafkaError._PARTITION_EOF:
                waiting.discard((message.topic(), message.partition()))
            else:
                raise RuntimeError(message.error().str())
        if time.monotonic() - heard > PATIENCE_S:
            raise TimeoutError(f"no end of {waiting}")
    reader.close()
    return records


def committed(bootstrap: str, group: str, topic: str) -> dict[int, int]:
    """By a consumer that never subscribes: it does not disturb the group."""
    observer = Consumer({"bootstrap.servers": bootstrap, "group.id": group, "enable.auto.commit": False})
    until = time.monotonic() + PATIENCE_S
    try:
        while True:
            try:
                known = observer.committed(partitions_of(bootstrap, topic), timeout=20)
                return {p.partition: max(p.offset, 0) for p in known}
            except KafkaException:  # the coordinator loads, or the broker is away
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)
    finally:
        observer.close()


def source_of(message) -> tuple[str, int, int]:
    """Where the record came from, by its event or, for a dead letter, by its headers."""
    headers = dict(message.headers() or [])
    if "__connect.errors.topic" in headers:
        place = [headers[f"__connect.errors.{part}"].decode() for part in ("topic", "partition", "offset")]
        return place[0], int(place[1]), int(place[2])
    source = json.loads(message.value())["source"]
    return source["topic"], source["partition"], source["offset"]


def same(dead, record) -> bool:
    """A dead letter has the record's value and all of its headers, byte for byte."""
    return dead.value() == record.value() and all(each in (dead.headers() or []) for each in record.headers() or [])


def check(
    bootstrap: str, group: str, topics: dict[str, str], planted: str | None = None, isolation: str = "read_committed"
) -> Verdict:
    """
    `planted` names a header that says of a record that it must be dead; a record without a value is skipped.

    With another `isolation` the outputs are read wrongly, which a test shows.
    """
    verdict = Verdict()
    outputs = [topics[role] for role in ("urgent", "routine", "dead")]
    sinks = partitions_of(bootstrap, *outputs)
    stable, end = (
        ends(bootstrap, sinks, level) for level in (IsolationLevel.READ_COMMITTED, IsolationLevel.READ_UNCOMMITTED)
    )
    verdict.hanging = {place: (stable[place], end[place]) for place in end if stable[place] != end[place]}
    inputs = {(m.topic(), m.partition(), m.offset()): m for m in read(bootstrap, topics["input"])}
    expected = {place: message for place, message in inputs.items() if message.value() is not None}
    verdict.inputs, verdict.skipped = len(inputs), len(inputs) - len(expected)
    seen: Counter = Counter()
    last: dict = {}
    for message in read(bootstrap, *outputs, isolation=isolation):
        place = source_of(message)
        role = next(role for role, topic in topics.items() if topic == message.topic())
        setattr(verdict, role, getattr(verdict, role) + 1)
        if place not in expected or message.key() != expected[place].key():
            verdict.foreign.append(place)
            continue
        seen[place] += 1
        is_dead = role == "dead"
        if planted and is_dead != (dict(expected[place].headers() or []).get(planted) == b"dead"):
            verdict.misplaced.append(place)
        if is_dead and not same(message, expected[place]):
            verdict.altered.append(place)
        line = (message.topic(), message.key(), place[1])
        if message.key() is not None and last.get(line, ("", -1, -1)) >= place:
            verdict.disordered.append((line, last[line], place))
        last[line] = place
    verdict.lost = [place for place in expected if place not in seen]
    verdict.twice = [place for place, times in seen.items() if times > 1]
    have = committed(bootstrap, group, topics["input"])
    input_ends = ends(bootstrap, partitions_of(bootstrap, topics["input"]), IsolationLevel.READ_UNCOMMITTED)
    verdict.committed = {
        partition: (have[partition], offset)
        for (_, partition), offset in input_ends.items()
        if have[partition] != offset
    }
    return verdict
