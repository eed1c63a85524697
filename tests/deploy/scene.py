"""
A stream whose every record's fate is known, with two real consumers, watched by a real Prometheus.

What happened is counted without the consumers' metrics: from the topics, by a reader of its own, and from the log.
"""

import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from confluent_kafka import Producer

from tests.delivery.checker import Verdict, check, committed, read, source_of
from tests.deploy.prometheus import SCRAPE_S, Prometheus
from tests.service.process import Service, flags

PARTITIONS = 3
PLAIN, LEGAL, EMPTY, NOT_JSON, NO_TEXT, TOMBSTONES = 60, 7, 5, 4, 3, 6
MIXED = PLAIN + LEGAL + EMPTY + NOT_JSON + NO_TEXT + TOMBSTONES
LEAST_BACKLOG, HELD_BACK = 1000, 5
ID = "id-4711"


@dataclass(frozen=True)
class Fate:
    """What became of one input record, and which consumer saw to it; `decided` is the event of an output topic."""

    outcome: str
    by: Service
    is_of_mix: bool
    text: str = ""
    decided: dict | None = None
    code: str = ""


@dataclass
class Scene:
    """`at` has the moments to ask Prometheus about: `mixed`, `held back` and `end`, in seconds since the epoch."""

    prometheus: Prometheus
    topics: dict[str, str]
    staying: Service
    leaving: Service
    began: float = 0.0
    backlog: int = 0
    held_back_since: float = 0.0
    at: dict[str, float] = field(default_factory=dict)
    mixed_ends: dict[int, int] = field(default_factory=dict)
    leavings: set[str] = field(default_factory=set)  # the partitions of the one that leaves
    verdict: Verdict = field(default_factory=Verdict)
    fates: list[Fate] = field(default_factory=list)
    latencies_s: list[float] = field(default_factory=list)

    @property
    def records(self) -> int:
        return MIXED + self.backlog + HELD_BACK

    def range_s(self, moment: str) -> int:
        """From before the first scrape to that moment."""
        return math.ceil(self.at[moment] - self.began) + 2

    def weight(self, service: Service, moment: str) -> float:
        """
        What increase() makes of one event.

        It guesses what a counter did between its last scrape and the range's end, for all counters of a process alike.
        """
        of_it = f'shikyu_records_total{{instance="127.0.0.1:{service.port}"}}[{self.range_s(moment)}s]'
        guessed, told = (
            self.prometheus.one(f"sum({f}({of_it}))", self.at[moment]) for f in ("increase", "max_over_time")
        )
        assert guessed
        assert told
        return guessed / told

    def value(self, expr: str, moment: str) -> dict:
        for variable in ("$__rate_interval", "$__range"):
            expr = expr.replace(variable, f"{self.range_s(moment)}s")
        return self.prometheus.query(expr.replace("$job", "shikyu"), self.at[moment])

    def logged(self, service: Service, *events: str) -> int:
        """How often, since Prometheus looks."""
        began = datetime.fromtimestamp(self.began, UTC).isoformat()
        return sum(each["event"] in events and each["timestamp"] > began for each in service.events())


def until(condition: Callable[[], bool], within_s: float = 60) -> None:
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.05)


def mix() -> Iterator[bytes | None]:
    """The good ones first: who reads nothing else at the start is told that its settings must be wrong."""
    for number in range(PLAIN):
        yield json.dumps({"id": f"{ID}-{number}", "text": "where is my parcel? " * (number % 9 + 1)}).encode()
    for number in range(LEGAL):
        yield json.dumps({"id": f"{ID}-l{number}", "text": "my lawyer will write to you"}).encode()
    for number in range(EMPTY):
        yield json.dumps({"id": f"{ID}-e{number}", "text": ""}).encode()
    yield from [b"{"] * NOT_JSON
    yield from [b'{"id": "no text"}'] * NO_TEXT
    yield from [None] * TOMBSTONES


@contextmanager
def played(cluster, folder: Path, name: str) -> Iterator[Scene]:
    topics = {role: f"{name}.{role}" for role in ("input", "urgent", "routine", "dead")}
    for topic in topics.values():
        cluster.create_topic(topic, PARTITIONS)
    # A session that a busy machine does not end: who leaves, leaves in order.
    more = ["--kafka-consumer", "statistics.interval.ms=500", "--kafka-consumer", "session.timeout.ms=20000"]
    more += ["--rules-always-urgent", "legal=contains(text, 'lawyer')"]
    more += ["--rules-always-urgent", "loud=contains(channel, 'phone')"]  # of no channel it cannot be asked
    more += ["--audit-share", "0.1"]
    variables = {"SHIKYU_AUDIT_KEY": "a key of this test's"}
    arguments = flags(cluster.bootstrap_servers, topics, name, *more)
    running = [Service(folder, *arguments, variables=variables) for _ in range(2)]
    try:
        for service in running:
            service.ready()
        until(lambda: shared(running) and rested(running))
        with Prometheus(folder, [f"127.0.0.1:{service.port}" for service in running]) as prometheus:
            scene = Scene(prometheus, topics, *running)
            _play(scene, cluster.bootstrap_servers, name)
            yield scene
    finally:
        for service in running:
            service.stop()


def assigned(service: Service) -> set[str]:
    """Its partitions, by its log."""
    mine: set[str] = set()
    for event in service.events():
        if event["event"] == "partitions-assigned":
            mine |= set(event["partitions"])
        elif event["event"] in ("partitions-revoked", "partitions-lost"):
            mine -= set(event["partitions"])
    return mine


def shared(services: list[Service]) -> bool:
    """Each has some partitions, and all are somebody's."""
    have = [assigned(service) for service in services]
    return all(have) and sum(map(len, have)) == PARTITIONS


def rested(services: list[Service], for_s: float = 1.5) -> bool:
    """No rebalance was told of for so long."""
    told = [event["timestamp"] for each in services for event in each.events() if "partitions-" in event["event"]]
    return datetime.now(UTC) - datetime.fromisoformat(max(told)) > timedelta(seconds=for_s)


def _play(scene: Scene, bootstrap: str, group: str) -> None:
    source = scene.topics["input"]
    producer = Producer({"bootstrap.servers": bootstrap, "partitioner": "murmur2_random"})
    scene.began = time.time()
    # A counter's first sample has to be from before what is counted.
    until(lambda: scene.prometheus.one("sum(shikyu_transactions_total)") == 0)
    until(lambda: scene.prometheus.one("sum(up)") == 2)

    for number, value in enumerate(mix()):
        producer.produce(source, key=f"key-{number}", value=value)
    producer.flush(20)
    until(lambda: sum(committed(bootstrap, group, source).values()) == MIXED)
    scene.mixed_ends, scene.leavings = committed(bootstrap, group, source), assigned(scene.leaving)
    scene.at["mixed"] = _settled(scene.prometheus, up=2)

    # One of the two leaves while the other one is at work, whose window is dropped, and read again. The one that leaves
    # has nothing to do, for what a process counts after its last scrape is never told.
    partition = int(min(assigned(scene.staying)).rpartition("/")[2])
    scene.leaving.process.terminate()
    while scene.leaving.process.poll() is None or scene.backlog < LEAST_BACKLOG:
        for number in range(scene.backlog, scene.backlog + 50):
            value = json.dumps({"id": f"{ID}-b{number}", "text": f"{number} " + "still waiting " * 60})
            producer.produce(source, key=f"key-{number}", value=value, partition=partition)
        scene.backlog += 50
        assert producer.flush(20) == 0
        time.sleep(0.02)
    assert scene.leaving.process.returncode == 0
    until(lambda: sum(committed(bootstrap, group, source).values()) == MIXED + scene.backlog)

    until(lambda: scene.prometheus.one("sum(shikyu_lag_records)") == 0)

    writing = Producer({"bootstrap.servers": bootstrap, "transactional.id": f"{group}-writer"})
    writing.init_transactions(20)
    writing.begin_transaction()
    for number in range(HELD_BACK):
        writing.produce(source, value=json.dumps({"id": f"{ID}-h{number}", "text": "a bill"}), partition=0)
    writing.flush(20)
    scene.held_back_since = time.time()
    until(lambda: scene.prometheus.one("sum(shikyu_lag_records)") == HELD_BACK)
    scene.at["held back"] = _settled(scene.prometheus, up=1)
    writing.commit_transaction(20)
    until(lambda: sum(committed(bootstrap, group, source).values()) >= scene.records)
    until(lambda: scene.prometheus.one("sum(shikyu_lag_records)") == 0)
    scene.at["end"] = _settled(scene.prometheus, up=1)
    _count(scene, bootstrap, group)


def _settled(prometheus: Prometheus, up: int) -> float:
    """
    A moment at which Prometheus has what was told before; lag is told, and rules are looked at, once a second.

    On a busy machine a scrape may fail, and a consumer look down: such a moment is none.
    """
    while True:
        time.sleep(1.5)
        moment = time.time()
        time.sleep(SCRAPE_S + 0.2)  # a scrape is as old as its beginning
        if prometheus.one("sum(up)", moment) == up:
            return moment


def _count(scene: Scene, bootstrap: str, group: str) -> None:
    """Every input record's fate, from where its output says that it came from; one without an output was skipped."""
    topics = scene.topics
    scene.verdict = check(bootstrap, group, topics)
    outputs = {source_of(m): m for m in read(bootstrap, *(topics[role] for role in ("urgent", "routine", "dead")))}
    for record in read(bootstrap, topics["input"]):
        place = (record.topic(), record.partition(), record.offset())
        is_of_mix = record.offset() < scene.mixed_ends[record.partition()]
        leaves = is_of_mix and f"{record.topic()}/{record.partition()}" in scene.leavings
        seen = (scene.leaving if leaves else scene.staying), is_of_mix
        output = outputs.get(place)
        if output is None:
            scene.fates.append(Fate("skipped", *seen))
        elif output.topic() == topics["dead"]:
            code = dict(output.headers())["shikyu.error.code"].decode()
            scene.fates.append(Fate("dead_lettered", *seen, code=code))
        else:
            event = json.loads(output.value())
            text = json.loads(record.value())["text"]
            scene.fates.append(Fate(event["decision"], *seen, text=text, decided=event))
            scene.latencies_s.append((output.timestamp()[1] - record.timestamp()[1]) / 1000)
