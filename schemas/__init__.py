"""
The events that shikyu reads and writes, as Avro and JSON Schemas.

Their files are final in what they mean: a change is a new optional field with a default (BACKWARD).
The JSON Schemas are closed, because only then is an added optional property BACKWARD compatible.
"""

from functools import cache
from pathlib import Path
from typing import Literal, get_args

Event = Literal["customer-message", "classified-message", "correction"]
EVENTS: tuple[Event, ...] = get_args(Event)

_FOLDER = Path(__file__).parent


@cache
def avro(event: Event) -> str:
    """The event's Avro schema, as JSON text."""
    return (_FOLDER / f"{event}.avsc").read_text(encoding="utf-8")


@cache
def json_schema(event: Event) -> str:
    """The event's JSON Schema (draft 7), as JSON text."""
    return (_FOLDER / f"{event}.schema.json").read_text(encoding="utf-8")
