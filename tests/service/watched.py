"""A stream to be watched: topics with answers, dead letters and corrections, a consumer's /metrics, and the page."""

import re
import selectors
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import Consumer

from consumer.dead_letters import INVALID_JSON, dead_letter
from consumer.drift.compare import Drift, Look
from consumer.encode import Encoder
from consumer.health import Health, serve
from consumer.metrics import Metrics
from consumer.records import Decision, Message, ModelVersion, Record, Satisfaction
from consumer.schema_store import open_store
from consumer.settings import Http, Output
from tests.service.process import ROOT, environment, free_port

ADDRESS = re.compile(r"the page: (http\S+)")
PATIENCE_S = 60
BEGINNING = (KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.NOT_COORDINATOR)
MODEL = ModelVersion("demo", "3", "int8")


@dataclass
class Scene:
    """Topics of its own on a real broker. `flags` are those by which `shikyu` finds them."""

    bootstrap: str
    prefix: str
    offset: int = 0

    def topic(self, role: str) -> str:
        return f"{self.prefix}.{role}"

    @property
    def output(self) -> Output:
        return Output(urgent=self.topic("urgent"), routine=self.topic("routine"), format="json")

    @property
    def flags(self) -> list[str]:
        return [
            *("--kafka", f"bootstrap.servers={self.bootstrap}", "--output-format", "json"),
            *("--input-topics", self.topic("in"), "--dead-letters-topic", self.topic("dead")),
            *("--output-urgent", self.topic("urgent"), "--output-routine", self.topic("routine")),
            *("--delivery-group-id", self.prefix),
        ]

    def answer(
        self, texts: Sequence[str], *, urgent: bool, satisfaction: str = "neutral", channel: str = "chat"
    ) -> int:
        """Writes an answer a text, and returns the source offset of the last."""
        producer = Producer({"bootstrap.servers": self.bootstrap})
        with open_store(None, {}, ()) as store:
            encoder = Encoder(self.output, store)
            for text in texts:
                self.offset += 1
                decision = Decision(
                    Satisfaction(satisfaction), (0.2,) * 5, 0.83 if urgent else 0.12, urgent, 0.4, "model", False, MODEL
                )  # fmt: skip
                record = Record(self.topic("in"), 0, self.offset, round(time.time() * 1000) - 210, b"k", b"")
                message = Message(text, f"m{self.offset}", None, channel, "en", None, {})
                now = datetime.now(UTC)
                made = encoder.encode(record, message, decision, run="live", attempt=1, classified_at=now)
                producer.produce(made.topic, made.value, made.key, headers=list(made.headers))
        assert producer.flush(PATIENCE_S) == 0
        return self.offset

    def die(self, count: int = 1) -> None:
        producer = Producer({"bootstrap.servers": self.bootstrap})
        for _ in range(count):
            self.offset += 1
            made = dead_letter(
                Record(self.topic("in"), 0, self.offset, 1, None, b"{"), INVALID_JSON.error(), topic=self.topic("dead"),
                connector_name=self.prefix, task_id="0", run="live", attempt=1, model_version="3",
            )  # fmt: skip
            producer.produce(made.topic, made.value, made.key, headers=list(made.headers))
        assert producer.flush(PATIENCE_S) == 0

    def wait_in_line(self, count: int, committed: int) -> None:
        """So many records in the input, of which the group has committed some."""
        producer = Producer({"bootstrap.servers": self.bootstrap})
        for _ in range(count):
            producer.produce(self.topic("in"), b"{}", partition=0)
        assert producer.flush(PATIENCE_S) == 0
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": self.prefix, "log_level": 0})
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                consumer.commit(offsets=[TopicPartition(self.topic("in"), 0, committed)], asynchronous=False)
                break
            except KafkaException as problem:  # of a broker that has just begun
                if problem.args[0].code() not in BEGINNING or time.monotonic() > until:
                    raise
                time.sleep(0.1)
        consumer.close()


def made(cluster, prefix: str) -> Scene:
    """With nothing in it."""
    scene = Scene(cluster.bootstrap_servers, prefix)
    for role in ("in", "urgent", "routine", "dead", "corrections"):
        cluster.create_topic(scene.topic(role), 1)
    return scene


@dataclass
class Measured:
    """A consumer's /metrics, as a consumer that did something serves them."""

    metrics: Metrics
    url: str

    def answered(self, urgent: int, routine: int, window_s: float = 0.04) -> None:
        for count, is_urgent in ((urgent, True), (routine, False)):
            decision = Decision(Satisfaction.NEUTRAL, (0.2,) * 5, 0.4, is_urgent, 0.4, "model", False, MODEL)
            for _ in range(count):
                self.metrics.decided([decision])
        self.metrics.window(urgent + routine, window_s)


@contextmanager
def measured(topic: str = "in") -> Iterator[Measured]:
    metrics, port = Metrics(), free_port()
    metrics.model(MODEL)
    metrics.brokers_up(lambda: 1)
    metrics.lag(topic, 0, 7, 3.5)
    metrics.dead_lettered("invalid-json")
    metrics.drift(Drift(1, (Look("urgency", 0.12, 0.05, 0.001),)))
    with serve(Http(port=port), Health(1.0), metrics.registry):
        yield Measured(metrics, f"http://127.0.0.1:{port}/metrics")


class Page:
    """`shikyu page` as a process; `address` is the one that it wrote, and `log` what it wrote besides."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._path = folder / "page.log"
        with self._path.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "consumer.cli", "page", "--page-port", "0", *arguments],
                cwd=ROOT, env=environment() | {"PYTHONUNBUFFERED": "1"}, stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as ready:
            ready.register(self.process.stdout, selectors.EVENT_READ)
            assert ready.select(PATIENCE_S), self.log
        found = ADDRESS.match(self.process.stdout.readline())
        assert found, self.log
        self.address = found[1]

    @property
    def log(self) -> str:
        return self._path.read_text()

    @property
    def token(self) -> str:
        return self.address.partition("token=")[2]

    def stop(self) -> int:
        self.process.terminate()
        try:
            return self.process.wait(PATIENCE_S)
        finally:
            self.process.kill()
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()


def held(cluster, topic: str) -> int:
    """How many records it has."""
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap_servers, "group.id": "none"})
    low, high = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=PATIENCE_S)
    consumer.close()
    return high - low


def groups(cluster) -> set[str]:
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap_servers})
    return {each.group_id for each in admin.list_consumer_groups().result(PATIENCE_S).valid}
