"""The demo: a cluster, the consumer, messages at a rate one can watch, and a count of its own at the end."""

import os
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka.schema_registry import SchemaRegistryClient
from rich.console import Console

from consumer.errors import LimitError
from local import fetch, sample, service, ticketing, topics
from local.cluster import Cluster
from local.count import Count, count_all
from local.live_view import LiveView
from local.ports import free_port
from local.processes import Child
from local.reader import Reader
from local.sample import Sample, SampleProducer
from local.steps import step
from local.tally import Tally

LOOK_S = 0.05
# The demo's environment has no pip, and is made by make's own uv.
PAGE_AND_FLIPS = ".venv-uv/bin/uv pip install --python .venv '.[page,flips]'"


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast messages are written, and how long without news until what is missing counts as lost."""

    rate_per_s: float = 20.0
    patience_s: float = 30.0


AT_A_GLANCE = Pace()


class Watch:
    """Reads all four topics, counts, shows; and notices when one of the processes is gone."""

    def __init__(self, cluster: Cluster, consumer: Child, reader: Reader, view: LiveView, count: Count) -> None:
        self._cluster = cluster
        self._consumer = consumer
        self._reader = reader
        self._view = view
        self._count = count

    def look(self, timeout_s: float) -> int:
        """Take what has come within `timeout_s`; how many records that were."""
        self._cluster.check()
        service.check(self._consumer)
        records = self._reader.read(timeout_s)
        for arrival in map(self._count.take, records):
            if arrival:
                self._view.show(arrival)
        self._view.refresh()
        return len(records)


def demo(
    console: Console,
    *,
    keep: bool = False,
    tickets: bool = False,
    samples: Sequence[Sample] | None = None,
    pace: Pace = AT_A_GLANCE,
    shikyu: Sequence[str] = service.SHIKYU,
) -> Tally:
    """
    Run it; the tally of what a reader under read_committed saw.

    Raises StepFailed; LimitError when a record was lost, came twice or came from nowhere.
    """
    chosen = list(sample.load() if samples is None else samples)
    if notice := fetch.notice(fetch.default_cache()):
        console.print(notice, soft_wrap=True, highlight=False)
    with _folder(keep) as folder:
        cluster = Cluster(folder)
        with _started(cluster, console):
            with step(console, "topics and schemas"):
                topics.create(cluster)
                service.register_schemas(cluster, shikyu)
            # Before the messages, so that tickets are opened as they come.
            desk = ticketing.running(cluster, folder, console) if tickets else nullcontext()
            with SchemaRegistryClient({"url": cluster.registry_url, "timeout": 5}) as registry, desk as running:
                produced = _messages(cluster, registry, folder, console, chosen, pace, shikyu)
                with step(console, "count by a new reader"):
                    # Only now: what a consumer writes twice, it may write on its way out.
                    tally = count_all(cluster.bootstrap_servers, registry)
                if running:
                    ticketing.settled(running, folder, tally, console, pace.patience_s)
            if keep:
                _leave(cluster, folder, console, tickets=tickets)
    faults = tally.faults(produced)
    console.print(tally.line(), soft_wrap=True, highlight=False)
    if faults:
        raise LimitError("; ".join(faults))
    return tally


def _messages(
    cluster: Cluster,
    registry: SchemaRegistryClient,
    folder: Path,
    console: Console,
    samples: list[Sample],
    pace: Pace,
    shikyu: Sequence[str],
) -> int:
    """How many records were produced; returns when the consumer has answered them all, or patience ended."""
    count = Count(registry)
    with ExitStack() as stack:
        with step(console, "shikyu run, as a process of its own"):
            consumer = stack.enter_context(service.running(cluster, folder, shikyu))
        with step(console, "messages"):
            reader = stack.enter_context(Reader(cluster.bootstrap_servers, topics.ALL))
            view = stack.enter_context(LiveView(count.tally, console))
            look = Watch(cluster, consumer, reader, view, count).look
            produced = _produce(SampleProducer(cluster.bootstrap_servers, registry), samples, pace.rate_per_s, look)
            _until_all_out(count.tally, produced, pace.patience_s, look)
    return produced


def _produce(producer: SampleProducer, samples: list[Sample], rate_per_s: float, look: Callable[[float], int]) -> int:
    start = time.monotonic()
    produced = 0
    for _ in sample.sending(producer, samples):
        produced += 1
        while (wait_s := start + produced / rate_per_s - time.monotonic()) > 0:
            look(min(wait_s, LOOK_S))
    producer.finish()
    return produced


def _until_all_out(tally: Tally, produced: int, patience_s: float, look: Callable[[float], int]) -> None:
    last_news = time.monotonic()
    while (len(tally.inputs) < produced or tally.lost) and time.monotonic() - last_news < patience_s:
        if look(LOOK_S):
            last_news = time.monotonic()


@contextmanager
def _started(cluster: Cluster, console: Console) -> Iterator[None]:
    try:
        with step(console, "Kafka and the Schema Registry"):
            cluster.__enter__()
        yield
    finally:
        cluster.stop()


@contextmanager
def _folder(keep: bool) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="shikyu-demo-"))
    kept = False
    try:
        yield folder
        kept = keep
    finally:
        if not kept:
            shutil.rmtree(folder, ignore_errors=True)


def _leave(cluster: Cluster, folder: Path, console: Console, *, tickets: bool) -> None:
    numbers = " ".join(map(str, cluster.release()))
    port = free_port()  # else a second demo's, or anybody's 9464, would be in the way
    again = [os.path.relpath(sys.executable), "-m", "local", "sample", "--bootstrap-servers", cluster.bootstrap_servers]
    again += ["--registry-url", cluster.registry_url]
    list_them = f"list the tickets: {ticketing.list_command(folder)}\n" if tickets else ""
    words = (
        f"Kafka stays up at {cluster.bootstrap_servers}, the Schema Registry at {cluster.registry_url}\n"
        f"its data and logs are in {folder}\n"
        f"go on with: {shlex.join(service.typed('run', cluster, port))}\n"
        f"write the samples again: {shlex.join(again)}\n"
        f"watch: {shlex.join(service.typed('top', cluster, port))}\n"
        f"for `shikyu page` (the same flags) and `shikyu flips`: {PAGE_AND_FLIPS}\n"
        f"{list_them}"
        f"stop it by: kill {numbers}; rm -r {folder}"
    )
    console.print(words, soft_wrap=True, highlight=False, markup=False)
