"""Tickets in a real database: SQLite in a file, and a PostgreSQL of the tests' own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from examples.ticketing.database import Database
from tests.examples.ticketing.process import Desk
from tests.postgres import Postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One server for the whole run."""
    with Postgres() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path, name: str) -> str:
    """An empty database of this test's own."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/tickets.db"
    server: Postgres = request.getfixturevalue("postgres")
    return server.create(name)


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    made = Database(url)
    made.migrate()
    yield made
    made.close()


@pytest.fixture
def desk(cluster, name, tmp_path) -> Iterator[Callable[..., Desk]]:
    """Starts ticketing as processes, on topics of this test's own."""
    started: list[Desk] = []

    def start(url: str, **more: object) -> Desk:
        plan = {"bootstrap": cluster.bootstrap_servers, "group": name, "url": url, "topics": [f"{name}.urgent"], **more}
        started.append(Desk(plan, tmp_path / f"desk-{len(started)}.log"))
        return started[-1]

    yield start
    for each in started:
        each.stop()
