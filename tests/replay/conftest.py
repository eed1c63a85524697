"""An input with a past, and replays of it as processes of their own."""

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from local.reader import Reader
from tests.delivery.checker import committed
from tests.service.process import ROOT, Service, environment, flags

Place = tuple[str, int, int]  # topic, partition, offset


class Replay:
    """`shikyu replay`, as a process; what it wrote is in `log`."""

    def __init__(self, folder: Path, *arguments: str, command: tuple[str, ...] = ("replay",)) -> None:
        self.path = folder / f"replay-{time.monotonic_ns()}.log"
        with self.path.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "consumer.cli", *command, *arguments],
                cwd=ROOT, env=environment(), stdout=out, stderr=out,
            )  # fmt: skip

    @property
    def log(self) -> str:
        return self.path.read_text()

    def ended(self, within_s: float = 60) -> int:
        return self.process.wait(within_s)

    def until(self, words: str, within_s: float = 40) -> None:
        until = time.monotonic() + within_s
        while words not in self.log:
            assert self.process.poll() is None, self.log
            assert time.monotonic() < until, self.log
            time.sleep(0.02)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


_SIGNALLED = """
import os, sys
from itertools import count
from pkgutil import resolve_name
from consumer.cli import main
place, call, number = sys.argv[1], *map(int, sys.argv[2:4])
where, _, name = place.rpartition(".")
owner, calls = resolve_name(where), count(1)
was = getattr(owner, name)
def signalled(*given, **named):
    next(calls) == call and os.kill(os.getpid(), number)
    return was(*given, **named)
setattr(owner, name, signalled)
sys.exit(main(sys.argv[4:]))
"""


def signalled_in(
    place: str, number: signal.Signals, *arguments: str | Path, call: int = 1
) -> subprocess.CompletedProcess[str]:
    """Runs `shikyu`, which sends itself a signal as it is about to call what is named so, the so-manieth time."""
    return subprocess.run(
        [sys.executable, "-c", _SIGNALLED, place, str(call), str(int(number)), *map(str, arguments)],
        cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip


def killed_in(place: str, *arguments: str | Path, call: int = 1) -> None:
    done = signalled_in(place, signal.SIGKILL, *arguments, call=call)
    assert done.returncode == -signal.SIGKILL, done.stderr


class Past:
    """The topics, what stands in them, and what a run made of it."""

    def __init__(self, bootstrap: str, topics: dict[str, str], group: str) -> None:
        self.bootstrap, self.topics, self.group = bootstrap, topics, group

    def produce(self, numbers: range, *, at_ms: Callable[[int], int] | None = None, **options: object) -> None:
        """Every tenth can't be read."""
        producer = Producer({"bootstrap.servers": self.bootstrap, **options})
        if "transactional.id" in options:
            producer.init_transactions(10)
            producer.begin_transaction()
        for number in numbers:
            value = json.dumps({"id": str(number), "text": f"message {number}"}) if number % 10 else "{"
            more = {"timestamp": at_ms(number)} if at_ms else {}
            producer.produce(self.topics["input"], value=value, partition=number % 3, key=f"k{number % 20}", **more)
        if "transactional.id" in options:
            producer.flush(20)
            producer.abort_transaction(10)
        assert producer.flush(20) == 0

    def produce_values(self, values: list[str]) -> None:
        producer = Producer({"bootstrap.servers": self.bootstrap})
        for number, value in enumerate(values):
            producer.produce(self.topics["input"], value=value, partition=number % 3)
        assert producer.flush(20) == 0

    def input(self) -> set[Place]:
        return {(each.topic, each.partition, each.offset) for each in self.read([self.topics["input"]])}

    def answered(self, run: str, *, live: bool = False) -> Counter[Place]:
        """The source of each answer and dead letter of a run."""
        end = "" if live else f".replay.{run}"
        found: Counter[Place] = Counter()
        for record in self.read([self.topics[role] + end for role in ("urgent", "routine")]):
            event = json.loads(record.value)
            assert event["run"] == run
            source = event["source"]
            found[source["topic"], source["partition"], source["offset"]] += 1
        for record in self.read([self.topics["dead"] + end]):
            at = {name.rpartition(".")[2]: value.decode() for name, value in record.headers if "errors" in name}
            found[at["topic"], int(at["partition"]), int(at["offset"])] += 1
        return found

    def events(self, end: str) -> dict[Place, dict]:
        """By source, without what tells one run from another, and the decision's topic with them."""
        events = {}
        for role in ("urgent", "routine"):
            for record in self.read([self.topics[role] + end]):
                event = json.loads(record.value)
                source = event["source"]
                told = {key: event[key] for key in event if key not in ("event_id", "classified_at", "run")}
                events[source["topic"], source["partition"], source["offset"]] = {**told, "role": role}
        return events

    def live_offsets(self) -> dict:
        return committed(self.bootstrap, self.group, self.topics["input"])

    def commit_live(self) -> None:
        """As a live group that has read the beginning."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": self.group})
        consumer.commit(offsets=[TopicPartition(self.topics["input"], 0, 5)], asynchronous=False)
        consumer.close()

    def read(self, topics: list[str]) -> list:
        records = []
        with Reader(self.bootstrap, topics) as reader:
            until = time.monotonic() + 30
            while not reader.is_at_end and time.monotonic() < until:
                records += reader.read(0.2)
            assert reader.is_at_end
        return records


@pytest.fixture
def past(cluster, name, topics) -> Past:
    return Past(cluster.bootstrap_servers, topics(), name)


@pytest.fixture
def options(past, name) -> list[str]:
    """A topic of runs of this test's own, and a session that ends soon."""
    return [*flags(past.bootstrap, past.topics, past.group), "--replay-runs-topic", f"{name}.runs"]


def newer_protocol(options: list[str]) -> list[str]:
    """KIP-848's, whose members' times are the broker's to set."""
    found = list(zip(options[::2], options[1::2], strict=True))
    kept = [pair for pair in found if not pair[1].startswith(("session.timeout.ms", "heartbeat.interval.ms"))]
    return [word for pair in kept for word in pair] + ["--kafka-consumer", "group.protocol=consumer"]


@pytest.fixture
def replay(past, options, tmp_path) -> Iterator[Callable[..., Replay]]:
    running: list[Replay] = []

    def start(*more: str) -> Replay:
        running.append(Replay(tmp_path, *options, *more))
        return running[-1]

    yield start
    for each in running:
        if each.process.poll() is None:
            each.kill()


@pytest.fixture
def start_live(past, tmp_path) -> Callable[..., None]:
    """Runs the live service until so many records are committed."""

    def run(count: int, *more: str) -> None:
        service = Service(
            tmp_path, *flags(past.bootstrap, past.topics, past.group, "--dead-letters-max-share", "1", *more)
        ).ready()
        until = time.monotonic() + 40
        while sum(past.live_offsets().values()) < count:
            assert time.monotonic() < until, service.log
            time.sleep(0.1)
        assert service.stop() == 0

    return run
