"""Exactly once, on the real broker, through what goes wrong: told by a client that knows nothing of the consumer."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from tests.delivery.checker import Verdict, check, committed

pytestmark = pytest.mark.kafka
ROOT = Path(__file__).parents[2]


class Worker:
    """A consumer process; `places` says where it has been, in order."""

    def __init__(self, plan: dict) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.delivery.worker", json.dumps(plan)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.places: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self.places.append(json.loads(line)["place"])

    def been(self, place: str, times: int = 1, within_s: float = 30) -> None:
        until = time.monotonic() + within_s
        while self.places.count(place) < times:
            assert time.monotonic() < until, f"never {place} {times} times, but {self.places[-10:]}"
            assert self.process.poll() in (None, -signal.SIGKILL), f"exited with {self.process.returncode}"
            time.sleep(0.02)

    def killed(self) -> None:
        assert self.process.wait(30) == -signal.SIGKILL

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(20)
        finally:
            self.process.kill()
            self._reader.join()
            self.process.stdout.close()


@pytest.fixture
def start(cluster, name, topics) -> Iterator[Callable[..., Worker]]:
    """Starts consumers of one group on topics of this test's own."""
    plan = {"bootstrap": cluster.bootstrap_servers, "group": name, "topics": topics()}
    running: list[Worker] = []

    def start(**more) -> Worker:
        running.append(Worker({**plan, **more}))
        return running[-1]

    start.plan = plan
    yield start
    for worker in running:
        if worker.process.poll() is None:
            os.kill(worker.process.pid, signal.SIGCONT)
        worker.stop()


def produce(plan: dict, numbers: range) -> None:
    """Twenty keys, and every fiftieth record a poison."""
    producer = Producer({"bootstrap.servers": plan["bootstrap"], "partitioner": "murmur2_random", "linger.ms": 5})
    for number in numbers:
        value = f"{'poison' if number % 50 == 7 else 'message'} {number}"
        producer.produce(plan["topics"]["input"], key=f"k{number % 20}", value=value)
    assert producer.flush(30) == 0


def settled(plan: dict, total: int, within_s: float = 60, supervise: Callable[[], None] = lambda: None) -> Verdict:
    """The verdict once every input is committed; `supervise` is called while it is not."""
    until = time.monotonic() + within_s
    while supervise() or sum(committed(plan["bootstrap"], plan["group"], plan["topics"]["input"]).values()) < total:
        if time.monotonic() > until:
            verdict = check(plan["bootstrap"], plan["group"], plan["topics"])
            raise AssertionError(f"the input is not consumed to its end: {verdict}")
        time.sleep(0.2)
    time.sleep(0.2)
    return check(plan["bootstrap"], plan["group"], plan["topics"])


def test_every_record_has_one_fate(start):
    """Without any fault each record is urgent, routine or dead, once, in its key's order; SIGTERM ends it cleanly."""
    produce(start.plan, range(1000))
    worker = start()

    verdict = settled(start.plan, 1000)
    began = time.monotonic()

    assert verdict.exactly_once(), verdict
    assert (verdict.inputs, verdict.dead) == (1000, 20)
    assert verdict.urgent > 100
    assert worker.stop() == 0
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("place", ["produced", "flushed", "offsets-sent"])
def test_kill_between_produce_and_commit(start, place):
    """A consumer that dies by kill -9 inside its transaction leaves nothing; its successor answers the window."""
    produce(start.plan, range(600))
    start(kill=[place, 4]).killed()

    start()
    produce(start.plan, range(600, 800))

    verdict = settled(start.plan, 800)
    assert verdict.exactly_once(), verdict


def test_broker_killed_and_restarted(cluster, start):
    """A broker that dies by kill -9 and returns costs time, and no record; a consumer that hung is started anew."""
    produce(start.plan, range(500))
    running = [start(records=5)]
    running[0].been("committed", 10)

    def supervise() -> None:
        # librdkafka's send_offsets may hang when its coordinator dies; the watchdog then ends the process with 3.
        if (code := running[-1].process.poll()) is not None:
            assert code == 3
            running.append(start(records=5))

    cluster.kill_broker()
    time.sleep(1)
    cluster.start_broker()
    produce(start.plan, range(500, 900))

    verdict = settled(start.plan, 900, within_s=90, supervise=supervise)
    assert verdict.exactly_once(), verdict


def test_rebalance_in_the_middle_of_a_window(start):
    """A window whose partitions move while the model runs is dropped, and answered by their new owner."""
    produce(start.plan, range(600))
    first = start(slow=3, seconds=3.0)
    first.been("received", 3)
    second = start(slot=1)
    second.been("assigned")
    produce(start.plan, range(600, 900))

    verdict = settled(start.plan, 900)
    assert verdict.exactly_once(), verdict
    assert second.places.count("committed") > 0


def test_zombie_is_fenced(start):
    """A consumer that slept past its session finds its window answered by another, and adds nothing to it."""
    produce(start.plan, range(600))
    zombie = start(stop=["flushed", 3], transaction_timeout_s=60)
    zombie.been("flushed", 3)
    produce(start.plan, range(600, 700))
    other = start(slot=1)
    other.been("committed", 1)
    os.kill(zombie.process.pid, signal.SIGCONT)

    verdict = settled(start.plan, 700)
    assert verdict.exactly_once(), verdict


def test_at_least_once_loses_nothing(start):
    """Killed between the outputs and the commit, it answers one window twice, and no more than that."""
    produce(start.plan, range(600))
    start(guarantee="at-least-once", kill=["flushed", 4], records=50).killed()

    start(guarantee="at-least-once")

    verdict = settled(start.plan, 600)
    assert verdict.at_least_once(), verdict
    assert 0 < len(verdict.twice) <= 50
