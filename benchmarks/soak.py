"""
Half an hour at 80 % load: whether memory stays what it is, and answers as quick.

    python -m benchmarks.soak                      # deberta-v3-base's shape, random weights: nothing is fetched

Texts come one by one, at random moments, as in benchmarks.stream. The time falls into thirds, the first to warm up in:
exit 5 when the last third's memory is more than 2 % above the middle third's, or its p99 half as long again.
"""

import json
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks import apps
from benchmarks.answers import Review
from benchmarks.checkpoint import SIZES, artifact
from benchmarks.ending import ended_by_limits
from benchmarks.machine import machine
from benchmarks.memory import resident_mb
from benchmarks.paced import Paced, poisson
from benchmarks.place import Place
from benchmarks.texts import lengths, texts
from benchmarks.through_kafka import PARTITIONS, backlog_rate, produce
from consumer.cpu_backend import BY_OPENVINO, require_computable
from consumer.errors import LimitError
from local import service
from local.cluster import Cluster
from local.reader import Reader

LOAD = 0.8
MOST_GROWTH, MOST_LONGER = 0.02, 0.5
BEHIND_S = 5.0  # as the median of a third: the load is not kept, and a backlog grows
THIRDS = ("first", "middle", "last")
console = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class Third:
    """Of one third of the time: mean resident memory, and the times from production to a committed answer."""

    resident_mb: float
    p50_s: float
    p99_s: float
    messages: int


def measured(folder: Path, size: str, minutes: float, records: int, precision: str) -> tuple[float, list[Third]]:
    """Messages a second that it can do, and the thirds at 80 % of that."""
    model = artifact(folder / "artifact", size, with_bf16=precision == BY_OPENVINO)
    with Cluster(folder / "cluster") as cluster:
        for topic in ("backlog", "soak.in"):
            cluster.create_topic(topic, PARTITIONS)
            service.register_schemas(cluster, options=["--input-topics", topic])
        written = texts(lengths(), records, seed=1)
        produce(cluster, [Review(str(number), text, 1) for number, text in enumerate(written)], "backlog")
        place = Place(model, model, "backlog", "capacity", precision=precision)
        with apps.shikyu(cluster, folder, place) as child:
            rate = backlog_rate(cluster, child, place, records)
        console.print(f"{rate:,.1f} messages a second; {minutes:g} minutes at {LOAD:.0%} of it", highlight=False)
        place = Place(model, model, "soak.in", "soak", precision=precision)
        with apps.shikyu(cluster, folder, place) as child, Reader(cluster.bootstrap_servers, place.outputs) as reader:
            paced = Paced(cluster, child, reader, "soak.in", place.outputs[-1])
            paced.send([0.0])
            memory: list[tuple[float, float]] = []
            moments = poisson(rate * LOAD, minutes * 60)
            took = paced.send(moments, lambda passed: memory.append((passed, resident_mb(child))))
    return rate, thirds(moments, took, memory, minutes * 60)


def thirds(
    moments: Sequence[float], took: Sequence[float], memory: Sequence[tuple[float, float]], seconds: float
) -> list[Third]:
    """`took` are the times of texts that were sent at these moments, `memory` has a moment beside each figure."""
    found = []
    for number in range(len(THIRDS)):
        start, end = seconds * number / len(THIRDS), seconds * (number + 1) / len(THIRDS)
        times = [each for moment, each in zip(moments, took, strict=True) if start <= moment < end]
        resident = [mb for moment, mb in memory if start <= moment < end]
        p50, p99 = np.quantile(times, (0.5, 0.99)).tolist()
        found.append(Third(statistics.fmean(resident), p50, p99, len(times)))
    return found


@click.command()
@click.option("--size", type=click.Choice(list(SIZES)), default="base", show_default=True)
@click.option(
    "--minutes", default=30.0, show_default=True, help="Under load; some more go before, to see what it can do."
)
@click.option("--records", default=1000, show_default=True, help="Of the backlog that says how much it can do.")
@click.option("--precision", type=click.Choice(["int8", BY_OPENVINO]), default="int8", show_default=True)
def main(size: str, minutes: float, records: int, precision: str) -> None:
    """Memory and times at 80 % load, a third of the time after the other."""
    require_computable([precision])
    with tempfile.TemporaryDirectory() as folder:
        rate, found = measured(Path(folder), size, minutes, records, precision)
    table = Table("third", "MB resident", "p50, s", "p99, s", "messages", title=machine())
    for name, each in zip(THIRDS, found, strict=True):
        table.add_row(name, f"{each.resident_mb:,.1f}", f"{each.p50_s:.2f}", f"{each.p99_s:.2f}", f"{each.messages:,}")
    console.print(table)
    _, middle, last = found
    growth, longer = last.resident_mb / middle.resident_mb - 1, last.p99_s / middle.p99_s - 1
    rows = {name: asdict(each) for name, each in zip(THIRDS, found, strict=True)}
    told = {"benchmark": "soak", "machine": machine(), "size": size, "minutes": minutes, "rate": round(rate, 1)}
    told |= {"precision": precision, "versions": apps.versions(with_quix=False, with_openvino=precision == BY_OPENVINO)}
    click.echo(json.dumps({**told, "thirds": rows, "growth": round(growth, 4), "p99_longer": round(longer, 3)}))
    require_kept(found)
    require_flat(growth, longer)


def require_kept(found: Sequence[Third]) -> None:
    """LimitError when messages wait for one another: what was measured is then a backlog."""
    for name, each in zip(THIRDS, found, strict=True):
        if each.p50_s > BEHIND_S:
            raise LimitError(
                f"half of the messages of the {name} third took longer than {each.p50_s:.1f} s: the load was not kept, "
                "for whoever sends and reads takes a part of these cores too; beside a small model that is most of it"
            )


def require_flat(growth: float, longer: float) -> None:
    """LimitError when memory or p99 grew from the middle third to the last by more than it may."""
    if growth > MOST_GROWTH:
        raise LimitError(
            f"memory grew by {growth:.1%} from the middle third to the last; at most {MOST_GROWTH:.0%} may"
        )
    if longer > MOST_LONGER:
        raise LimitError(f"p99 grew by {longer:.0%} from the middle third to the last; at most {MOST_LONGER:.0%} may")


if __name__ == "__main__":
    ended_by_limits(main)
