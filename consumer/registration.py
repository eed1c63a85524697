"""Puts the events' schemas into the registry, where no later one may break readers of what is there."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from confluent_kafka.schema_registry import RegisteredSchema, Schema

import schemas
from consumer.schema_registry import Absent, Incompatible, asking
from consumer.schema_store import SchemaType
from consumer.settings import Format, Settings

LEVEL = "BACKWARD"
# Levels that ask for BACKWARD and more: a stricter one stays.
_STRICT_ENOUGH = frozenset({LEVEL, "BACKWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE"})

Fate = Literal["registered", "unchanged", "left alone", "incompatible"]


@dataclass(frozen=True, slots=True)
class Target:
    """An event's schema and the subject that it belongs under."""

    subject: str
    event: schemas.Event
    schema_type: SchemaType

    @property
    def schema(self) -> Schema:
        text = schemas.avro(self.event) if self.schema_type == "AVRO" else schemas.json_schema(self.event)
        return Schema(text, self.schema_type)


@dataclass(frozen=True, slots=True)
class Outcome:
    target: Target
    fate: Fate
    detail: str


class Registrar(Protocol):
    """What registering asks of confluent_kafka's SchemaRegistryClient."""

    def lookup_schema(self, subject_name: str, schema: Schema) -> RegisteredSchema: ...

    def get_latest_version(self, subject_name: str) -> RegisteredSchema: ...

    def get_compatibility(self, subject_name: str) -> str: ...

    def set_compatibility(self, subject_name: str, level: str) -> object: ...

    def test_compatibility(self, subject_name: str, schema: Schema) -> bool: ...

    def register_schema(self, subject_name: str, schema: Schema) -> int: ...


def targets(settings: Settings, corrections_topic: str, only: Sequence[schemas.Event] = ()) -> list[Target]:
    """What these settings need in the registry: by topic, as Confluent's TopicNameStrategy names subjects."""
    read, written = _type(settings.input.format), _type(settings.output.format)
    found: list[Target] = []
    if read is not None:
        named = [topic for topic in settings.input.topics if not topic.startswith("^")]
        found += [Target(f"{topic}-value", "customer-message", read) for topic in named]
    if written is not None:
        outputs = (settings.output.urgent, settings.output.routine)
        found += [Target(f"{topic}-value", "classified-message", written) for topic in dict.fromkeys(outputs)]
    found.append(Target(f"{corrections_topic}-value", "correction", written or "AVRO"))
    return [target for target in found if not only or target.event in only]


def register(client: Registrar, url: str, wanted: Sequence[Target]) -> list[Outcome]:
    """
    Registers each, with BACKWARD compatibility, or none of them if one is incompatible with what is there.

    Doing it again changes nothing. Raises PassingFault when the registry is away, SurroundingsError when it refuses us.
    """
    seen = {target: _look(client, url, target) for target in wanted}
    if any(outcome is not None and outcome.fate == "incompatible" for outcome in seen.values()):
        return [outcome for outcome in seen.values() if outcome is not None]
    return [outcome or _register(client, url, target) for target, outcome in seen.items()]


def _look(client: Registrar, url: str, target: Target) -> Outcome | None:
    """What is to be said of the target without registering it; None when it is to be registered."""
    try:
        with asking(url):
            latest = client.get_latest_version(target.subject)
    except Absent:
        return None
    if target.event == "customer-message" and _name(latest.schema) != _name(target.schema):
        return Outcome(target, "left alone", f"holds your own event {_name(latest.schema)}")
    _hold_level(client, url, target.subject)
    try:
        with asking(url):
            known = client.lookup_schema(target.subject, target.schema)
        return Outcome(target, "unchanged", f"id {known.schema_id}")
    except Absent:
        pass
    with asking(url):
        compatible = client.test_compatibility(target.subject, target.schema)
    return None if compatible else _register(client, url, target)


def _register(client: Registrar, url: str, target: Target) -> Outcome:
    try:
        with asking(url):
            schema_id = client.register_schema(target.subject, target.schema)
    except Incompatible as problem:
        return Outcome(target, "incompatible", str(problem))
    _hold_level(client, url, target.subject)
    return Outcome(target, "registered", f"id {schema_id}")


def _hold_level(client: Registrar, url: str, subject: str) -> None:
    try:
        with asking(url):
            level: str | None = client.get_compatibility(subject)
    except Absent:
        level = None
    if level not in _STRICT_ENOUGH:
        with asking(url):
            client.set_compatibility(subject, LEVEL)


def _type(written_as: Format) -> SchemaType | None:
    types: dict[str, SchemaType] = {"avro": "AVRO", "json-schema": "JSON"}
    return types.get(written_as)


def _name(schema: Schema) -> str:
    """The event's name: a record's full name, a JSON Schema's title."""
    try:
        found = json.loads(schema.schema_str or "null")
    except ValueError:
        return "unnamed"
    if not isinstance(found, dict):
        return "unnamed"
    if schema.schema_type == "JSON":
        return str(found.get("title", "unnamed"))
    name, namespace = str(found.get("name", "unnamed")), found.get("namespace")
    return f"{namespace}.{name}" if namespace and "." not in name else name
