"""
shikyu beside what one would write instead: messages a second, and how long a message takes to a committed answer.

    python -m benchmarks.stream                    # deberta-v3-base's shape, random weights: nothing is fetched

A real Kafka, Avro in and out, exactly once, an application at a time. Rates are of a backlog that is there before the
application starts, by its outputs' own timestamps; shikyu's in int8-bf16 too, where that is served. Then shikyu
in int8 and the poll loop get texts one by one, at random moments, at some shares of their own rate: a time is from
production to when a read_committed consumer of ours has the answer. Quix Streams has no times: its windows by count
wait for as many messages as a batch has, and it commits every five seconds. Needs the environments of
locks/optimum.txt and locks/bench-quix.txt (`make .venv-optimum/made .venv-quix/made`).
"""

import json
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks import apps
from benchmarks.answers import Review
from benchmarks.checkpoint import OPTIMUM, SIZES, artifact, checkpoint
from benchmarks.ending import ended_by_limits
from benchmarks.machine import machine
from benchmarks.paced import Paced, poisson
from benchmarks.place import Place
from benchmarks.texts import lengths, texts
from benchmarks.through_kafka import PARTITIONS, backlog_rate, produce
from consumer.cpu_backend import BY_OPENVINO, is_computable
from local import service
from local.cluster import Cluster
from local.reader import Reader

SHIKYU, POLL_LOOP, QUIX = "shikyu int8", "poll loop with pipeline", "Quix Streams with optimum int8"
INT8_BF16 = "shikyu int8-bf16"  # where the processor has bf16 and no AMX
QUIX_EACH = "Quix Streams one at a time with optimum int8"
APPS: Mapping[str, apps.App] = {
    SHIKYU: apps.shikyu,
    INT8_BF16: apps.shikyu,
    POLL_LOOP: apps.poll_loop,
    QUIX: apps.quix,
    QUIX_EACH: apps.quix_each,
}
TIMED = (SHIKYU, POLL_LOOP)
PRECISIONS = {INT8_BF16: BY_OPENVINO}
# So many records fewer take no longer.
SLOWER: Mapping[str, int] = {SHIKYU: 1, INT8_BF16: 1, POLL_LOOP: 8, QUIX: 3, QUIX_EACH: 4}
LOADS = (0.1, 0.5, 0.8)
BURST = "all at once"
WHOLE_BATCHES = 32 * PARTITIONS
console = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class Measured:
    """Messages a second by application, a value a round; seconds to each answer by application and load."""

    rates: dict[str, list[float]]
    times: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def ratio(self, other: str) -> float:
        """How many times as many as another's shikyu's are, paired by round."""
        pairs = zip(self.rates[SHIKYU], self.rates[other], strict=True)
        return statistics.median(ours / theirs for ours, theirs in pairs)


def measured(folder: Path, size: str, records: int, rounds: int, seconds: float, names: Sequence[str]) -> Measured:
    model = artifact(folder / "artifact", size, with_bf16=INT8_BF16 in names)
    (folder / "checkpoint").mkdir()
    checkpoint(folder / "checkpoint", size, QUIX in names or QUIX_EACH in names)
    found = Measured({name: [] for name in names})
    with Cluster(folder / "cluster") as cluster:
        for name in names:
            written = texts(lengths(), _count(name, records), seed=1)
            _input(cluster, f"backlog.{_word(name)}")
            some = [Review(str(number), text, 1) for number, text in enumerate(written)]
            produce(cluster, some, f"backlog.{_word(name)}", keyed_by_partition=name == QUIX)
        for number in range(rounds):
            for name in names:
                place = _place(folder, model, name, f"backlog.{_word(name)}", f"{_word(name)}-{number}")
                with APPS[name](cluster, folder, place) as child:
                    rate = backlog_rate(cluster, child, place, _count(name, records))
                found.rates[name].append(rate)
                console.print(f"round {number + 1} of {rounds}: {name} {rate:,.1f} messages a second", highlight=False)
        for name in names:
            if name in TIMED:
                found.times[name] = _times(cluster, folder, model, name, statistics.median(found.rates[name]), seconds)
    return found


def _count(name: str, records: int) -> int:
    """For Quix Streams' windows whole batches in each partition: the rest would wait for more."""
    count = records // SLOWER[name]
    return max(2 * WHOLE_BATCHES, count // WHOLE_BATCHES * WHOLE_BATCHES) if name == QUIX else count


def _times(
    cluster: Cluster, folder: Path, model: Path, name: str, rate: float, seconds: float
) -> dict[str, list[float]]:
    topic = f"paced.{_word(name)}"
    _input(cluster, topic)
    place = _place(folder, model, name, topic, topic)
    found = {}
    with APPS[name](cluster, folder, place) as child, Reader(cluster.bootstrap_servers, place.outputs) as reader:
        paced = Paced(cluster, child, reader, topic, place.outputs[-1])
        paced.send([0.0])  # until it answers, it has not started
        for load in LOADS:
            moments = poisson(rate * load, seconds)
            found[f"{load:.0%}"] = paced.send(moments)
            _say(name, f"{load:.0%}", found[f"{load:.0%}"])
        found[BURST] = paced.send([0.0] * round(rate * seconds / 2))
        _say(name, BURST, found[BURST])
    return found


def _say(name: str, load: str, times: Sequence[float]) -> None:
    p50, p99 = np.quantile(times, (0.5, 0.99))
    console.print(f"{name}, {load}: p50 {p50:.2f} s, p99 {p99:.2f} s of {len(times)}", highlight=False)


def _input(cluster: Cluster, topic: str) -> None:
    cluster.create_topic(topic, PARTITIONS)
    service.register_schemas(cluster, options=["--input-topics", topic])


def _place(folder: Path, model: Path, app: str, source: str, name: str) -> Place:
    return Place(model, folder / "checkpoint", source, name, precision=PRECISIONS.get(app, "int8"))


def _word(name: str) -> str:
    return name.replace(" ", "-").lower()


def shown(found: Measured) -> None:
    table = Table("messages a second", "median", "from", "to", "shikyu's over it, paired by round", title=machine())
    for name, rates in found.rates.items():
        values = [f"{each:,.1f}" for each in (statistics.median(rates), min(rates), max(rates))]
        table.add_row(name, *values, "" if name == SHIKYU else f"{found.ratio(name):.2f}")
    console.print(table)
    times = Table("seconds to a committed answer", "load", "p50", "p99", "messages")
    for name, loads in found.times.items():
        for load, each in loads.items():
            p50, p99 = np.quantile(each, (0.5, 0.99))
            times.add_row(name, load, f"{p50:.2f}", f"{p99:.2f}", str(len(each)))
    console.print(times)


@click.command()
@click.option("--size", type=click.Choice(list(SIZES)), default="base", show_default=True)
@click.option("--records", default=320, show_default=True, help="Of shikyu's backlog; the others' are smaller.")
@click.option("--rounds", default=2, show_default=True)
@click.option("--seconds", default=10.0, show_default=True, help="How long each load is kept up.")
@click.option("--quix/--no-quix", "with_quix", default=True, help="Whether Quix Streams takes part.")
def main(size: str, records: int, rounds: int, seconds: float, with_quix: bool) -> None:
    """The whole stream beside what one would write instead."""
    apps.require_quix(with_quix)
    if with_quix and not OPTIMUM.exists():
        raise click.ClickException(f"{OPTIMUM} is not there: make .venv-optimum/made, or --no-quix")
    left_out = [*([] if with_quix else [QUIX, QUIX_EACH]), *([] if is_computable(BY_OPENVINO) else [INT8_BF16])]
    names = [name for name in APPS if name not in left_out]
    with tempfile.TemporaryDirectory() as folder:
        found = measured(Path(folder), size, records, rounds, seconds, names)
    shown(found)
    quantiles = {}
    for name, loads in found.times.items():
        quantiles[name] = {
            load: dict(zip(("p50", "p99"), np.quantile(each, (0.5, 0.99)).round(3).tolist(), strict=True))
            for load, each in loads.items()
        }
    click.echo(
        json.dumps(
            {
                "benchmark": "stream",
                "machine": machine(),
                "size": size,
                "rates": found.rates,
                "ratios": {f"{SHIKYU} / {each}": round(found.ratio(each), 3) for each in found.rates if each != SHIKYU},
                "seconds": quantiles,
                "versions": apps.versions(with_quix=with_quix, with_openvino=INT8_BF16 in names),
            }
        )
    )


if __name__ == "__main__":
    ended_by_limits(main)
