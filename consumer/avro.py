"""Avro values to plain data and back, safe against schemas and bytes that anybody may have written."""

import json
from io import BytesIO
from typing import Any

import fastavro
import fastavro.schema
from fastavro.read import SchemaResolutionError

from consumer.avro_safety import UnsafeSchema, refuse_unsafe
from consumer.avro_times import with_plain_times
from consumer.dead_letters import INVALID_AVRO, INVALID_UTF8, TRAILING_BYTES, TRUNCATED_AVRO, UNRESOLVABLE_SCHEMA

# fastavro's own form of a schema, its names resolved and its temporal types ours (avro_times.py).
ParsedSchema = Any
NamedSchemas = dict[str, Any]


def parse(text: str, named: NamedSchemas | None = None) -> ParsedSchema:
    """
    A schema to read or write with. `named` holds the types that it may refer to, and gains its own.

    Raises UnsafeSchema for one that is malformed, recursive, or lets few bytes stand for many values.
    """
    named = {} if named is None else named
    try:
        parsed = fastavro.parse_schema(with_plain_times(json.loads(text)), named)
        refuse_unsafe(parsed, named)
    except UnsafeSchema:
        raise
    except RecursionError:
        raise UnsafeSchema("is nested too deep") from None
    except Exception as problem:
        # fastavro raises KeyError, TypeError and more for what is no schema
        raise UnsafeSchema(f"is no Avro schema ({type(problem).__name__})") from problem
    return parsed


def fingerprint(text: str) -> bytes:
    """The 8 bytes of a schema's CRC-64-AVRO as single objects carry them, little-endian."""
    canonical = fastavro.schema.to_parsing_canonical_form(json.loads(text))
    return bytes.fromhex(fastavro.schema.fingerprint(canonical, "CRC-64-AVRO"))


def read(payload: bytes, writer: ParsedSchema, reader: ParsedSchema | None) -> object:
    """
    The one value that the payload is, resolved to `reader`'s schema when there is one.

    As JSON has them: times and dates as ISO 8601 strings (None out of range), decimals as numbers, UUIDs as strings.
    Raises RecordError (truncated-avro, trailing-bytes, invalid-utf8, unresolvable-schema, invalid-avro).
    """
    stream = BytesIO(payload)
    try:
        value: object = fastavro.schemaless_reader(stream, writer, reader)
    except EOFError:
        raise TRUNCATED_AVRO.error() from None
    except UnicodeDecodeError:
        raise INVALID_UTF8.error() from None
    except SchemaResolutionError:
        raise UNRESOLVABLE_SCHEMA.error() from None
    except Exception:  # noqa: BLE001 - fastavro raises IndexError, OverflowError, StopIteration and more
        raise INVALID_AVRO.error() from None
    if left := len(payload) - stream.tell():
        # fastavro is silent about them, and a wrong schema often shows only here
        raise TRAILING_BYTES.error(count=left)
    return value


def write(value: object, schema: ParsedSchema, prefix: bytes) -> bytes:
    """`prefix`, then the value."""
    stream = BytesIO()
    stream.write(prefix)
    # ours are never fastavro's (type, value) tuples, and looking for them takes time
    fastavro.schemaless_writer(stream, schema, value, disable_tuple_notation=True)
    return stream.getvalue()
