"""A record's value to the event that it is: Avro with a registry or without one, or JSON."""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol, get_args

import fastavro
import fastavro.schema
from confluent_kafka.schema_registry import Schema
from confluent_kafka.schema_registry.error import SchemaRegistryError
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from examples.ticketing.errors import Away, Unreadable, WrongSurroundings

Format = Literal["avro", "json-schema", "avro-single-object", "json"]
FORMATS: tuple[Format, ...] = get_args(Format)
DECISIONS = ("urgent", "routine")
Headers = Iterable[tuple[str, bytes]]  # a record's, but for those without a value

_NO_SUCH_SCHEMA = 40403  # another 404 is a wrong URL's

FOLDER = Path(__file__).parent
_OURS = fastavro.parse_schema(json.loads((FOLDER / "event.avsc").read_text(encoding="utf-8")))
# PostgreSQL stores no NUL, and no database half of a surrogate pair, which JSON may hold.
_NOT_STORABLE = re.compile("[\0\ud800-\udfff]")

# https://www.w3.org/TR/trace-context: version ff is none, nor are ids of zeros; later versions may add a field.
_TRACEPARENT = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})(?P<trace>[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?"
)


def _storable(value: object) -> object:
    return _NOT_STORABLE.sub("\ufffd", value) if isinstance(value, str) else value


def _known_or_urgent(value: object) -> object:
    # As Avro's default does it: a decision that a later shikyu makes up shall not be left lying.
    return "urgent" if isinstance(value, str) and value not in DECISIONS else value


Text = Annotated[str, BeforeValidator(_storable)]
Name = Annotated[str, BeforeValidator(_storable), Field(max_length=600)]  # an index holds no more


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")  # a field that a later version adds is no error


class ModelVersion(_Part):
    name: Name
    version: Name


class Source(_Part):
    """Where in Kafka the customer's message stands: the same in every run that answers it."""

    topic: Name
    partition: int = Field(ge=0, lt=2**31)
    offset: int = Field(ge=0, lt=2**63)
    timestamp: AwareDatetime | None = None


class Event(_Part):
    """Of a classified-message, what ticketing uses."""

    event_id: Name
    customer_id: Text | None = None
    channel: Text | None = None
    text: Text | None = None
    urgency: float = Field(ge=0, le=1)
    decision: Annotated[Literal["urgent", "routine"], BeforeValidator(_known_or_urgent)]
    model: ModelVersion
    source: Source
    classified_at: AwareDatetime
    run: Name = "live"
    trace_id: str | None = None  # of the record's header, and never of its value

    @property
    def waiting_since(self) -> datetime:
        """When the customer's message came, as far as its producer's clock can be right."""
        received = self.source.timestamp
        return self.classified_at if received is None else min(received, self.classified_at)


def trace_id(headers: Headers) -> str | None:
    """Of the W3C `traceparent` that the message came with, and that shikyu passed on; None without a valid one."""
    given = [value for name, value in headers if name.lower() == "traceparent"]
    found = _TRACEPARENT.fullmatch(given[-1]) if given else None
    return None if found is None else found["trace"].decode()


class Registry(Protocol):
    """What is asked of confluent_kafka's SchemaRegistryClient."""

    def get_schema(self, schema_id: int) -> Schema: ...


class Reader:
    """Reads events of one format. Only `avro` asks a registry, once for each schema."""

    def __init__(self, event_format: Format, registry: Registry | None = None) -> None:
        assert event_format != "avro" or registry is not None
        self._format = event_format
        self._registry = registry
        self._by_id: dict[int, Any] = {}
        self._by_fingerprint = _of_files(sorted(FOLDER.glob("contract/classified-message/*.avsc")))

    def read(self, value: bytes | None, headers: Headers = ()) -> Event:
        """Raises Unreadable; Away when the registry does not answer, WrongSurroundings when it refuses us."""
        return self._read(value).model_copy(update={"trace_id": trace_id(headers)})

    def _read(self, value: bytes | None) -> Event:
        if not value:
            raise Unreadable("empty", "the record has no value")
        if self._format == "avro":
            return _event(_avro(value[5:], self._registered(_id(value))))
        if self._format == "avro-single-object":
            return _event(_avro(value[10:], self._shipped(value)))
        if self._format == "json-schema":
            _id(value)
            value = value[5:]
        return _event(_json(value))

    def _registered(self, schema_id: int) -> Any:
        if schema_id not in self._by_id:
            self._by_id[schema_id] = _parsed(self._asked(schema_id).schema_str or "")
        return self._by_id[schema_id]

    def _asked(self, schema_id: int) -> Schema:
        assert self._registry is not None
        try:
            return self._registry.get_schema(schema_id)
        except SchemaRegistryError as problem:
            status = problem.http_status_code
            if status == 404 and problem.error_code == _NO_SUCH_SCHEMA:
                raise Unreadable("unknown-schema", f"the Schema Registry does not know schema {schema_id}") from None
            if status < 500 and status != 429:
                raise WrongSurroundings(
                    f"the Schema Registry refuses us (HTTP {status}): check --registry-url and the login in it"
                ) from problem
            raise Away(f"the Schema Registry answers HTTP {status}") from problem
        except Exception as problem:  # which HTTP library it is depends on confluent-kafka's version
            raise Away(f"the Schema Registry does not answer ({type(problem).__name__})") from problem

    def _shipped(self, value: bytes) -> Any:
        if len(value) < 10 or not value.startswith(b"\xc3\x01"):
            raise Unreadable("bad-framing", "there is no C3 01 and fingerprint before the event")
        try:
            return self._by_fingerprint[value[2:10]]
        except KeyError:
            raise Unreadable("unknown-schema", f"no schema here has the fingerprint {value[2:10].hex()}") from None


def fingerprint(schema: str) -> bytes:
    """The CRC-64-AVRO of a schema, as single objects carry it."""
    canonical = fastavro.schema.to_parsing_canonical_form(json.loads(schema))
    return bytes.fromhex(fastavro.schema.fingerprint(canonical, "CRC-64-AVRO"))


def _of_files(files: Iterable[Path]) -> Mapping[bytes, Any]:
    texts = [file.read_text(encoding="utf-8") for file in files]
    return {fingerprint(text): _parsed(text) for text in texts}


def _parsed(schema: str) -> Any:
    try:
        return fastavro.parse_schema(json.loads(schema))
    except Exception as problem:  # noqa: BLE001 - fastavro raises KeyError, TypeError and more for what is no schema
        raise Unreadable("bad-schema", f"its schema is no Avro ({type(problem).__name__})") from None


def _id(value: bytes) -> int:
    if len(value) < 5 or value[0] != 0:
        raise Unreadable("bad-framing", "there is no magic byte 0 and schema id before the event")
    return int.from_bytes(value[1:5], "big")


def _avro(payload: bytes, writer: Any) -> object:
    stream = BytesIO(payload)
    try:
        value: object = fastavro.schemaless_reader(stream, writer, _OURS)
    except Exception as problem:  # noqa: BLE001 - fastavro raises EOFError, IndexError, OverflowError and more
        raise Unreadable("bad-avro", f"it does not fit its schema ({type(problem).__name__})") from None
    if stream.tell() != len(payload):
        raise Unreadable("bad-avro", "bytes are left behind it")
    return value


def _json(value: bytes) -> object:
    try:
        found: object = json.loads(value)
    except (ValueError, RecursionError) as problem:
        raise Unreadable("bad-json", f"it is no JSON ({type(problem).__name__})") from None
    return found


def _event(value: object) -> Event:
    try:
        return Event.model_validate(value)
    except ValidationError as problem:
        # Never pydantic's own words: they quote the value, which may be a customer's.
        wrong = {f"{'.'.join(map(str, each['loc'])) or 'all of it'}: {each['type']}" for each in problem.errors()}
        raise Unreadable("bad-event", "; ".join(sorted(wrong))) from None
