"""
A replay beside a live consumer on the same two cores: how long a message takes with it, and without.

    python -m benchmarks.beside                    # deberta-v3-base's shape, random weights: nothing is fetched
    python -m benchmarks.beside --instant          # the live consumer's model answers at once: what stands around it

The live consumer answers texts that come one by one at half of its own capacity, for so many seconds alone and for as
many with a replay of a backlog beside it, which has nice 19 and one thread; in turns. Exit 5 when p99 with it is more
than 1.5 times p99 alone. The time of each stage of a window, by the consumer's own metrics, says what became slower.
"""

import json
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import numpy as np
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console
from rich.table import Table

from benchmarks import apps
from benchmarks.answers import Review
from benchmarks.checkpoint import SIZES, artifact
from benchmarks.ending import ended_by_limits
from benchmarks.machine import machine
from benchmarks.paced import Paced, poisson
from benchmarks.place import Place
from benchmarks.texts import lengths, texts
from benchmarks.through_kafka import PARTITIONS, backlog_rate, produce
from consumer.errors import LimitError
from local import service
from local.cluster import Cluster
from local.ports import free_port
from local.processes import Child
from local.reader import Reader

LOAD = 0.5
MOST = 1.5
ALONE, BESIDE = "alone", "with a replay beside it"
NICE = ("nice", "-n", "19")  # in a session of its own, as `Child` starts it
STOP_PATIENCE_S = 15
console = Console(stderr=True)


def measured(
    folder: Path, size: str, records: int, rounds: int, seconds: float, *, instant: bool
) -> tuple[float, dict[str, list[float]], dict[str, Counter[str]]]:
    """
    The live consumer's capacity in messages a second, with its own model; alone and not, seconds to a committed answer
    and the sums and counts of its stages.
    """
    live = (sys.executable, "-m", "benchmarks.instant", "tokenizing") if instant else service.SHIKYU
    stages = {name: Counter[str]() for name in (ALONE, BESIDE)}
    model = artifact(folder / "artifact", size)
    took: dict[str, list[float]] = {ALONE: [], BESIDE: []}
    with Cluster(folder / "cluster") as cluster:
        for topic in ("backlog", "live.in"):
            cluster.create_topic(topic, PARTITIONS)
            service.register_schemas(cluster, options=["--input-topics", topic])
        written = texts(lengths(), records, seed=1)
        produce(cluster, [Review(str(number), text, 1) for number, text in enumerate(written)], "backlog")
        place = Place(model, model, "backlog", "capacity")
        with apps.shikyu(cluster, folder, place) as child:
            rate = backlog_rate(cluster, child, place, records)
        console.print(f"{rate:,.1f} messages a second; {LOAD:.0%} of it from now on", highlight=False)
        place = Place(model, model, "live.in", "live", port=free_port())
        with (
            apps.shikyu(cluster, folder, place, live) as child,
            Reader(cluster.bootstrap_servers, place.outputs) as reader,
        ):
            paced = Paced(cluster, child, reader, "live.in", place.outputs[-1])
            paced.send([0.0])
            for number in range(rounds):
                with added_up(place, stages[ALONE]):
                    took[ALONE] += paced.send(poisson(rate * LOAD, seconds))
                with replaying(cluster, folder, place, f"round-{number}") as replay:
                    with added_up(place, stages[BESIDE]):
                        some = paced.send(poisson(rate * LOAD, seconds))
                    if replay.exit_code() is not None:
                        raise LimitError(f"the replay ended before its {seconds:g} s: take more records")
                    took[BESIDE] += some
                _say(number, rounds, took)
    return rate, took, stages


@contextmanager
def added_up(place: Place, stages: Counter[str]) -> Iterator[None]:
    """Adds what the place's metrics say of each stage within it: its seconds, and how often it was gone through."""
    before = _stages(place)
    yield
    after = _stages(place)
    after.subtract(before)
    stages.update(after)


def _stages(place: Place) -> Counter[str]:
    with urllib.request.urlopen(f"http://127.0.0.1:{place.port}/metrics", timeout=5) as response:
        families = text_string_to_metric_families(response.read().decode())
    found: Counter[str] = Counter()
    for sample in (sample for family in families for sample in family.samples):
        for name, stage in (("stage", sample.labels.get("stage", "")), ("window", "whole window")):
            for kind in ("sum", "count"):
                if sample.name == f"shikyu_{name}_duration_seconds_{kind}":
                    found[f"{stage} {kind}"] += sample.value  # type: ignore[assignment]
    return found


@contextmanager
def replaying(cluster: Cluster, folder: Path, place: Place, run: str) -> Iterator[Child]:
    """A replay of the backlog, under way; ended afterwards."""
    answers = ["--output-urgent", place.outputs[0], "--output-routine", place.outputs[1]]
    command = [
        *NICE, *service.SHIKYU, "replay", "--run", run, "--config", str(service.SETTINGS), "--model-threads", "1",
        "--kafka", f"bootstrap.servers={cluster.bootstrap_servers}", "--registry-url", cluster.registry_url,
        "--input-topics", "backlog", "--dead-letters-topic", place.outputs[2], *answers,
        "--model-artifact", str(place.artifact), "--model-precision", "int8",
    ]  # fmt: skip
    log = folder / f"replay-{run}.log"
    child = Child.start(command, folder=service.ROOT, log=log)
    try:
        while '"committed"' not in log.read_text():  # its first answers: from now on it works
            service.check(child)
            time.sleep(0.2)
        yield child
    finally:
        child.stop(STOP_PATIENCE_S)


def _say(number: int, rounds: int, took: dict[str, list[float]]) -> None:
    p99 = ", ".join(f"{name} {np.quantile(times, 0.99):.2f}" for name, times in took.items())
    console.print(f"round {number + 1} of {rounds}: p99 so far, in seconds: {p99}", highlight=False)


@click.command()
@click.option("--size", type=click.Choice(list(SIZES)), default="base", show_default=True)
@click.option("--records", default=1500, show_default=True, help="Of the backlog, which is also what is replayed.")
@click.option("--rounds", default=2, show_default=True)
@click.option("--instant", is_flag=True, help="The live consumer's model answers at once.")
@click.option("--seconds", default=40.0, show_default=True, help="How long each is looked at, in a round.")
def main(size: str, records: int, rounds: int, seconds: float, *, instant: bool) -> None:
    """How long a live message takes with a replay beside it, and without."""
    with tempfile.TemporaryDirectory() as folder:
        rate, took, stages = measured(Path(folder), size, records, rounds, seconds, instant=instant)
    table = Table("the live consumer", "p50, s", "p99, s", "messages", title=machine())
    quantiles = {}
    for name, times in took.items():
        p50, p99 = np.quantile(times, (0.5, 0.99)).round(3).tolist()
        quantiles[name] = {"p50": p50, "p99": p99}
        table.add_row(name, f"{p50:.2f}", f"{p99:.2f}", str(len(times)))
    console.print(table)
    ratio = round(quantiles[BESIDE]["p99"] / quantiles[ALONE]["p99"], 2)
    shown = Table("stage of a window, mean in ms", *stages, title="the live consumer")
    means = {name: _means(found) for name, found in stages.items()}
    for stage in means[ALONE]:
        shown.add_row(stage, *(f"{1000 * each.get(stage, 0):.1f}" for each in means.values()))
    console.print(shown)
    windows = {name: found["whole window count"] for name, found in stages.items()}
    told = {
        "benchmark": "beside", "machine": machine(), "size": size, "instant": instant, "rate": round(rate, 1),
        "seconds": quantiles, "windows": windows, "stages": means,
    }  # fmt: skip
    click.echo(json.dumps({**told, "p99_ratio": ratio, "versions": apps.versions(with_quix=False)}))
    if ratio > MOST:
        raise LimitError(f"p99 is {ratio:.2f} times as long with a replay beside it; at most {MOST:g} times may it be")


def _means(stages: Counter[str]) -> dict[str, float]:
    """Seconds a window: a stage may be gone through several times in it, inference once for each batch."""
    names = [name.removesuffix(" count") for name, count in stages.items() if name.endswith(" count") and count > 0]
    return {name: round(stages[f"{name} sum"] / stages["whole window count"], 5) for name in sorted(names)}


if __name__ == "__main__":
    ended_by_limits(main)
