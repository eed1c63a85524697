"""
What stands around the model: the whole stream over the model alone, and the stream with a model that answers at once.

    python -m benchmarks.overhead                  # deberta-v3-base's shape, random weights: nothing is fetched

A real Kafka, Avro in and out, exactly once, and a backlog that is there before a consumer starts. A rate is counted
from the outputs' own timestamps, from the first window's end to the last record, so no start-up is in it; with the
model from when a third is answered, so that windows have grown. Beside it, how many an application did in a second of
its processor time, from when it had its partitions: what a core of its own would do. `--gpu 20000` adds a model that
answers so many texts a second beside the interpreter, as a GPU does.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from benchmarks.memory import processor_s
from benchmarks.place import Place
from benchmarks.texts import lengths, texts
from benchmarks.through_kafka import INPUT, PARTITIONS, backlog_rate, produce
from consumer.errors import LimitError
from local import service
from local.cluster import Cluster

INSTANT = (sys.executable, "-m", "benchmarks.instant")
WITH_THE_MODEL, QUIX = "with the model", "Quix Streams, at once, not tokenizing"
WAYS: Mapping[str, apps.App] = {
    WITH_THE_MODEL: apps.shikyu,
    "at once, tokenizing": partial(apps.shikyu, command=(*INSTANT, "tokenizing")),
    "at once, not tokenizing": partial(apps.shikyu, command=(*INSTANT, "plain")),
    QUIX: apps.quix_at_once,
}
ALONE = "the model alone"
ALONE_CODE = """
import json, sys, time
from consumer.classify import load
texts = json.load(sys.stdin)
classifier = load(sys.argv[1])
began = time.perf_counter()
classifier.classify(texts)
rate = len(texts) / (time.perf_counter() - began)
print(json.dumps({"rate": rate, "max_batch_tokens": classifier.max_batch_tokens}))
"""
console = Console(stderr=True)


def alone(folder: Path, written: Sequence[str]) -> tuple[float, int]:
    """
    Messages a second by `load(artifact).classify(texts)`, in a process of its own, and the most tokens of its batches.
    """
    command = [sys.executable, "-c", ALONE_CODE, str(folder)]
    done = subprocess.run(command, input=json.dumps(list(written)), stdout=subprocess.PIPE, text=True, check=True)
    told = json.loads(done.stdout)
    return told["rate"], told["max_batch_tokens"]


@dataclass(frozen=True, slots=True)
class Measured:
    """Messages a second by the clock, and of processor time, and the most tokens of a batch; a value a round."""

    rates: dict[str, list[float]]
    by_processor: dict[str, list[float]]
    max_batch_tokens: list[int]


def measured(folder: Path, size: str, slow: int, fast: int, rounds: int, ways: Mapping[str, apps.App]) -> Measured:
    model, shares = artifact(folder / "model", size), lengths()
    rates: dict[str, list[float]] = {ALONE: [], **{way: [] for way in ways}}
    found = Measured(rates, {way: [] for way in ways}, [])
    with Cluster(folder / "cluster") as cluster:
        for count in {slow, fast}:
            written = texts(shares, count, seed=count)
            cluster.create_topic(f"{INPUT}.{count}", PARTITIONS)
            service.register_schemas(cluster, options=["--input-topics", f"{INPUT}.{count}"])
            produce(cluster, [Review(str(place), text, 1) for place, text in enumerate(written)], f"{INPUT}.{count}")
        for number in range(rounds):
            rate, budget = alone(model, texts(shares, slow, seed=slow))
            rates[ALONE].append(rate)
            found.max_batch_tokens.append(budget)
            # Each would measure its own, and by chance another one: what differs then is not what stands around it.
            as_alone = ("--batching-max-batch-tokens", str(budget))
            for turn, way in enumerate(ways):
                count, options = (slow, as_alone) if way == WITH_THE_MODEL else (fast, ())
                place = Place(model, model, f"{INPUT}.{count}", f"bench-{number}-{turn}", options)
                with ways[way](cluster, folder, place) as child:
                    after = count // 3 if way == WITH_THE_MODEL else 0
                    before_s = processor_s(child)
                    try:
                        rates[way].append(backlog_rate(cluster, child, place, count, after=after))
                    except LimitError as error:
                        flag = "--slow" if way == WITH_THE_MODEL else "--fast"
                        raise LimitError(f"{way}, {count:,} records ({flag}): {error}") from error
                    found.by_processor[way].append(count / (processor_s(child) - before_s))
            last = ", ".join(f"{way} {each[-1]:,.0f}" for way, each in rates.items())
            console.print(f"round {number + 1} of {rounds}: {last}", highlight=False)
    return found


@click.command()
@click.option("--size", type=click.Choice(list(SIZES)), default="base", show_default=True)
@click.option("--slow", default=600, show_default=True, help="Records for the consumer with the model.")
@click.option("--fast", default=30_000, show_default=True, help="Records for those that answer at once.")
@click.option("--rounds", default=2, show_default=True)
@click.option("--quix/--no-quix", "with_quix", default=True, help="Whether Quix Streams takes part.")
@click.option("--gpu", type=click.IntRange(min=1), help="A model that answers so many a second beside us, as GPUs do.")
def main(size: str, slow: int, fast: int, rounds: int, with_quix: bool, gpu: int | None) -> None:
    """Messages a second of the whole stream, beside the model alone."""
    apps.require_quix(with_quix)
    ways = {name: way for name, way in WAYS.items() if with_quix or name != QUIX}
    if gpu:
        ways[f"{gpu:,} a second beside us"] = partial(apps.shikyu, command=(*INSTANT, str(gpu)))
    with tempfile.TemporaryDirectory() as folder:
        found = measured(Path(folder), size, slow, fast, rounds, ways)
    rates = found.rates
    ratio = statistics.median(whole / model for whole, model in zip(rates[WITH_THE_MODEL], rates[ALONE], strict=True))
    table = Table("messages a second", "median", "from", "to", "of processor time", title=machine())
    for way, each in rates.items():
        values = [statistics.median(each), min(each), max(each)]
        values += [statistics.median(found.by_processor[way])] if way in found.by_processor else []
        table.add_row(way, *(f"{value:,.0f}" for value in values))
    console.print(table)
    aim = " (aim: 0.95)" if size == "base" else ""
    console.print(f"the whole stream over the model alone: {ratio:.3f}{aim}", highlight=False)
    told = {"benchmark": "overhead", "machine": machine(), "size": size, "rates": rates, "ratio": round(ratio, 3)}
    told |= {"by_processor": found.by_processor, "max_batch_tokens": found.max_batch_tokens}
    click.echo(json.dumps({**told, "versions": apps.versions(with_quix=with_quix)}))


if __name__ == "__main__":
    ended_by_limits(main)
