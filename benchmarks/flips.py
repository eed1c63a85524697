"""
How long `shikyu flips` takes over many answers, and how much memory.

    python -m benchmarks.flips                       # a million messages, each answered live and by a replay

A real Kafka holds the answers, in Avro with a registry unless --format says otherwise. `shikyu flips` then runs as a
process of its own, with --html, --json and an attribute; the most memory that it had resident is what the kernel tells
at its end.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click
import numpy as np
from confluent_kafka import Producer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from benchmarks.ending import ended_by_limits
from benchmarks.machine import machine
from consumer.encode import Encoder
from consumer.errors import LimitError
from consumer.flips.count import Figures
from consumer.records import Decision, Message, ModelVersion, OutputRecord, Record, Satisfaction
from consumer.registration import register, targets
from consumer.run_names import LIVE, own_topic
from consumer.schema_registry import connect
from consumer.schema_store import open_store
from consumer.settings import Format, Output, Settings
from local.cluster import Cluster

RUN, PARTITIONS = "new-model", 6
URGENT, ROUTINE = "urgent", "routine"
REDRAWN, THRESHOLD = 0.02, 0.7
MOST_MB = 2000
START_MS, EVERY_MS = 1_790_000_000_000, 2_000
WORDS = "My parcel has not come, and nobody answers. I have written three times by now. "


@dataclass(frozen=True)
class Measured:
    seconds: float
    most_mb: float
    figures: Figures


@click.command()
@click.option(
    "--messages", type=click.IntRange(100), default=1_000_000, show_default=True, help="Answered by each side."
)
@click.option("--format", "output_format", type=click.Choice(["avro", "json"]), default="avro", show_default=True)
@click.option("--with-text", is_flag=True, help="Keep the texts of the flips that are listed, as `shikyu flips` does.")
def main(messages: int, output_format: Format, with_text: bool) -> None:
    """Measures `shikyu flips`; exit code 5 when it takes more than 2 GB or counts wrongly."""
    with tempfile.TemporaryDirectory() as folder, Cluster(Path(folder) / "cluster") as cluster:
        flags = _answers(cluster, messages, output_format)
        found = _measured(flags, Path(folder), with_text=with_text)
        line = {
            "messages": messages, "format": output_format, "with_text": with_text, "seconds": round(found.seconds, 1),
            "most_mb": round(found.most_mb), "flips": found.figures["flips"], "machine": machine(),
        }  # fmt: skip
        click.echo(json.dumps(line))
        _check(found, messages)


def _check(found: Measured, messages: int) -> None:
    if found.figures["compared"] != messages:
        raise LimitError(f"compared were {found.figures['compared']} of {messages} messages")
    was, now = (_urgencies(run, messages) >= THRESHOLD for run in (LIVE, RUN))
    drawn = {"to_urgent": int((now & ~was).sum()), "to_routine": int((was & ~now).sum())}
    counted = {to: found.figures["flips"][to]["messages"] for to in drawn}
    if counted != drawn:
        raise LimitError(f"counted were {counted}, and drawn were {drawn}")
    if found.most_mb > MOST_MB:
        raise LimitError(f"it took {found.most_mb:.0f} MB where {MOST_MB} are the limit")


def _measured(flags: list[str], folder: Path, *, with_text: bool) -> Measured:
    json_file = folder / "flips.json"
    command = [
        *(sys.executable, "-m", "consumer.cli", "flips", "--run", RUN, "--slice", "plan", *flags),
        *("--json", str(json_file), "--html", str(folder / "flips.html"), *(["--with-text"] if with_text else [])),
    ]
    begun = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise LimitError(f"shikyu flips ended with {process.returncode}")
    figures = json.loads(json_file.read_bytes())
    return Measured(time.monotonic() - begun, used.ru_maxrss * 1024 / 1e6, figures)


def _answers(cluster: Cluster, messages: int, output_format: Format) -> list[str]:
    """Writes both sides' answers, and returns the flags to find them by."""
    where = cluster.registry_url if output_format == "avro" else None
    live = Output(format=output_format, urgent=URGENT, routine=ROUTINE)
    replayed = Output(
        format=output_format,
        urgent=own_topic(live.urgent, RUN),
        routine=own_topic(live.routine, RUN),
    )
    for run, output in ((LIVE, live), (RUN, replayed)):
        for topic in (output.urgent, output.routine):
            cluster.create_topic(topic, PARTITIONS)
        if where is not None:
            with connect(where, {"timeout": "30"}) as client:  # nothing asks again here
                register(client, where, targets(Settings(output=output), ["classified-message"]))
        with open_store(where, {}, ()) as store:
            _publish(cluster, _encoded(Encoder(output, store), run, messages), run, messages)
    flags = ["--kafka", f"bootstrap.servers={cluster.bootstrap_servers}", "--output-format", output_format]
    flags += ["--output-urgent", live.urgent, "--output-routine", live.routine]
    return [*flags, *([] if where is None else ["--registry-url", where])]


def _urgencies(run: str, messages: int) -> NDArray[np.float64]:
    """Both sides' are those of one draw, but for the share REDRAWN of them."""
    draw = np.random.default_rng(0)
    before, others, redrawn = draw.random(messages), draw.random(messages), draw.random(messages) < REDRAWN
    return before if run == LIVE else np.where(redrawn, others, before)


def _encoded(encoder: Encoder, run: str, messages: int) -> Iterator[OutputRecord]:
    urgencies = _urgencies(run, messages)
    model, now = ModelVersion("support", "2" if run != LIVE else "1", "int8"), datetime.now(UTC)
    labels = list(Satisfaction)
    for row, urgency in enumerate(urgencies.tolist()):
        source = Record("customer-messages", row % PARTITIONS, row // PARTITIONS, START_MS + row * EVERY_MS, None, b"")
        message = Message(
            WORDS * (1 + row % 7), f"5f0c3b1e-{row:012d}", f"customer-{row % 50_000}",
            ("email", "chat", "phone")[row % 3], ("en", "de", "ja", "fr")[row % 4],
            None, {"plan": ("basic", "gold")[row % 2], "product": f"p{row % 40}"},
        )  # fmt: skip
        decision = Decision(
            labels[min(4, int(5 * (1 - urgency)))],
            (0.2,) * 5,
            urgency,
            urgency >= THRESHOLD,
            THRESHOLD,
            "model",
            False,
            model,
        )
        yield encoder.encode(source, message, decision, run=run, attempt=1, classified_at=now)


def _publish(cluster: Cluster, records: Iterator[OutputRecord], run: str, messages: int) -> None:
    producer = Producer({"bootstrap.servers": cluster.bootstrap_servers, "compression.type": "lz4", "linger.ms": 20})
    console = Console(stderr=True)
    for each in track(records, f"answers of {run}", total=messages, console=console, disable=not console.is_terminal):
        while True:
            try:
                producer.produce(each.topic, each.value, each.key, headers=list(each.headers))
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    if left := producer.flush(120):
        raise LimitError(f"{left} answers did not reach Kafka")


if __name__ == "__main__":
    ended_by_limits(main)
