"""Texts that come one by one, as customers write, and how long each takes to come out."""

import random
import time
from collections.abc import Callable, Sequence

from confluent_kafka import Producer

from benchmarks.texts import lengths, texts
from benchmarks.through_kafka import serializer
from consumer.errors import LimitError
from local import service
from local.cluster import Cluster
from local.processes import Child
from local.reader import Reader

PATIENCE_S = 120


def poisson(rate: float, seconds: float) -> list[float]:
    """Moments within so many seconds, `rate` a second, that know nothing of each other; one at least."""
    generator = random.Random(0)  # noqa: S311 - guards no secret
    moments = [generator.expovariate(rate)]
    while moments[-1] < seconds:
        moments.append(moments[-1] + generator.expovariate(rate))
    return moments[:-1] or [0.0]


class Paced:
    """Sends texts at given moments, and says how long each took to come out."""

    def __init__(self, cluster: Cluster, child: Child, reader: Reader, topic: str, dead: str) -> None:
        self._producer = Producer({"bootstrap.servers": cluster.bootstrap_servers, "linger.ms": 0})
        self._event = serializer(cluster, topic)
        self._child, self._reader, self._topic, self._dead = child, reader, topic, dead
        self._sent = 0

    def send(self, moments: Sequence[float], each_second: Callable[[float], None] = lambda _: None) -> list[float]:
        """
        Seconds to a committed output, of a text for each moment, which are seconds from now.

        Counted from the moment, not from when it was really sent: who sends late has kept a customer waiting, too.
        `each_second` is told how many have passed. LimitError when one is dead-lettered, comes out twice, or not
        within PATIENCE_S of the last.
        """
        values = [
            self._event(str(self._sent + n), text)
            for n, text in enumerate(texts(lengths(), len(moments), seed=self._sent))
        ]
        keys = [str(self._sent + n) for n in range(len(moments))]
        self._sent += len(moments)
        due = dict(zip(keys, moments, strict=True))
        sent = 0
        took: dict[str, float] = {}
        began = called = time.monotonic()
        while len(took) < len(keys):
            service.check(self._child)
            while sent < len(keys) and time.monotonic() >= began + moments[sent]:
                self._producer.produce(self._topic, key=keys[sent], value=values[sent])
                sent += 1
            self._producer.poll(0)
            for record in self._reader.read(0.005):
                key = (record.key or b"").decode()
                if key not in due or key in took or record.topic == self._dead:
                    raise LimitError(f"text {key} came out twice, or on {self._dead}: {record.topic}")
                took[key] = time.monotonic() - began - due[key]
            if time.monotonic() >= called + 1:
                called = time.monotonic()
                each_second(called - began)
            if time.monotonic() > began + moments[-1] + PATIENCE_S:
                said = self._child.last_lines()
                raise LimitError(f"{len(took)} of {len(keys)} came out within {PATIENCE_S} s of the last:\n{said}")
        return [took[key] for key in keys]
