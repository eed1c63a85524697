"""A run's settings, from the live ones; and what must be the same for whoever goes on with it."""

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from confluent_kafka.admin._acl import AclOperation
from confluent_kafka.admin._metadata import ClusterMetadata

from consumer import surroundings, topic_configs
from consumer.artifact import best_precision, read_manifest
from consumer.errors import ArtifactError, LimitError, SettingsError, SurroundingsError
from consumer.kafka_options import client_config, producer_config
from consumer.manifest import MANIFEST_FILE
from consumer.replay import still_there
from consumer.replay.entries import Run, Span, Topics
from consumer.replay.freeze import Gone, freeze
from consumer.replay.runs import Runs
from consumer.replay.window import Asked
from consumer.run_names import LIVE, own_topic
from consumer.settings import Settings
from consumer.timestamps import iso_millis
from consumer.topic_creation import BROKERS_DEFAULT, create, new_topics, refusal
from consumer.topics import missing
from consumer.versions import artifact_in

# Of the settings, those that an answer depends on; where it is computed, by how many threads and when, it does not.
ANSWERS = {
    "input": ("format", "text", "id", "customer_id", "channel", "language", "sent_at", "attributes", "where",
              "max_value_bytes"),
    "output": ("format", "include_text", "attributes"),
    "rules": ("always_urgent",),
    "model": ("truncate", "when_unsure", "max_unknown_share"),
    "delivery": ("guarantee", "application"),
    "audit": ("share", "share_at_threshold"),
}  # fmt: skip

COMMANDS = {"input": "shikyu replay", "dead-letters": "shikyu dead-letters retry", "files": "shikyu backfill"}


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asks for. `codes` are those of the dead letters to retry; None replays the input topics."""

    asked: Asked
    run_id: str
    to_live: bool = False
    codes: frozenset[str] | None = None  # an empty set is all of them
    again: bool = False
    is_of_files: bool = False  # a backfill's, which has its files for a window

    @property
    def words(self) -> dict[str, str]:
        """The flags by which one window is told from another."""
        codes = {"--code": ",".join(sorted(self.codes))} if self.codes else {}
        return {**self.asked.words, **codes}

    @property
    def reads(self) -> Literal["input", "dead-letters", "files"]:
        if self.is_of_files:
            return "files"
        return "input" if self.codes is None else "dead-letters"


def begin_id(settings: Settings) -> str:
    """The transactional.id under which runs are begun; none of a run's own, for no run's id begins with a dot."""
    return f"{settings.delivery.application}-{settings.delivery.group_id}.replay..begin"


def group_id(settings: Settings, run_id: str) -> str:
    return f"{settings.delivery.group_id}.replay.{run_id}"


def topics(settings: Settings, request: Request) -> Topics:
    run = LIVE if request.to_live else request.run_id
    return Topics(
        urgent=own_topic(settings.output.urgent, run),
        routine=own_topic(settings.output.routine, run),
        dead_letters=own_topic(settings.dead_letters.topic, run),
    )


def of_run(settings: Settings, run: Run, max_rate: float | None) -> Settings:
    """The settings that the service serves a run with."""
    names = list(dict.fromkeys(span.topic for span in run.window))
    most = settings.batching.max_window_records
    if max_rate is not None:
        most = max(1, min(most, math.floor(max_rate)))  # no burst is longer than a second's records
    return settings.model_copy(
        update={
            "input": settings.input.model_copy(update={"topics": tuple(names)}),
            "output": settings.output.model_copy(update={"urgent": run.topics.urgent, "routine": run.topics.routine}),
            "dead_letters": settings.dead_letters.model_copy(update={"topic": run.topics.dead_letters}),
            "delivery": settings.delivery.model_copy(update={"group_id": run.group_id}),
            "batching": settings.batching.model_copy(update={"max_window_records": most}),
        }
    )


def registered_as(settings: Settings, run: Run) -> dict[str, str]:
    """A run's own topics are written with the schema of the live ones."""
    return {run.topics.urgent: settings.output.urgent, run.topics.routine: settings.output.routine}


def proposed(settings: Settings, request: Request, listing: ClusterMetadata) -> tuple[Run, list[Gone]]:
    """The run that would be begun now; its window is empty where there is nothing to read."""
    named = settings.input.topics if request.codes is None else (settings.dead_letters.topic,)
    config = client_config(settings)
    topics_named = [topic for topic in named if not topic.startswith("^")]
    surroundings.must_allow(config, dict.fromkeys(topics_named, AclOperation.READ))
    if gone := missing(listing, topics_named):
        setting = "input.topics" if request.codes is None else "dead_letters.topic"
        raise SurroundingsError(f"{setting} names {', '.join(gone)}, which is missing, or hidden from this client")
    inputs = surroundings.present(named, listing)
    window, lost = freeze(config, inputs, listing, request.asked)
    counts = {topic: len(listing.topics[topic].partitions) for topic in inputs}
    return run_of(settings, request, window, counts, still_there.topic_ids(config, inputs)), lost


def run_of(
    settings: Settings, request: Request, window: tuple[Span, ...], counts: dict[str, int], ids: dict[str, str]
) -> Run:
    """The run that is begun with this window, as it is now."""
    asked = request.asked
    return Run(
        run=request.run_id,
        reads=request.reads,
        codes=tuple(sorted(request.codes or ())),
        live_group=settings.delivery.group_id,
        group_id=group_id(settings, request.run_id),
        window=window,
        partitions=counts,
        topic_ids=ids,
        since_ms=asked.since_ms,
        until_ms=asked.until_ms,
        asked=request.words,
        model=model_of(settings),
        options=options_of(settings),
        topics=topics(settings, request),
        created_at=iso_millis(datetime.now(UTC)),
    )


def model_of(settings: Settings) -> dict[str, str]:
    """Which model answers, by its manifest, which has every file's hash."""
    folder = settings.model.artifact
    if folder is None:  # also told before Kafka is asked for a window
        raise SettingsError("model.artifact is not set: name the model's folder, for example --model-artifact my-model")
    folder = artifact_in(folder)
    manifest = read_manifest(folder, settings.model.public_key)
    try:
        digest = hashlib.sha256((Path(folder) / MANIFEST_FILE).read_bytes()).hexdigest()
    except OSError as error:
        raise ArtifactError(f"{folder}/{MANIFEST_FILE} can't be read ({error.strerror})") from error
    precision = settings.model.precision or best_precision(manifest, settings.model.device)
    return {"name": manifest.name, "version": manifest.version, "precision": precision, "manifest_sha256": digest}


def options_of(settings: Settings) -> dict[str, Any]:
    dumped = settings.model_dump(mode="json")
    options = {f"{section}.{name}": dumped[section][name] for section, names in ANSWERS.items() for name in names}
    return {**options, "input.reader_schema": _digest(settings.input.reader_schema)}


def must_be_the_same(run: Run, settings: Settings, request: Request) -> None:
    """Raises SettingsError for what differs from how the run was begun; without a window's flags it has its own."""
    if run.live_group != settings.delivery.group_id:
        raise SettingsError(
            f"run {run.run} was begun beside group {run.live_group}, and delivery.group_id is "
            f"{settings.delivery.group_id}: set it as it was, or give another --run"
        )
    if run.reads != request.reads:
        raise SettingsError(
            f"run {run.run} was begun by `{COMMANDS[run.reads]}`, which goes on with it; or give another --run"
        )
    if request.words and request.words != run.asked:
        raise SettingsError(
            f"run {run.run} was begun with {_spelled(run.asked)}, and now is given {_spelled(request.words)}: "
            f"{_cure(run)} to go on with it, or give another --run"
        )
    if others := _others(settings, run):
        raise SettingsError(
            f"run {run.run} reads {', '.join(others)}, which is not in input.topics now; set them as they were, or "
            "give another --run"
        )
    differences = [
        *_differences("model", run.model, model_of(settings)),
        # An option that was not told when the run was begun, by an older version, can differ in nothing.
        *_differences(
            "", run.options, {name: now for name, now in options_of(settings).items() if name in run.options}
        ),
        *_differences("topics", run.topics.model_dump(), topics(settings, request).model_dump()),
    ]
    if differences:
        name, old, new = differences[0]
        raise SettingsError(
            f"run {run.run} was begun with {name} = {old!r}, and now it is {new!r}: a run gives one kind of answer "
            "from its beginning to its end; set it as it was, or give another --run"
        )


def must_go_on(run: Run, ended: str | None) -> None:
    if ended == "cancelled":
        raise LimitError(f"run {run.run} was cancelled, and its window is not done; give another --run")


def make_topics(settings: Settings, run: Run, listing: ClusterMetadata) -> list[str]:
    """Creates what is missing of a run's own topics, as its live ones are or would be; returns their names."""
    gone = missing(listing, [run.topics.urgent, run.topics.routine, run.topics.dead_letters])
    if not gone or run.topics.urgent == settings.output.urgent:
        return []  # the live ones are told by whoever looks before the start
    counts = {name: len(topic.partitions) for name, topic in listing.topics.items()}
    read = surroundings.present(settings.input.topics, listing)
    live = counts.get(settings.output.urgent)
    partitions = live or max((counts[topic] for topic in read), default=1)  # files need no input topic
    config = client_config(settings)
    room = topic_configs.dead_letter_bytes(read, topic_configs.read(config, read))
    if run.reads == "files":
        room = max(room, settings.input.max_value_bytes + 1 + topic_configs.ROOM_FOR_REASONS_BYTES)
    new = new_topics(of_run(settings, run, None), gone, partitions, BROKERS_DEFAULT, room)
    if refused := refusal(create(config, new, dry_run=False)):
        raise refused
    return gone


def runs_of(settings: Settings) -> Runs:
    return Runs(settings.replay.runs_topic, client_config(settings), producer_config(settings, None))


def _digest(path: Path | None) -> str | None:
    """Of a schema file, which decides what is read."""
    try:
        return None if path is None else hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise SettingsError(f"input.reader_schema {path} can't be read ({error.strerror})") from error


def _others(settings: Settings, run: Run) -> list[str]:
    """The window's topics that are none of those that are read."""
    if run.reads == "files":
        return []
    read = settings.input.topics if run.reads == "input" else (settings.dead_letters.topic,)
    names = dict.fromkeys(span.topic for span in run.window)
    return [name for name in names if name not in read and not (read[0].startswith("^") and re.search(read[0], name))]


def _differences(prefix: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    return [
        (f"{prefix}.{name}" if prefix else name, old.get(name), new.get(name))
        for name in dict.fromkeys((*old, *new))
        if old.get(name) != new.get(name)
    ]


def _cure(run: Run) -> str:
    return "give the same files in the same order" if run.reads == "files" else "leave the window's flags out"


def _spelled(words: Mapping[str, str]) -> str:
    return " ".join(f"{flag} {value}" for flag, value in words.items()) or "the whole of its topics"
