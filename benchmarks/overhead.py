"""
What stands around the model: the whole stream over the model alone, and the stream with a model that answers at once.

    python -m benchmarks.overhead                  # deberta-v3-base's shape, random weights: nothing is fetched

A real Kafka, Avro in and out, exactly once, and a backlog that is there before a consumer starts. A rate is counted
from the outputs' own timestamps, from the first window's end to the last record, so no start-up is in it.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from confluent_kafka import Consumer, TopicPartition
from rich.console import Console
from rich.table import Table

from benchmarks.answers import Review
from benchmarks.checkpoint import SIZES, artifact
from benchmarks.machine import machine
from benchmarks.stream import INPUT, PARTITIONS, produce
from benchmarks.texts import lengths, texts
from consumer.errors import LimitError
from local import service
from local.cluster import Cluster
from local.processes import Child
from local.reader import Reader
from local.service import SHIKYU

PATIENCE_S = 600
INSTANT = (sys.executable, "-m", "benchmarks.instant")
WAYS: dict[str, Sequence[str]] = {
    "with the model": SHIKYU,
    "at once, tokenizing": (*INSTANT, "tokenizing"),
    "at once, not tokenizing": (*INSTANT, "plain"),
}
ALONE = "the model alone"
ALONE_CODE = """
import json, sys, time
from consumer.classify import load
texts = json.load(sys.stdin)
classifier = load(sys.argv[1])
began = time.perf_counter()
classifier.classify(texts)
print(len(texts) / (time.perf_counter() - began))
"""
console = Console(stderr=True)


def alone(folder: Path, written: Sequence[str]) -> float:
    """Messages a second by `load(artifact).classify(texts)`, in a process of its own."""
    command = [sys.executable, "-c", ALONE_CODE, str(folder)]
    done = subprocess.run(command, input=json.dumps(list(written)), capture_output=True, text=True, check=True)
    return float(done.stdout)


def streamed(cluster: Cluster, folder: Path, model: Path, way: str, name: str, count: int) -> float:
    """Messages a second of one consumer with the first `count` records of the input."""
    outputs = [f"urgent.{name}", f"routine.{name}", f"dead.{name}"]
    for topic in outputs:
        cluster.create_topic(topic, PARTITIONS)
    answers_to = ["--output-urgent", outputs[0], "--output-routine", outputs[1]]
    service.register_schemas(cluster, options=answers_to)
    options = [
        *answers_to,
        *("--dead-letters-topic", outputs[2], "--delivery-group-id", name, "--model-artifact", str(model)),
        *("--input-topics", f"{INPUT}.{count}"),
    ]
    with service.running(cluster, folder, shikyu=WAYS[way], options=options) as child:
        _until_committed(cluster, child, name, f"{INPUT}.{count}", count)
    times = sorted(record.timestamp_ms or 0 for record in _all(cluster, outputs))
    if len(times) != count:
        raise LimitError(f"{way}: {count} in, {len(times)} out")
    first_window: int = sum(each <= times[0] + 50 for each in times)  # its outputs are produced within milliseconds
    seconds: float = (times[-1] - times[0]) / 1000
    return (count - first_window) / seconds


def _until_committed(cluster: Cluster, child: Child, group: str, topic: str, count: int) -> None:
    end = time.monotonic() + PATIENCE_S
    places = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
    asks = Consumer({"bootstrap.servers": cluster.bootstrap_servers, "group.id": group, "enable.auto.commit": False})
    try:
        while sum(max(0, each.offset) for each in asks.committed(places, timeout=10)) < count:
            service.check(child)
            if time.monotonic() > end:
                raise LimitError(f"{group}: not all of {count} records were answered within {PATIENCE_S} s")
            time.sleep(0.5)
    finally:
        asks.close()


def _all(cluster: Cluster, topics: Sequence[str]) -> list[Any]:
    found: list[Any] = []
    with Reader(cluster.bootstrap_servers, topics) as reader:
        while not reader.is_at_end:
            found += reader.read(0.2)
    return found


def measured(folder: Path, size: str, slow: int, fast: int, rounds: int) -> dict[str, list[float]]:
    model, shares = artifact(folder / "model", size), lengths(None)
    rates: dict[str, list[float]] = {ALONE: [], **{way: [] for way in WAYS}}
    with Cluster(folder / "cluster") as cluster:
        for count in {slow, fast}:
            written = texts(shares, count, seed=count)
            cluster.create_topic(f"{INPUT}.{count}", PARTITIONS)
            service.register_schemas(cluster, options=["--input-topics", f"{INPUT}.{count}"])
            produce(cluster, [Review(str(place), text, 1) for place, text in enumerate(written)], f"{INPUT}.{count}")
        for number in range(rounds):
            rates[ALONE].append(alone(model, texts(shares, slow, seed=slow)))
            for place, way in enumerate(WAYS):
                count = slow if way == "with the model" else fast
                rates[way].append(streamed(cluster, folder, model, way, f"bench-{number}-{place}", count))
            last = ", ".join(f"{way} {each[-1]:,.0f}" for way, each in rates.items())
            console.print(f"round {number + 1} of {rounds}: {last}", highlight=False)
    return rates


@click.command()
@click.option("--size", type=click.Choice(list(SIZES)), default="base", show_default=True)
@click.option("--slow", default=1500, show_default=True, help="Records for the consumer with the model.")
@click.option("--fast", default=100_000, show_default=True, help="Records for those that answer at once.")
@click.option("--rounds", default=2, show_default=True)
def main(size: str, slow: int, fast: int, rounds: int) -> None:
    """Messages a second of the whole stream, beside the model alone."""
    with tempfile.TemporaryDirectory() as folder:
        rates = measured(Path(folder), size, slow, fast, rounds)
    ratio = statistics.median(whole / model for whole, model in zip(rates["with the model"], rates[ALONE], strict=True))
    table = Table("messages a second", "median", "from", "to", title=machine())
    for way, each in rates.items():
        table.add_row(way, *(f"{value:,.0f}" for value in (statistics.median(each), min(each), max(each))))
    console.print(table)
    console.print(f"the whole stream over the model alone: {ratio:.3f} (aim: 0.95)", highlight=False)
    click.echo(json.dumps({"benchmark": "overhead", "machine": machine(), "rates": rates, "ratio": round(ratio, 3)}))


if __name__ == "__main__":
    main()
