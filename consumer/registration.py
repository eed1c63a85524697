"""Puts the events' schemas into the registry, where no later one may break readers of what is there."""

import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Literal, Protocol

from confluent_kafka.schema_registry import RegisteredSchema, Schema

import schemas
from consumer.corrections.entries import written_as
from consumer.schema_registry import Absent, Incompatible, asking
from consumer.schema_store import SchemaType
from consumer.settings import Format, Settings

LEVEL = "BACKWARD"
# Levels that ask for BACKWARD and more: a stricter one stays.
_STRICT_ENOUGH = frozenset({LEVEL, "BACKWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE"})

Fate = Literal["registered", "unchanged", "left alone", "incompatible", "not registered"]
New = Literal["new subject", "new version"]


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

    def delete_config(self, subject_name: str) -> object: ...

    def test_compatibility(self, subject_name: str, schema: Schema) -> bool: ...

    def register_schema(self, subject_name: str, schema: Schema) -> int: ...


def targets(settings: Settings, only: Sequence[schemas.Event] = ()) -> list[Target]:
    """What these settings need in the registry: by topic, as Confluent's TopicNameStrategy names subjects."""
    found = served(settings)
    found.append(Target(f"{settings.corrections.topic}-value", "correction", _type(written_as(settings)) or "AVRO"))
    return [target for target in found if not only or target.event in only]


def served(settings: Settings) -> list[Target]:
    """Of those what `shikyu run` itself reads and writes."""
    read, written = _type(settings.input.format), _type(settings.output.format)
    found: list[Target] = []
    if read is not None:
        named = [topic for topic in settings.input.topics if not topic.startswith("^")]
        found += [Target(f"{topic}-value", "customer-message", read) for topic in named]
    if written is not None:
        outputs = (settings.output.urgent, settings.output.routine)
        found += [Target(f"{topic}-value", "classified-message", written) for topic in dict.fromkeys(outputs)]
    return found


def register(client: Registrar, url: str, wanted: Sequence[Target]) -> list[Outcome]:
    """
    Registers each, with BACKWARD compatibility, or none of them if one is incompatible with what is there.

    Doing it again changes nothing. Raises PassingFault when the registry is away, SurroundingsError when it refuses us.
    """
    found = {target: _look(client, url, target) for target in wanted}
    newer = [target for target, look in found.items() if look == "new version"]
    with ExitStack() as undo:
        # Levels decide about verdicts, so they are raised before, and put back unless all are good.
        for target in newer:
            undo.callback(_restore_level, client, url, target.subject, _raise_level(client, url, target.subject))
        refused = [target for target in newer if not _is_compatible(client, url, target)]
        if refused:
            found |= {target: _register(client, url, target) for target in refused}
            return [look for look in found.values() if isinstance(look, Outcome)]
        undo.pop_all()
    return [_settled(client, url, target, look) for target, look in found.items()]


def compared(client: Registrar, url: str, wanted: Sequence[Target]) -> list[Outcome]:
    """What the registry has of each, at the subjects' present levels. Changes nothing; raises as `register`."""
    return [_compared(client, url, target) for target in wanted]


def _compared(client: Registrar, url: str, target: Target) -> Outcome:
    look = _look(client, url, target)
    if isinstance(look, Outcome):
        return look
    if look == "new subject":
        return Outcome(target, "not registered", "the subject is new")
    if _is_compatible(client, url, target):
        return Outcome(target, "not registered", "it would be a new version, compatible with what is there")
    return Outcome(target, "incompatible", "the registry would not take it")


def _look(client: Registrar, url: str, target: Target) -> Outcome | New:
    """What is there. Asks, and changes nothing."""
    try:
        with asking(url):
            latest = client.get_latest_version(target.subject)
    except Absent:
        return "new subject"
    if target.event == "customer-message" and _name(latest.schema) != _name(target.schema):
        return Outcome(target, "left alone", f"holds your own event {_name(latest.schema)}")
    try:
        with asking(url):
            known = client.lookup_schema(target.subject, target.schema)
    except Absent:
        return "new version"
    return Outcome(target, "unchanged", f"id {known.schema_id}")


def _is_compatible(client: Registrar, url: str, target: Target) -> bool:
    with asking(url):
        return client.test_compatibility(target.subject, target.schema)


def _settled(client: Registrar, url: str, target: Target, look: Outcome | New) -> Outcome:
    outcome = look if isinstance(look, Outcome) else _register(client, url, target)
    if outcome.fate in ("registered", "unchanged"):
        _raise_level(client, url, target.subject)
    return outcome


def _register(client: Registrar, url: str, target: Target) -> Outcome:
    """Of what is incompatible too: only with a registration that it refuses does the registry give its reason."""
    try:
        with asking(url):
            schema_id = client.register_schema(target.subject, target.schema)
    except Incompatible as problem:
        return Outcome(target, "incompatible", str(problem))
    return Outcome(target, "registered", f"id {schema_id}")


def _raise_level(client: Registrar, url: str, subject: str) -> str | None:
    """Returns the subject's own level as it was, None for none."""
    try:
        with asking(url):
            level: str | None = client.get_compatibility(subject)
    except Absent:
        level = None
    if level not in _STRICT_ENOUGH:
        with asking(url):
            client.set_compatibility(subject, LEVEL)
    return level


def _restore_level(client: Registrar, url: str, subject: str, level: str | None) -> None:
    if level in _STRICT_ENOUGH:
        return
    with asking(url):
        if level is None:
            client.delete_config(subject)
        else:
            client.set_compatibility(subject, level)


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
