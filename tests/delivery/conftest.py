"""Consumers of one group, on topics of a test's own."""

import os
import signal
from collections.abc import Callable, Iterator

import pytest

from tests.delivery.consumers import Worker


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
