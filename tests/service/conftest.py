"""A consumer on topics of its own, as a process."""

from collections.abc import Callable, Iterator

import pytest

from tests.service.process import Service, flags


@pytest.fixture
def start(cluster, name, topics, tmp_path) -> Iterator[Callable[..., Service]]:
    """Starts `shikyu run` on topics of this test's own."""
    roles = topics()
    running: list[Service] = []

    def start(*more: str) -> Service:
        running.append(Service(tmp_path, *flags(cluster.bootstrap_servers, roles, name, *more)))
        return running[-1]

    start.topics, start.group, start.bootstrap = roles, name, cluster.bootstrap_servers
    yield start
    for service in running:
        service.stop()
