"""Consumers in processes of their own, what they are given to read, and the verdict on what they made of it."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from confluent_kafka import Producer

from tests.delivery.checker import Verdict, check, committed

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


def produce(plan: dict, numbers: range) -> None:
    """Twenty keys, and every fiftieth record a poison."""
    producer = Producer({"bootstrap.servers": plan["bootstrap"], "partitioner": "murmur2_random", "linger.ms": 5})
    for number in numbers:
        value = f"{'poison' if number % 50 == 7 else 'message'} {number}"
        producer.produce(plan["topics"]["input"], key=f"k{number % 20}", value=value)
    assert producer.flush(30) == 0


MARKERS_S = 15.0


def settled(plan: dict, total: int, within_s: float = 60, supervise: Callable[[], None] = lambda: None) -> Verdict:
    """The verdict once every input is committed; `supervise` is called while it is not."""
    until = time.monotonic() + within_s
    while supervise() or sum(committed(plan["bootstrap"], plan["group"], plan["topics"]["input"]).values()) < total:
        if time.monotonic() > until:
            verdict = check(plan["bootstrap"], plan["group"], plan["topics"])
            raise AssertionError(f"the input is not consumed to its end: {verdict}")
        time.sleep(0.2)
    # Of a transaction's markers, those of the offsets may stand before a busy broker has written those of the outputs.
    until = time.monotonic() + MARKERS_S
    while (verdict := check(plan["bootstrap"], plan["group"], plan["topics"])).hanging and time.monotonic() < until:
        time.sleep(0.2)
    return verdict
