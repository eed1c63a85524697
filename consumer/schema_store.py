"""Finds schemas, remembers them, and says who must act when there is none."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self
from uuid import UUID

from confluent_kafka.schema_registry import Schema

import schemas
from consumer import avro
from consumer.avro_safety import UnsafeSchema
from consumer.dead_letters import (
    NOT_AN_AVRO_SCHEMA,
    UNKNOWN_FINGERPRINT,
    UNKNOWN_SCHEMA_GUID,
    UNKNOWN_SCHEMA_ID,
    UNSAFE_SCHEMA,
)
from consumer.errors import PassingFault, RecordError, SettingsError, SurroundingsError, UnknownSchema
from consumer.schema_registry import Absent, Refused, RegistryClient, answers_at_all, asking, connect
from consumer.wire import SchemaReference

SchemaType = Literal["AVRO", "JSON"]

# A schema that was registered a moment ago may not have reached every node of the registry.
PATIENCE_S = 30.0
# How long an id stays unknown before the registry is asked about it once more.
UNKNOWN_TTL_S = 300.0
# How long a fault answers for the registry: a window of records asks once, and the next try asks anew.
FAULT_TTL_S = 1.0
_MOST_UNKNOWN = 10_000


class SchemaStore:
    """
    Schemas by the registry's id, by their fingerprint, and by subject; each is looked up and parsed once.

    A context, which closes its connections. Not for several threads at a time.
    """

    def __init__(
        self,
        client: RegistryClient | None,
        url: str = "",
        files: Sequence[Path] = (),
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises SettingsError for a file that is missing or no schema."""
        self._client = client
        self._url = url
        self._clock = clock
        self._known: dict[SchemaReference, avro.ParsedSchema | RecordError] = {}
        self._unknown = _Unknown()
        self._faults: dict[SchemaReference, _Fault] = {}
        self._single_objects = _single_object_schemas(files)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        if self._client is not None:
            self._client.__exit__(*raised)

    def require_registry(self, why: str) -> None:
        """Raises SettingsError, saying `why`, when there is no registry."""
        if self._client is None:
            raise SettingsError(f"{why} needs a Schema Registry: set registry.url (or use avro-single-object or json)")

    def writer_schema(self, reference: SchemaReference) -> avro.ParsedSchema:
        """
        The Avro schema of this id or GUID.

        Raises PassingFault when the registry is away, UnknownSchema for the first 30 s in which it does not know the
        schema (either one for a second without asking again), SurroundingsError when it refuses us, RecordError when
        the schema is unknown for good, no Avro, or unsafe.
        """
        found = self._known.get(reference)
        if found is None:
            self._raise_recent_fault(reference)
            try:
                found = self._known[reference] = self._look_up(reference)
            except PassingFault as fault:
                self._remember(reference, fault)
                raise
        if isinstance(found, RecordError):
            raise RecordError(found.code, found.stage, found.message)
        return found

    def single_object_schema(self, fingerprint: bytes) -> avro.ParsedSchema:
        """The schema of this 8-byte fingerprint, of ours or of input.schemas. Raises RecordError for another."""
        try:
            return self._single_objects[fingerprint]
        except KeyError:
            raise UNKNOWN_FINGERPRINT.error(fingerprint=fingerprint.hex()) from None

    def id_of(self, topic: str, event: schemas.Event, schema_type: SchemaType) -> int:
        """
        The id under which the event's schema is registered for the topic's values. Registers nothing.

        Raises SurroundingsError when it is not registered, PassingFault when the registry is away.
        """
        subject = f"{topic}-value"
        text = schemas.avro(event) if schema_type == "AVRO" else schemas.json_schema(event)
        assert self._client is not None
        try:
            with asking(self._url):
                found = self._client.lookup_schema(subject, Schema(text, schema_type))
        except Absent as problem:
            raise SurroundingsError(
                f"the Schema Registry has no {event} ({schema_type}) under the subject {subject}; "
                "register it with `shikyu schemas register`"
            ) from problem
        assert found.schema_id is not None
        return found.schema_id

    def _raise_recent_fault(self, reference: SchemaReference) -> None:
        recent = self._faults.get(reference)
        if recent is not None and self._clock() < recent.until:
            raise recent.kind(recent.message)
        self._faults.pop(reference, None)

    def _remember(self, reference: SchemaReference, fault: PassingFault) -> None:
        now = self._clock()
        if len(self._faults) >= _MOST_UNKNOWN:
            self._faults = {each: kept for each, kept in self._faults.items() if now < kept.until}
        self._faults[reference] = _Fault(now + FAULT_TTL_S, type(fault), str(fault))

    def _look_up(self, reference: SchemaReference) -> avro.ParsedSchema | RecordError:
        now = self._clock()
        if self._unknown.is_settled(reference, now):
            raise _unknown(reference)
        try:
            schema, referred = self._fetch_if_there(reference)
        except Absent:
            if self._unknown.is_settled_by(reference, now):
                raise _unknown(reference) from None
            raise UnknownSchema(
                f"the Schema Registry does not know schema {reference}; it is asked for {PATIENCE_S:.0f} s, because "
                "a new one may take a moment to reach every node. Then such records are dead-lettered"
            ) from None
        self._unknown.forget(reference)
        return _parsed(reference, schema, referred)

    def _fetch_if_there(self, reference: SchemaReference) -> tuple[Schema, list[Schema]]:
        """Raises Absent, too, when the registry refuses to be asked for this one schema and answers otherwise."""
        assert self._client is not None
        try:
            return self._fetch(reference)
        except Refused:
            # Apicurio has no GUIDs, and proxies answer for an odd id: no reason to stop for every other record.
            if answers_at_all(self._client, self._url):
                raise Absent from None
            raise

    def _fetch(self, reference: SchemaReference) -> tuple[Schema, list[Schema]]:
        """The schema, and those that it refers to, each after the ones that it needs."""
        assert self._client is not None
        with asking(self._url):
            if isinstance(reference, UUID):
                schema = self._client.get_schema_by_guid(str(reference))
            else:
                schema = self._client.get_schema(reference)
            referred: dict[tuple[str, int], Schema] = {}
            self._add_referred(schema, referred)
        return schema, list(referred.values())

    def _add_referred(self, schema: Schema, referred: dict[tuple[str, int], Schema]) -> None:
        assert self._client is not None
        for each in schema.references or ():
            if each.subject is None or each.version is None or (each.subject, each.version) in referred:
                continue
            found = self._client.get_version(each.subject, each.version).schema
            self._add_referred(found, referred)
            referred[each.subject, each.version] = found


@dataclass(frozen=True, slots=True)
class _Fault:
    """Not the exception itself, whose traceback would keep the window's records in memory."""

    until: float
    kind: type[PassingFault]
    message: str


class _Unknown:
    """What the registry did not know, since when, and until when that is believed."""

    def __init__(self) -> None:
        self._since: dict[SchemaReference, float] = {}
        self._until: dict[SchemaReference, float] = {}

    def is_settled(self, reference: SchemaReference, now: float) -> bool:
        return now < self._until.get(reference, now)

    def is_settled_by(self, reference: SchemaReference, now: float) -> bool:
        """Whether one more "unknown" ends our patience."""
        if now - self._since.setdefault(reference, now) < PATIENCE_S:
            return False
        self._until[reference] = now + UNKNOWN_TTL_S
        if len(self._since) > _MOST_UNKNOWN:
            self.forget(next(iter(self._since)))
        return True

    def forget(self, reference: SchemaReference) -> None:
        self._since.pop(reference, None)
        self._until.pop(reference, None)


def open_store(url: str | None, options: dict[str, str], files: Sequence[Path]) -> SchemaStore:
    """The store of these settings (registry.url, registry.options, input.schemas); nothing is asked yet."""
    return SchemaStore(None if url is None else connect(url, options), url or "", files)


def read_schema_file(path: Path, setting: str) -> str:
    """An .avsc's text, parsed once to be sure. Raises SettingsError, naming the setting and the file."""
    try:
        text = path.read_text(encoding="utf-8")
        avro.parse(text)
    except (OSError, UnicodeDecodeError) as problem:
        raise SettingsError(f"{setting} = {path} cannot be read: {problem}") from problem
    except UnsafeSchema as problem:
        raise SettingsError(f"{setting} = {path}: the schema {problem}") from problem
    return text


def _single_object_schemas(files: Sequence[Path]) -> dict[bytes, avro.ParsedSchema]:
    texts = [schemas.avro(event) for event in schemas.EVENTS]
    texts += [read_schema_file(path, "input.schemas") for path in files]
    return {avro.fingerprint(text): avro.parse(text) for text in texts}


def _parsed(reference: SchemaReference, schema: Schema, referred: list[Schema]) -> avro.ParsedSchema | RecordError:
    if schema.schema_type != "AVRO":
        return NOT_AN_AVRO_SCHEMA.error(reference=reference, type=schema.schema_type)
    named: avro.NamedSchemas = {}
    try:
        for each in referred:
            avro.parse(each.schema_str or "", named)
        return avro.parse(schema.schema_str or "", named)
    except UnsafeSchema as problem:
        return UNSAFE_SCHEMA.error(reference=reference, problem=problem)


def _unknown(reference: SchemaReference) -> RecordError:
    reason = UNKNOWN_SCHEMA_GUID if isinstance(reference, UUID) else UNKNOWN_SCHEMA_ID
    return reason.error(reference=reference, waited_s=round(PATIENCE_S))
