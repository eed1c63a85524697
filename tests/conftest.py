"""What tests of every room share: the real cluster, and topics of their own in it."""

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

# Before torch is loaded: threads that spin while they wait take the cores from the brokers beside them.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

_numbers = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    What may take longest comes first: files are dealt out to two processes, and a long one at the end leaves one idle.

    Of files, by the longest limit that one of their tests has; a file's own tests stay in their order.
    """
    limits: dict[Path, float] = {}
    for item in items:
        marker = item.get_closest_marker("timeout")
        limits[item.path] = max(limits.get(item.path, 0), float(marker.args[0]) if marker and marker.args else 0)
    items.sort(key=lambda item: -limits[item.path])


@pytest.fixture(autouse=True)
def own_log() -> Iterator[None]:
    """What a test configured of the log, it takes with it: its stream is closed when the next one writes."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator["object"]:
    """
    The real Kafka and Schema Registry, one of each for the whole run.

    Without the `local` extra a laptop skips what needs them; with CI set, that is a failure.
    """
    try:
        from local.cluster import Cluster
    except ImportError as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"the local extra is not installed ({missing.name}): pip install '.[local]'")
    with Cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


def _python_of(environment: str) -> Path:
    """
    Of an environment that the Makefile makes.

    Without it a laptop skips what needs it; with CI set, that is a failure.
    """
    python = Path(__file__).parents[1] / environment / "bin" / "python"
    if not python.exists():
        if os.environ.get("CI"):
            pytest.fail(f"{python} is not there: make {environment}/made")
        pytest.skip(f"{python} is not there: make {environment}/made")
    return python


@pytest.fixture(scope="session")
def optimum() -> Path:
    """The Python of locks/optimum.txt, which `make test` makes."""
    return _python_of(".venv-optimum")


@pytest.fixture(scope="session")
def quix() -> Path:
    """The Python of locks/bench-quix.txt, which `make bench` makes, and `make test` with CI=true."""
    return _python_of(".venv-quix")


@pytest.fixture
def name() -> str:
    """A prefix for topics and groups that no other test uses."""
    return f"t{os.getpid()}-{next(_numbers)}"


@pytest.fixture
def topics(cluster, name) -> Callable[..., dict[str, str]]:
    """Creates the four topics of one consumer and returns their names by role."""

    def create(partitions: int = 3, **config: str) -> dict[str, str]:
        roles = {role: f"{name}.{role}" for role in ("input", "urgent", "routine", "dead")}
        for topic in roles.values():
            cluster.create_topic(
                topic, partitions, config={key.replace("_", "."): value for key, value in config.items()}
            )
        return roles

    return create


@pytest.fixture
def tiny() -> Path:
    """An artifact with random weights, small enough to be committed."""
    return Path(__file__).parent / "artifacts" / "tiny"
