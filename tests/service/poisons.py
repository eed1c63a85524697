"""What nobody meant to send: for each format a name, the record, and what must become of it."""

import io
import json
import random
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import fastavro

MIB = 1 << 20
LARGEST_RECORD = 20_000_000  # what the input topics of these tests take
MAX_VALUE_BYTES = 16 * MIB
BOMB_BYTES = 64 * MIB
SKIPPED, ANSWERED = "skipped", "answered"

MAIL = {
    "type": "record",
    "name": "Mail",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "text", "type": "string"},
        {"name": "sent_at", "type": ["null", "double", {"type": "long", "logicalType": "timestamp-millis"}]},
        {"name": "attributes", "type": {"type": "map", "values": "string"}},
    ],
}
INVOICE = {"type": "record", "name": "Invoice", "fields": [{"name": "amount", "type": "double"}]}
NUMBERED = {"type": "record", "name": "Numbered", "fields": [{"name": "text", "type": "int"}]}
RECURSIVE = {
    "type": "record",
    "name": "Node",
    "fields": [{"name": "text", "type": "string"}, {"name": "next", "type": ["null", "Node"]}],
}
NOTHINGS = {
    "type": "record",
    "name": "Nothings",
    "fields": [{"name": "text", "type": "string"}, {"name": "all", "type": {"type": "array", "items": "null"}}],
}
AVRO_SCHEMAS = {"mail": MAIL, "invoice": INVOICE, "numbered": NUMBERED, "recursive": RECURSIVE, "nothings": NOTHINGS}
JSON_SCHEMA = {"type": "object", "properties": {"text": {"type": "string"}}}


@dataclass(frozen=True)
class Poison:
    """`fate` is SKIPPED, ANSWERED, or a dead letter's code; `compressed` sends it alone, by gzip."""

    name: str
    value: bytes | None
    fate: str
    key: bytes | None = b"customer"
    headers: list[tuple[str, bytes]] = field(default_factory=list)
    compressed: bool = False


def everywhere(good: bytes) -> Iterator[Poison]:
    """What any format can meet."""
    yield Poison("a null value", None, SKIPPED)
    yield Poison("a null key", good, ANSWERED, key=None)
    yield Poison("an empty key", good, ANSWERED, key=b"")
    yield Poison("a key that is not UTF-8", good, ANSWERED, key=b"\xff\xfe\0")
    # More than an output topic takes, and nothing that compression makes small.
    noise = random.Random(0).randbytes(1_200_000)
    yield Poison("a key of 1 MB", good, "output-too-large", key=noise)
    headers = [("h", noise[start : start + 1000]) for start in range(0, len(noise), 1000)]
    yield Poison("headers of 1 MB", good, "output-too-large", headers=headers)
    yield Poison("a header twice, and one of ours", good, ANSWERED, headers=[("ce_id", b"1"), ("ce_id", b"2")])
    yield Poison("a compressed bomb", bytes(BOMB_BYTES), "value-too-large", compressed=True)
    yield Poison("a record as large as the topic takes", b"x" * (LARGEST_RECORD - 200), "value-too-large")


def avro(ids: dict[str, int]) -> Iterator[Poison]:
    """`ids`: the registry's, by AVRO_SCHEMAS' names, and of one that is no Avro as "json"."""
    mail = {"id": "1", "text": "Where is my parcel?", "sent_at": None, "attributes": {}}

    def event(**changes: object) -> bytes:
        return framed(ids["mail"], MAIL, {**mail, **changes})

    good = event()
    prefix, schema = good[:5], ids["mail"]
    yield from everywhere(good)
    yield Poison("an empty value", b"", "bad-framing")
    yield Poison("a magic byte alone", b"\0", "bad-framing")
    yield Poison("a wrong magic byte", b"\x07" + good[1:], "bad-framing")
    yield Poison("truncated Avro", good[:-4], "truncated-avro")
    yield Poison("trailing bytes", good + b"more", "trailing-bytes")
    yield Poison("an unknown id", struct.pack(">bI", 0, 2_000_000_000) + good[5:], "unknown-schema-id")
    yield Poison("a schema of another type", struct.pack(">bI", 0, ids["json"]) + good[5:], "not-an-avro-schema")
    yield Poison("another writer's schema", framed(ids["invoice"], INVOICE, {"amount": 4.5}), "missing-text")
    yield Poison("a text that is a number", framed(ids["numbered"], NUMBERED, {"text": 7}), "text-not-a-string")
    node = framed(ids["recursive"], RECURSIVE, {"text": "a", "next": {"text": "b", "next": None}})
    yield Poison("a recursive schema", node, "unsafe-schema")
    yield Poison("5 bytes that ask for 394 MB", prefix + varint(394_000_000), "truncated-avro")
    asked = struct.pack(">bI", 0, ids["nothings"]) + varint(1) + b"a" + varint(394_000_000) + varint(0)
    yield Poison("5 bytes that ask for 394 million nulls", asked, "unsafe-schema")
    huge = prefix + varint(1) + b"1" + varint(1) + b"a" + varint(0) + varint(1_000_000_000)
    yield Poison("a map that says it has a billion entries", huge, "truncated-avro")
    yield Poison("invalid UTF-8", good.replace(b"parcel", b"par\xff\xfel"), "invalid-utf8")
    yield Poison("a lone surrogate", good.replace(b"parcel", b"par\xed\xa0\x80"), "invalid-utf8")
    yield Poison("a time that is NaN", event(sent_at=("double", float("nan"))), ANSWERED)
    year = struct.pack(">bI", 0, schema) + varint(1) + b"1" + varint(1) + b"a" + varint(2)
    yield Poison("a time in the year 30,000", year + varint(884_541_340_800_000) + varint(0), ANSWERED)
    yield Poison("noise", prefix + bytes(range(200, 256)), "invalid-avro")
    yield Poison("a million attributes", event(attributes=million_attributes()), "output-too-large")
    yield Poison("a text of 8 MB", event(text=long_text()), "output-too-large")


def from_json(good: bytes) -> Iterator[Poison]:
    yield from everywhere(good)
    yield Poison("an empty value", b"", "invalid-json")
    yield Poison("half an object", good[:-5], "invalid-json")
    yield Poison("two objects", good + good, "invalid-json")
    yield Poison("NaN", b'{"text": "a", "sent_at": NaN}', "invalid-json")
    yield Poison("a time that is no time", b'{"text": "a", "sent_at": "yesterday"}', ANSWERED)
    yield Poison("a time in the year 30,000", b'{"text": "a", "sent_at": "30000-01-01T00:00:00Z"}', ANSWERED)
    yield Poison("a number of 10,000 digits", b'{"text": "a", "n": ' + b"9" * 10_000 + b"}", ANSWERED)
    yield Poison("invalid UTF-8", b'{"text": "par\xff\xfel"}', "invalid-utf8")
    yield Poison("a lone surrogate", b'{"text": "par\\ud800"}', ANSWERED)
    yield Poison("nested 10,000 deep", b'{"text": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", "json-too-deep")
    yield Poison("4 million empty lists", b'{"text": "a", "all": [' + b"[]," * 4_000_000 + b"[]]}", ANSWERED)
    yield Poison("duplicate keys", b'{"text": "first", "text": "last"}', ANSWERED)
    yield Poison("no object", b'"text"', ANSWERED)
    yield Poison("a number", b"7", "text-not-a-string")
    yield Poison("a text that is an object", b'{"text": {"text": "a"}}', "text-not-a-string")
    attributes = json.dumps({"text": "a", "attributes": million_attributes()}).encode()
    yield Poison("a million attributes", attributes, "output-too-large")


def long_text() -> str:
    words = random.Random(0).randbytes(3_600_000).hex()
    return " ".join(words[start : start + 9] for start in range(0, len(words), 9))


def million_attributes() -> dict[str, str]:
    return {str(number): "v" for number in range(1_000_000)}


def framed(schema_id: int, schema: dict, event: dict) -> bytes:
    body = io.BytesIO()
    fastavro.schemaless_writer(body, schema, event)
    return struct.pack(">bI", 0, schema_id) + body.getvalue()


def varint(number: int) -> bytes:
    """Avro's long: zigzag, seven bits a byte."""
    rest, written = number << 1, bytearray()
    while rest > 0x7F:
        written.append(rest & 0x7F | 0x80)
        rest >>= 7
    written.append(rest)
    return bytes(written)


Poisons = Callable[..., Iterator[Poison]]
