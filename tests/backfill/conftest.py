"""Archives as files, and `shikyu backfill` as a process of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.replay.conftest import Past, Replay
from tests.service.process import flags


@pytest.fixture
def past(cluster, name, topics) -> Past:
    return Past(cluster.bootstrap_servers, topics(), name)


@pytest.fixture
def options(past, name) -> list[str]:
    """A topic of runs of this test's own."""
    return [*flags(past.bootstrap, past.topics, past.group), "--replay-runs-topic", f"{name}.runs"]


@pytest.fixture
def backfill(past, options, tmp_path) -> Iterator[Callable[..., Replay]]:
    """Starts one that writes to the run's own topics."""
    running: list[Replay] = []

    def start(*more: str | Path) -> Replay:
        running.append(Replay(tmp_path, *options, *map(str, more), command=("backfill",)))
        return running[-1]

    yield start
    for each in running:
        if each.process.poll() is None:
            each.kill()
