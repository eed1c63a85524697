"""
A second model beside the first: how long a message takes with it, and without.

    python -m benchmarks.shadow                    # deberta-v3-base's shape, random weights: nothing is fetched

The live consumer answers texts that come one by one, `--rate` a second, for so many seconds alone and for as many with
a shadow of the same size that is asked about all of them; in turns. Exit 5 when p99 with it is more than 1.5 times p99
alone.
"""

import json
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks import apps
from benchmarks.checkpoint import SIZES, artifact
from benchmarks.ending import ended_by_limits
from benchmarks.machine import machine
from benchmarks.paced import Paced, poisson
from benchmarks.place import Place
from benchmarks.through_kafka import PARTITIONS
from consumer.errors import LimitError
from local import service
from local.cluster import Cluster
from local.ports import free_port
from local.reader import Reader

MOST = 1.5
ALONE, BESIDE = "alone", "with a shadow beside it"
READY_S = 300  # it loads at a low priority
console = Console(stderr=True)


def measured(
    folder: Path, model: Path, rate: float, rounds: int, seconds: float
) -> tuple[dict[str, list[float]], dict[str, int]]:
    """Seconds to a committed answer, alone and not; and what became of the shadow's records."""
    took: dict[str, list[float]] = {ALONE: [], BESIDE: []}
    fates = {"answered": 0, "failed": 0, "dropped": 0}
    with Cluster(folder / "cluster") as cluster:
        cluster.create_topic("shadow", PARTITIONS)
        for number in range(rounds):
            for name, options in ((ALONE, ()), (BESIDE, ("--shadow-artifact", str(model)))):
                own = f"{number}-{len(options)}"
                cluster.create_topic(f"in.{own}", PARTITIONS)
                service.register_schemas(cluster, options=["--input-topics", f"in.{own}"])
                place = Place(model, model, f"in.{own}", own, options, free_port())
                took[name] += _round(cluster, folder, place, poisson(rate, seconds), fates)
            p99 = ", ".join(f"{name} {np.quantile(times, 0.99):.2f}" for name, times in took.items())
            console.print(f"round {number + 1} of {rounds}: p99 so far, in seconds: {p99}", highlight=False)
    return took, fates


def _round(
    cluster: Cluster, folder: Path, place: Place, moments: Sequence[float], fates: dict[str, int]
) -> list[float]:
    log = folder / "shikyu.log"
    log.unlink(missing_ok=True)
    with (
        apps.shikyu(cluster, folder, place) as child,
        Reader(cluster.bootstrap_servers, place.outputs) as reader,
    ):
        until = time.monotonic() + READY_S
        while place.options and '"shadow-ready"' not in log.read_text():
            service.check(child)
            if time.monotonic() > until:
                raise LimitError(f"the shadow was not loaded within {READY_S} s")
            time.sleep(0.2)
        paced = Paced(cluster, child, reader, place.source, place.outputs[-1])
        paced.send([0.0])
        took = paced.send(moments)
        if place.options:
            for fate in fates:
                fates[fate] += _counted(place, fate)
    return took


def _counted(place: Place, fate: str) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{place.port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    name = f'shikyu_shadow_records_total{{outcome="{fate}"}} '
    return int(float(next(line for line in lines if line.startswith(name)).removeprefix(name)))


@click.command()
@click.option("--size", type=click.Choice(list(SIZES)), default="base", show_default=True)
@click.option("--rate", default=8.0, show_default=True, help="Messages a second.")
@click.option("--rounds", default=2, show_default=True)
@click.option("--seconds", default=40.0, show_default=True, help="How long each is looked at, in a round.")
@click.option("--artifact", "given", type=click.Path(path_type=Path), help="Instead of one that is made for it.")
def main(size: str, rate: float, rounds: int, seconds: float, given: Path | None) -> None:
    """How long a live message takes with a shadow beside it, and without."""
    with tempfile.TemporaryDirectory() as folder:
        model = given or artifact(Path(folder) / "artifact", size)
        took, fates = measured(Path(folder), model, rate, rounds, seconds)
    table = Table("the live consumer", "p50, s", "p99, s", "messages", title=machine())
    quantiles = {}
    for name, times in took.items():
        p50, p99 = np.quantile(times, (0.5, 0.99)).round(3).tolist()
        quantiles[name] = {"p50": p50, "p99": p99}
        table.add_row(name, f"{p50:.3f}", f"{p99:.3f}", str(len(times)))
    console.print(table)
    ratio = round(quantiles[BESIDE]["p99"] / quantiles[ALONE]["p99"], 2)
    told = {"benchmark": "shadow", "machine": machine(), "size": size, "rate": rate, "seconds": quantiles}
    click.echo(json.dumps({**told, "p99_ratio": ratio, "shadow": fates, "versions": apps.versions(with_quix=False)}))
    if ratio > MOST:
        raise LimitError(f"p99 is {ratio:.2f} times as long with a shadow beside it; at most {MOST:g} times may it be")


if __name__ == "__main__":
    ended_by_limits(main)
