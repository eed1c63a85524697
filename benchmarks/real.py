"""
`make real REVIEWS=folder`: the main job on real reviews, through a real Kafka, in fp32 and then in int8.

Fits a small model on the folder's train split, produces the 5,000 test reviews, and lets an independent read_committed
client say what came out. Fails (exit 5) unless each review came out exactly once, with the probabilities that
`shikyu classify` gives for the same text, and with the figures of the offline evaluation.
"""

import gzip
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from confluent_kafka import Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from rich.console import Console
from rich.table import Table

import schemas
from consumer.errors import LimitError
from consumer.records import Satisfaction
from local import service
from local.cluster import Cluster
from local.processes import Child
from local.reader import Reader

TOLERANCE = 1e-5  # of a probability in fp32: batches are laid out otherwise in the stream
INPUT, DEAD = "customer-messages", "customer-messages.dead-letter"
PARTITIONS = 6
PATIENCE_S = 900
PRECISIONS = ("fp32", "int8")
console = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class Review:
    id: str
    text: str
    stars: int


@dataclass(frozen=True, slots=True)
class Answer:
    """`probabilities` (5,)."""

    probabilities: np.ndarray
    urgency: float
    decision: str
    threshold: float


@dataclass(frozen=True, slots=True)
class Figures:
    accuracy: float
    recall: float  # of one star
    needless: float  # answered, of three to five stars


def read_reviews(path: Path) -> list[Review]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [Review(row["id"], row["text"], row["stars"]) for row in rows]


def figures(reviews: Sequence[Review], answers: dict[str, Answer]) -> Figures:
    stars = np.array([review.stars for review in reviews])
    predicted = np.array([answers[review.id].probabilities.argmax() + 1 for review in reviews])
    urgent = np.array([answers[review.id].decision == "urgent" for review in reviews])
    return Figures(
        float((predicted == stars).mean()), float(urgent[stars == 1].mean()), float(urgent[stars >= 3].mean())
    )


def offline(artifact: Path, precision: str, reviews: Sequence[Review], folder: Path) -> dict[str, Answer]:
    """By `shikyu classify`, a process of its own."""
    texts = folder / "texts.jsonl"
    texts.write_text("".join(json.dumps({"text": review.text}) + "\n" for review in reviews), encoding="utf-8")
    command = [*service.SHIKYU, "classify", "--model-artifact", str(artifact), "--model-precision", precision]
    done = subprocess.run(
        [*command, "--file", str(texts), "--format", "jsonl"], check=True, capture_output=True, text=True
    )
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {review.id: answer_of(row) for review, row in zip(reviews, rows, strict=True)}


def answer_of(event: dict[str, Any]) -> Answer:
    told = event["probabilities"]
    values = [told[label.value] for label in Satisfaction] if isinstance(told, dict) else told
    return Answer(np.array(values), event["urgency"], event["decision"], event["threshold"])


def produce(cluster: Cluster, reviews: Sequence[Review]) -> None:
    producer = Producer(
        {"bootstrap.servers": cluster.bootstrap_servers, "acks": "all", "partitioner": "murmur2_random"}
    )
    registry = SchemaRegistryClient({"url": cluster.registry_url, "timeout": 5})
    options = {"auto.register.schemas": False, "use.latest.version": True}
    serialize = AvroSerializer(registry, schemas.avro("customer-message"), conf=options)
    place = SerializationContext(INPUT, MessageField.VALUE)
    for review in reviews:
        event = {"id": review.id, "text": review.text, "attributes": {}}
        producer.produce(INPUT, key=review.id, value=serialize(_complete(event), place))
        producer.poll(0)
    if producer.flush(60):
        raise LimitError("Kafka did not take every review")


def _complete(event: dict[str, Any]) -> dict[str, Any]:
    return {"customer_id": None, "channel": None, "language": "en", "sent_at": None, **event}


def stream(
    cluster: Cluster, folder: Path, artifact: Path, precision: str, count: int
) -> tuple[dict[str, Answer], float]:
    """The answers that came out, and how long from the first look to the last of them. Raises LimitError."""
    outputs = [f"urgent.{precision}", f"routine.{precision}", f"{DEAD}.{precision}"]
    answers_to = ["--output-urgent", outputs[0], "--output-routine", outputs[1]]
    options = [
        *("--model-artifact", str(artifact), "--model-precision", precision),
        *("--dead-letters-topic", outputs[2], "--delivery-group-id", f"real-{precision}"),
    ]
    for topic in outputs:
        cluster.create_topic(topic, PARTITIONS)
    service.register_schemas(cluster, options=answers_to)
    started = time.monotonic()
    with service.running(cluster, folder, options=[*answers_to, *options]) as child:
        _wait_for(cluster, child, outputs, count)
        took_s = time.monotonic() - started
        time.sleep(2)  # what came twice would come now
    return _once(cluster, outputs, count), took_s


def _wait_for(cluster: Cluster, child: Child, outputs: Sequence[str], count: int) -> None:
    """Waits until as many records as went in have come out."""
    seen, last = 0, time.monotonic()
    with Reader(cluster.bootstrap_servers, outputs) as reader:
        while seen < count:
            service.check(child)
            got = len(reader.read(0.2))
            seen += got
            if got:
                last = time.monotonic()
            if time.monotonic() - last > PATIENCE_S:
                raise LimitError(f"only {seen} of {count} reviews came out")


def _once(cluster: Cluster, outputs: Sequence[str], count: int) -> dict[str, Answer]:
    """Everything, read anew from the beginning to the end: each input exactly once, or LimitError."""
    deserialize = AvroDeserializer(SchemaRegistryClient({"url": cluster.registry_url, "timeout": 5}))
    answers: dict[str, Answer] = {}
    sources: set[tuple[str, int, int]] = set()
    read = twice = dead = 0
    for record in _all(cluster, outputs):
        read += 1
        if record.topic == outputs[2]:
            dead += 1
            continue
        event: Any = deserialize(record.value, SerializationContext(record.topic, MessageField.VALUE))
        source = (event["source"]["topic"], event["source"]["partition"], event["source"]["offset"])
        twice += source in sources
        sources.add(source)
        answers[event["id"]] = answer_of(event)
    if read != count or twice or dead or len(answers) != count:
        raise LimitError(f"{count} in, {read} out, {twice} twice, {dead} dead-lettered, {len(answers)} different ids")
    return answers


def _all(cluster: Cluster, topics: Sequence[str]) -> Iterator[Any]:
    with Reader(cluster.bootstrap_servers, topics) as reader:
        while not reader.is_at_end:
            yield from reader.read(0.2)


def compare(streamed: dict[str, Answer], expected: dict[str, Answer]) -> tuple[float, int, int]:
    """Largest difference of a probability, decisions that differ, and those of them near the threshold."""
    largest, differ, near = 0.0, 0, 0
    for review, answer in streamed.items():
        other = expected[review]
        largest = max(largest, float(np.abs(answer.probabilities - other.probabilities).max()))
        if answer.decision != other.decision:
            differ += 1
            near += abs(other.urgency - other.threshold) <= TOLERANCE
    return largest, differ, near


def fit(reviews: Path, artifact: Path) -> None:
    """By `shikyu-train`, as a user would."""
    command = [
        sys.executable,
        "-m",
        "training.cli",
        "run",
        "recipes/real.toml",
        "--data",
        str(reviews),
        "--out",
        str(artifact),
    ]
    subprocess.run(command, check=True)


def verdict(
    reviews: Sequence[Review], streamed: dict[str, dict[str, Answer]], expected: dict[str, dict[str, Answer]]
) -> tuple[dict[str, Any], list[str]]:
    """All the figures, and which limits were not met."""
    told: dict[str, Any] = {}
    missed = []
    for precision in PRECISIONS:
        mine, theirs = figures(reviews, streamed[precision]), figures(reviews, expected[precision])
        largest, differ, near = compare(streamed[precision], expected[precision])
        told[precision] = {
            "accuracy": mine.accuracy,
            "recall_of_one_star": mine.recall,
            "needless": mine.needless,
            "largest_difference_from_classify": largest,
            "decisions_that_differ_from_classify": differ,
            "of_them_near_the_threshold": near,
        }
        if precision == "fp32" and largest > TOLERANCE:
            missed.append(
                f"fp32: a probability differs by {largest:.1e} from `shikyu classify`'s, limit {TOLERANCE:.0e}"
            )
        if precision == "fp32" and differ != near:
            missed.append(f"fp32: {differ - near} decisions differ from `shikyu classify`'s, away from the threshold")
        if precision == "fp32" and not differ and mine != theirs:
            missed.append(f"fp32: the stream's figures {mine} are not the offline evaluation's {theirs}")
    largest, flips, _ = compare(streamed["int8"], streamed["fp32"])
    told["int8"] |= {"largest_difference_from_fp32": largest, "flips_from_fp32": flips}
    return told, missed


def evaluated(artifact: Path, precision: str, rows: int) -> Figures | None:
    """What training's own evaluation says in the artifact, if it was of as many texts."""
    results = json.loads((artifact / "eval_results.json").read_text(encoding="utf-8"))
    if results.get("test_rows") != rows:
        return None
    of = results["precisions"][precision]
    return Figures(of["accuracy"], of["operating_point"]["recall"], of["operating_point"]["needless"])


def show(told: dict[str, Any]) -> None:
    table = Table("figure", *PRECISIONS)
    for name in dict.fromkeys([*told["fp32"], *told["int8"]]):
        table.add_row(name.replace("_", " "), *(_shown(told[precision].get(name)) for precision in PRECISIONS))
    console.print(table)


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


@click.command()
@click.option("--reviews", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--artifact", type=click.Path(path_type=Path), default=Path("build/real/artifact"), show_default=True)
def main(reviews: Path, artifact: Path) -> None:
    """Fit, produce, run, read, compare. A model that was fitted before is used again: remove its folder to fit anew."""
    test = read_reviews(reviews / "test.jsonl.gz")
    if not (artifact / "manifest.json").exists():
        fit(reviews, artifact)
    folder = Path(tempfile.mkdtemp(prefix="shikyu-real-"))
    streamed, expected, told_s = {}, {}, {}
    try:
        with Cluster(folder) as cluster:
            cluster.create_topic(INPUT, PARTITIONS)
            service.register_schemas(cluster)
            produce(cluster, test)
            for precision in PRECISIONS:
                streamed[precision], told_s[precision] = stream(cluster, folder, artifact, precision, len(test))
                expected[precision] = offline(artifact, precision, test, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    told, missed = verdict(test, streamed, expected)
    evaluation = evaluated(artifact, "fp32", len(test))
    told["fp32"]["training_evaluated_the_same"] = evaluation is not None
    if evaluation is not None and (was := figures(test, streamed["fp32"])) != evaluation:
        missed.append(
            f"fp32: the stream's figures {was} are not those of the artifact's eval_results.json {evaluation}"
        )
    for precision in PRECISIONS:
        told[precision]["messages_a_second_start_included"] = len(test) / told_s[precision]
    show(told)
    click.echo(json.dumps({"in": len(test), "out_exactly_once": True, **told}))
    if missed:
        raise LimitError("; ".join(missed))


if __name__ == "__main__":
    try:
        main(standalone_mode=False)
    except LimitError as error:
        click.echo(f"make real: {error}", err=True)
        sys.exit(error.exit_code)
