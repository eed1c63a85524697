"""The applications that are measured beside each other in a real Kafka, each in a process of its own."""

import importlib.metadata
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import click

from benchmarks.checkpoint import ROOT, environment
from benchmarks.place import Place
from benchmarks.through_kafka import PARTITIONS, wait_for_members
from local import service
from local.cluster import Cluster
from local.processes import Child

QUIX = ROOT / ".venv-quix" / "bin" / "python"
STOP_PATIENCE_S = 15
# The broker's clock: Quix Streams gives an answer its message's own time.
APPENDED_AT = {"message.timestamp.type": "LogAppendTime"}


def require_quix(wanted: bool) -> None:
    if wanted and not QUIX.exists():
        raise click.ClickException(f"{QUIX} is not there: make .venv-quix/made, or --no-quix")


def versions(*, with_quix: bool, with_openvino: bool = False) -> dict[str, dict[str, str]]:
    """Of what each application stands on."""
    openvino = ("openvino",) if with_openvino else ()
    ours = ("shikyu", "confluent-kafka", "onnxruntime", *openvino, "transformers", "torch")
    theirs = ("quixstreams", "confluent-kafka", "onnxruntime", "optimum", "transformers")
    code = f"import importlib.metadata as m, json; print(json.dumps({{n: m.version(n) for n in {theirs}}}))"
    found = {"ours and the poll loop's": {name: importlib.metadata.version(name) for name in ours}}
    if with_quix:
        done = subprocess.run([str(QUIX), "-c", code], capture_output=True, text=True, check=True)
        found["Quix Streams'"] = json.loads(done.stdout)
    return found


App = Callable[[Cluster, Path, Place], AbstractContextManager[Child]]


@contextmanager
def shikyu(cluster: Cluster, folder: Path, place: Place, command: Sequence[str] = service.SHIKYU) -> Iterator[Child]:
    """`shikyu run`, ready for messages."""
    outputs(cluster, place)
    with member(cluster, folder, place, command) as child:
        yield child


def outputs(cluster: Cluster, place: Place) -> None:
    """Topics for the answers of a place, and shikyu's schemas of them."""
    for topic in place.outputs:
        cluster.create_topic(topic, PARTITIONS, APPENDED_AT)
    service.register_schemas(cluster, options=_answers_to(place))


def _answers_to(place: Place) -> list[str]:
    return ["--output-urgent", place.outputs[0], "--output-routine", place.outputs[1]]


@contextmanager
def member(cluster: Cluster, folder: Path, place: Place, command: Sequence[str] = service.SHIKYU) -> Iterator[Child]:
    """A consumer of the place's group, as `shikyu`, where the outputs are there."""
    model = ["--model-artifact", str(place.artifact), "--model-precision", place.precision]
    more = ["--dead-letters-topic", place.outputs[2], "--delivery-group-id", place.name, "--input-topics", place.source]
    options = [*_answers_to(place), *model, *more, *place.options]
    with service.running(cluster, folder, shikyu=command, options=options, port=place.port) as child:
        yield child


def poll_loop(cluster: Cluster, folder: Path, place: Place) -> AbstractContextManager[Child]:
    return _script(cluster, folder, place, Path(sys.executable), "poll_loop.py", str(place.checkpoint))


def quix(cluster: Cluster, folder: Path, place: Place) -> AbstractContextManager[Child]:
    return _script(cluster, folder, place, QUIX, "quix_app.py", str(place.checkpoint), str(folder / place.name))


def quix_each(cluster: Cluster, folder: Path, place: Place) -> AbstractContextManager[Child]:
    where = str(place.checkpoint), str(folder / place.name)
    return _script(cluster, folder, place, QUIX, "quix_app.py", *where, "each")


def quix_at_once(cluster: Cluster, folder: Path, place: Place) -> AbstractContextManager[Child]:
    return _script(cluster, folder, place, QUIX, "quix_app.py", "at-once", str(folder / place.name))


@contextmanager
def _script(cluster: Cluster, folder: Path, place: Place, python: Path, *command: str) -> Iterator[Child]:
    """An application that has its partitions, as `shikyu run` is ready when it has them."""
    for topic in place.outputs:
        cluster.create_topic(topic, PARTITIONS, APPENDED_AT)
    script, *more = command
    where = [cluster.bootstrap_servers, cluster.registry_url, place.source, place.outputs[0], place.name]
    child = Child.start(
        [str(python), str(ROOT / "benchmarks" / script), *where, *more],
        folder=ROOT,
        log=folder / f"{script}.log",
        environment=environment(),
    )
    try:
        wait_for_members(cluster, child, place.name, 1)
        yield child
    finally:
        child.stop(STOP_PATIENCE_S)
