"""
How the stream grows: with consumers and threads, partitions, the length of messages, and the backlog.

    python -m benchmarks.scale                     # deberta-v3-base's shape, random weights: nothing is fetched

A real Kafka, Avro in and out, exactly once. Consumers and threads take turns, forth and back; they and lengths are
measured with the model, partitions and backlogs with one that answers at once, for what they cost stands around it.
Memory is resident at the end; `shared out` counts a page that several processes have by their share of it. Batches have
up to 512 tokens. `commit` is the mean of a window's transaction.
"""

import json
import re
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from benchmarks import apps
from benchmarks.answers import Review
from benchmarks.checkpoint import SIZES, artifact
from benchmarks.ending import ended_by_limits
from benchmarks.machine import machine
from benchmarks.memory import resident_mb, shared_out_mb
from benchmarks.overhead import INSTANT
from benchmarks.place import Place
from benchmarks.texts import alike, lengths, texts
from benchmarks.through_kafka import backlog_rate, produce, wait_for_members
from local import service
from local.cluster import Cluster
from local.ports import free_port

PLAIN = partial(apps.member, command=(*INSTANT, "plain"))
LONGEST, MEAN_TOKENS = 512, 63  # of the committed lengths
PARTITIONS = 6
WINDOWS = 4  # at least, or a quick machine has all of its few long texts in one, and there is no rate
# Each would measure its own, and by chance another one: what differs then is not what is asked.
MAX_BATCH_TOKENS = 512
BUDGET = ("--batching-max-batch-tokens", str(MAX_BATCH_TOKENS))
console = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class Row:
    """`rates` has one a round. MB of all consumers together; the mean of a window's transaction in milliseconds."""

    what: str
    records: int
    rates: list[float]
    resident_mb: float
    shared_out_mb: float
    commit_ms: float

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)


# On one machine: what a core does, whether a second one does as much, threads beside processes, and processes that
# nobody gave cores of their own.
ON_ONE_MACHINE = (
    ("1 consumer, 1 thread", 1, 1),
    ("2 consumers, 1 thread each", 2, 1),
    ("1 consumer, 2 threads", 1, 2),
    ("2 consumers, 2 threads each", 2, 2),
)


class Bench:
    def __init__(self, cluster: Cluster, folder: Path, model: Path) -> None:
        self._cluster, self._folder, self._model = cluster, folder, model
        self._rows: dict[str, Row] = {}
        self._measured = 0

    @property
    def rows(self) -> list[Row]:
        return list(self._rows.values())

    def measure(
        self,
        what: str,
        written: Sequence[str],
        records: int,
        *,
        partitions: int = PARTITIONS,
        consumers: int = 1,
        app: apps.App = apps.member,
        options: Sequence[str] = (),
        ready_first: bool = False,
    ) -> None:
        """
        What was measured before gets a further rate. `ready_first`: records are produced once all consumers share the
        partitions, as many to each; else before.
        """
        name = f"scale-{self._measured}"
        self._measured += 1
        source = f"{name}.in"
        self._cluster.create_topic(source, partitions)
        service.register_schemas(self._cluster, options=["--input-topics", source])
        options = (*BUDGET, *options)
        places = [Place(self._model, self._model, source, name, options, free_port()) for _ in range(consumers)]
        apps.outputs(self._cluster, places[0])
        backlog = [Review(str(number), text, 1) for number, text in enumerate(written[:records])]
        if not ready_first:
            produce(self._cluster, backlog, source)
        with ExitStack() as stack:
            children = [stack.enter_context(app(self._cluster, self._folder, place)) for place in places]
            since_ms = None
            if ready_first:
                wait_for_members(self._cluster, children[0], name, consumers)
                since_ms = time.time() * 1000
                produce(self._cluster, backlog, source, keyed_by_partition=True)
            rate = backlog_rate(self._cluster, children[0], places[0], records, since_ms)
            resident, shared_out = (sum(map(each, children)) for each in (resident_mb, shared_out_mb))
            commit_ms = sum(_commit_ms(place.port or 0) for place in places) / consumers
        before = self._rows[what].rates if what in self._rows else []
        self._rows[what] = Row(what, records, [*before, rate], resident, shared_out, commit_ms)
        console.print(f"{what}: {rate:,.1f} messages a second, {resident:,.0f} MB", highlight=False)


def _commit_ms(port: int) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as response:
        told = response.read().decode()

    def value(kind: str) -> float:
        found = re.search(rf'^shikyu_stage_duration_seconds_{kind}{{stage="publish"}} (\S+)$', told, re.MULTILINE)
        return float(found[1]) if found else 0.0

    return 1000 * value("sum") / max(1.0, value("count"))


def measured(
    folder: Path,
    size: str,
    records: int,
    rounds: int,
    partitions: Sequence[int],
    tokens: Sequence[int],
    backlogs: Sequence[int],
) -> list[Row]:
    model = artifact(folder / "artifact", size, LONGEST)
    written = texts(lengths(), max(records, *backlogs), seed=1)
    with Cluster(folder / "cluster") as cluster:
        bench = Bench(cluster, folder, model)
        for number in range(rounds):
            for what, consumers, threads in ON_ONE_MACHINE[:: -1 if number % 2 else 1]:  # forth and back
                options = ["--model-threads", str(threads)]
                bench.measure(what, written, records, consumers=consumers, options=options, ready_first=True)
        for count in tokens:
            some = max(10, records * MEAN_TOKENS // count)
            options = ["--batching-max-window-records", str(some // WINDOWS)]
            bench.measure(f"{count} tokens each", texts(alike(count), some, seed=count), some, options=options)
        for count in partitions:
            bench.measure(f"{count} partitions", written, min(backlogs), partitions=count, app=PLAIN)
        for count in backlogs:
            bench.measure(f"a backlog of {count:,}", written, count, app=PLAIN)
    return bench.rows


@click.command()
@click.option("--size", type=click.Choice(list(SIZES)), default="base", show_default=True)
@click.option(
    "--records",
    default=200,
    show_default=True,
    help="With the model; of longer messages fewer. Two consumers want 800: their halves differ.",
)
@click.option(
    "--rounds", type=click.IntRange(1), default=2, show_default=True, help="Of consumers and threads; all else once."
)
@click.option("--partitions", multiple=True, default=(1, 20, 200), show_default=True)
@click.option("--tokens", multiple=True, type=click.IntRange(3, LONGEST), default=(16, 128, 512), show_default=True)
@click.option("--backlog", "backlogs", multiple=True, default=(50_000, 1_000_000), show_default=True)
def main(
    size: str,
    records: int,
    rounds: int,
    partitions: tuple[int, ...],
    tokens: tuple[int, ...],
    backlogs: tuple[int, ...],
) -> None:
    """How throughput, memory and commit time grow."""
    with tempfile.TemporaryDirectory() as folder:
        rows = measured(Path(folder), size, records, rounds, partitions, tokens, backlogs)
    table = Table("", "records", "messages a second", "MB", "MB, shared out", "commit, ms", title=machine())
    for row in rows:
        table.add_row(
            row.what,
            f"{row.records:,}",
            f"{row.rate:,.1f}" + (f" ({min(row.rates):,.1f}–{max(row.rates):,.1f})" if len(row.rates) > 1 else ""),
            *(f"{each:,.1f}" for each in (row.resident_mb, row.shared_out_mb, row.commit_ms)),
        )
    console.print(table)
    ratio = statistics.median(two / one for one, two in zip(rows[0].rates, rows[1].rates, strict=True))
    aim = " (aim: 1.8 on two cores)" if size == "base" else ""
    console.print(f"2 consumers over 1, a thread each: {ratio:.2f}{aim}", highlight=False)
    told: dict[str, object] = {
        "benchmark": "scale",
        "max_batch_tokens": MAX_BATCH_TOKENS,
        "machine": machine(),
        "size": size,
        "rows": [{**asdict(row), "rate": row.rate} for row in rows],
    }
    versions = apps.versions(with_quix=False)
    click.echo(json.dumps({**told, "two_consumers_over_one": round(ratio, 3), "versions": versions}))


if __name__ == "__main__":
    ended_by_limits(main)
