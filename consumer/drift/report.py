"""The whole way of `shikyu drift`, from the topics to figures, and these to a file or a terminal."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import orjson
from confluent_kafka.admin._metadata import ClusterMetadata

from consumer import artifact as artifacts
from consumer import kafka_options, logs, surroundings
from consumer.cleaning import clean
from consumer.drift.compare import Drift, Expectation
from consumer.drift.features import FEATURES, Feature
from consumer.drift.gather import Gather, Messages, PassedOver, Tokenize
from consumer.drift.windows import Window, judged
from consumer.errors import LimitError, SettingsError, SurroundingsError
from consumer.flips import read
from consumer.flips.answers import Reader
from consumer.manifest import CHECKPOINT_FILE
from consumer.records import Satisfaction
from consumer.replay.freeze import Gone, freeze
from consumer.replay.window import Asked
from consumer.schema_store import open_store
from consumer.settings import Model, Settings
from consumer.timestamps import from_millis, iso_millis
from consumer.tokenization import Tokenizer
from consumer.topics import missing
from consumer.versions import artifact_in
from consumer.visible import visible

FEWEST_MESSAGES = 200
SHOWN = 60

Figures = dict[str, Any]
# Offsets that are read, and of how many.
Advance = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Found:
    """What was read of the topics since a time, and what was not."""

    messages: Messages
    passed_over: PassedOver
    gone: Sequence[Gone]


def figures(settings: Settings, since: timedelta, advance: Advance, *, now: datetime | None = None) -> Figures:
    """
    Live answers of the time since, in windows, each held against the artifact's reference.

    Raises ArtifactError without a reference, SettingsError where too few answers are there, SurroundingsError or
    PassingFault where Kafka or the registry does not answer.
    """
    logs.configure(settings.log)
    kafka_options.verify(settings)
    artifact = _artifact(settings.model)
    expectation = Expectation(artifact.manifest, artifact.precision)  # before Kafka is asked for anything
    now = now or datetime.now(UTC)
    since_ms = max(0, round((now - since).timestamp() * 1000))
    found = _found(settings, artifact, since_ms, advance)
    if len(found.messages) < FEWEST_MESSAGES:
        raise SettingsError(_too_few(found, settings, artifact))
    if set(found.messages.values) != set(expectation.features):
        features = [name for name in FEATURES if name in found.messages.values]
        expectation = Expectation(artifact.manifest, artifact.precision, features)
    windows = judged(found.messages, expectation, settings.drift.window_messages, settings.drift.rate)
    return {
        "made_at": iso_millis(now),
        "since": iso_millis(now - since),
        "model": {
            "name": artifact.version.name,
            "version": artifact.version.version,
            "precision": artifact.version.precision,
        },
        "rate": settings.drift.rate,
        "messages": len(found.messages),
        "drifted": [name for name in expectation.features if any(name in each.drift.drifted for each in windows)],
        "features": list(expectation.features),
        "satisfaction": _classes(found.messages, expectation),
        "windows": [_window(each) for each in windows],
        "notes": _notes(found, settings, artifact),
    }


def as_json(found: Figures) -> bytes:
    return orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def require_none(found: Figures) -> None:
    """LimitError where anything drifted."""
    if found["drifted"]:
        windows = sum(any(each["drifted"] for each in window["features"].values()) for window in found["windows"])
        raise LimitError(
            f"{', '.join(found['drifted'])} drifted from the artifact's reference in {windows} of "
            f"{len(found['windows'])} windows: see docs/drift.md for what to do"
        )


def _artifact(model: Model) -> artifacts.Artifact:
    """As `shikyu run` would load it, without the model's engine."""
    if model.artifact is None:
        raise SettingsError("model.artifact is not set: name the model's folder, for example --model-artifact my-model")
    folder = artifact_in(model.artifact)
    manifest = artifacts.read_manifest(folder, model.public_key)
    precision = model.precision or artifacts.best_precision(manifest, model.device)
    model_file = CHECKPOINT_FILE if model.device == "cuda" else None
    return artifacts.verify(folder, precision, model_file=model_file, public_key=model.public_key)


def _tokenize(artifact: artifacts.Artifact, model: Model) -> Tokenize:
    manifest = artifact.manifest
    tokenizer = Tokenizer(artifact.tokenizer_json, manifest.max_length, model.truncate)
    return lambda texts: tokenizer.encode([clean(text, manifest.text_cleaning) for text in texts])


def _found(settings: Settings, artifact: artifacts.Artifact, since_ms: int, advance: Advance) -> Found:
    client = kafka_options.client_config(settings)
    topics = (settings.output.urgent, settings.output.routine)
    listing = surroundings.listed(client)
    _require_there(topics, listing)
    window, gone = freeze(client, topics, listing, Asked(since_ms=since_ms))
    spans = {each.place: (each.start, each.end) for each in window}
    total = sum(end - start for start, end in spans.values())
    registry = settings.registry
    with open_store(registry.url, registry.options, settings.input.schemas) as store:
        reader = Reader(settings.output, store)
        gather = Gather(reader, _tokenize(artifact, settings.model), artifact.version, since_ms)
        config = kafka_options.consumer_config(settings)
        records = read.records(config, spans, lambda done: advance(done, total)) if spans else iter(())
        return Found(gather.all(records), gather.passed_over, gone)


def _require_there(topics: Sequence[str], listing: ClusterMetadata) -> None:
    if gone := missing(listing, topics):
        raise SurroundingsError(
            f"topic {' and '.join(gone)} is missing, or this client may not DESCRIBE it: check output.urgent and "
            "output.routine, and grant DESCRIBE and READ"
        )


def _classes(messages: Messages, expectation: Expectation) -> dict[str, dict[str, float]]:
    found = np.bincount(messages.values["satisfaction"], minlength=len(Satisfaction)) / len(messages)
    shares = {"expected": expectation.shares("satisfaction"), "found": found}
    labels = [label.value for label in Satisfaction]
    return {name: dict(zip(labels, each.tolist(), strict=True)) for name, each in shares.items()}


def _window(window: Window) -> dict[str, Any]:
    return {
        "from": _iso(window.first_ms),
        "to": _iso(window.last_ms),
        "messages": window.drift.messages,
        "features": _looks(window.drift),
    }


def _looks(drift: Drift) -> dict[Feature, dict[str, object]]:
    return {
        look.feature: {"distance": look.distance, "limit": look.limit, "p": look.p, "drifted": look.drifted}
        for look in drift.looks
    }


def _iso(at_ms: int) -> str:
    moment = from_millis(at_ms)
    return "" if moment is None else iso_millis(moment)


def _notes(found: Found, settings: Settings, artifact: artifacts.Artifact) -> list[str]:
    """What whoever reads the figures has to know; names that somebody chose are made visible."""
    notes = [*_told(found, artifact)]
    least = settings.drift.window_messages
    if len(found.messages) < least:
        notes.append(f"fewer answers than drift.window_messages ({least:,}): what drifts a little is not seen")
    if "token_length" not in found.messages.values:
        notes.append(
            "not all answers carry their texts (output.include_text), so token_length and unknown_share could not be "
            "told; the service's metrics have them"
        )
    return notes


def _told(found: Found, artifact: artifacts.Artifact) -> list[str]:
    passed, gone = found.passed_over, found.gone
    notes = [
        f"{count:,} answers by {_shown(name)} were passed over: the reference is {artifact.version.name} "
        f"{artifact.version.version} {artifact.version.precision}'s"
        for name, count in passed.models.most_common()
    ]
    if passed.runs:
        notes.append(f"{passed.runs.total():,} answers of replays were passed over")
    if passed.unreadable:
        told = ", ".join(f"{count:,} {code}" for code, count in passed.unreadable.items())
        notes.append(f"records that hold no answer were passed over: {told}")
    if gone:
        first = min((each.since for each in gone if each.since), default=None)
        notes.append(f"retention has taken a part of this time{f'; {iso_millis(first)} is left' if first else ''}")
    return notes


def _shown(name: str) -> str:
    return visible(name, SHOWN)[1:-1]


def _too_few(found: Found, settings: Settings, artifact: artifacts.Artifact) -> str:
    told = "; ".join(_told(found, artifact))
    return (
        f"{len(found.messages):,} live answers of this time are on {settings.output.urgent} and "
        f"{settings.output.routine}, and drift is told of {FEWEST_MESSAGES} and more: name a longer --since"
        f"{f' ({told})' if told else ''}"
    )
