"""How a value says which schema it was written with: Confluent's framing or header, or Avro's single-object marker."""

from uuid import UUID

from consumer.dead_letters import BAD_FRAMING, BAD_SCHEMA_HEADER
from consumer.records import Headers

# A schema's id within a registry, or its GUID, which is the same in every registry.
SchemaReference = int | UUID

VALUE_SCHEMA_HEADER = "__value_schema_id"

_ID_MAGIC = b"\x00"
_GUID_MAGIC = b"\x01"
_ID_FRAME_BYTES = 5
_GUID_FRAME_BYTES = 17
_SINGLE_OBJECT_MARKER = b"\xc3\x01"
_SINGLE_OBJECT_FRAME_BYTES = 10


def read_confluent(value: bytes, headers: Headers, input_format: str) -> tuple[SchemaReference, bytes]:
    """
    The writer's schema and the payload, as Confluent's deserialisers find them: the record header
    `__value_schema_id` first (then the whole value is payload), else the value's own prefix.

    Raises RecordError (bad-schema-header, bad-framing).
    """
    for name, content in headers:
        if name == VALUE_SCHEMA_HEADER and content is not None:
            return _read_header(content), value
    # A GUID stands in a header alone: a value that begins with 1 is no frame, whatever else it is.
    reference = _read_frame(value)
    if not isinstance(reference, int):
        raise BAD_FRAMING.error(expected="a magic byte 0 and a 4-byte schema id", format=input_format)
    return reference, value[_ID_FRAME_BYTES:]


def confluent_prefix(schema_id: int) -> bytes:
    """What stands before a payload that was written with the schema of this id."""
    return _ID_MAGIC + schema_id.to_bytes(4, "big")


def read_single_object(value: bytes) -> tuple[bytes, bytes]:
    """
    The 8-byte little-endian CRC-64-AVRO fingerprint of the writer's schema, and the payload.

    https://avro.apache.org/docs/current/specification/#single-object-encoding. Raises RecordError (bad-framing).
    """
    if len(value) < _SINGLE_OBJECT_FRAME_BYTES or not value.startswith(_SINGLE_OBJECT_MARKER):
        raise BAD_FRAMING.error(expected="C3 01 and an 8-byte fingerprint", format="avro-single-object")
    return value[2:_SINGLE_OBJECT_FRAME_BYTES], value[_SINGLE_OBJECT_FRAME_BYTES:]


def single_object_prefix(fingerprint: bytes) -> bytes:
    """What stands before a payload that was written with the schema of this 8-byte fingerprint."""
    return _SINGLE_OBJECT_MARKER + fingerprint


def _read_header(content: bytes) -> SchemaReference:
    reference = _read_frame(content)
    size = _ID_FRAME_BYTES if isinstance(reference, int) else _GUID_FRAME_BYTES
    if reference is None or len(content) != size:
        raise BAD_SCHEMA_HEADER.error()
    return reference


def _read_frame(content: bytes) -> SchemaReference | None:
    if content.startswith(_ID_MAGIC) and len(content) >= _ID_FRAME_BYTES:
        return int.from_bytes(content[1:_ID_FRAME_BYTES], "big")
    if content.startswith(_GUID_MAGIC) and len(content) >= _GUID_FRAME_BYTES:
        return UUID(bytes=content[1:_GUID_FRAME_BYTES])
    return None
