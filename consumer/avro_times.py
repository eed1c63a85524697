"""Lets fastavro read times and decimals as JSON has them: one form for every format, and no error out of range."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Context, Decimal
from typing import Any

from fastavro.read import LOGICAL_READERS

from consumer.exact_number import ExactNumber
from consumer.timestamps import from_millis, iso_millis

_OURS = "shikyu-"
_EPOCH = date(1970, 1, 1)
_LONGEST_DECIMAL_BYTES = 64
_EXACT = Context(prec=200)

Reader = Callable[[Any, Any, Any], object]


def with_plain_times(schema: Any) -> Any:
    """The schema with its logical types renamed to ours, so that the readers below take them."""
    if isinstance(schema, list):
        return [with_plain_times(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {name: _renamed(name, part) for name, part in schema.items()}


def _renamed(name: str, part: Any) -> Any:
    if name == "logicalType" and isinstance(part, str):
        return _OURS + part
    return part if name == "default" else with_plain_times(part)


def _timestamp(per_milli: int, suffix: str) -> Reader:
    def read(value: int, _writer: object, _reader: object) -> str | None:
        moment = from_millis(value // per_milli)
        return None if moment is None else iso_millis(moment).removesuffix("Z") + suffix

    return read


def _date(days: int, _writer: object, _reader: object) -> str | None:
    try:
        return (_EPOCH + timedelta(days=days)).isoformat()
    except OverflowError:
        return None


def _decimal(value: bytes, writer: dict[str, Any] | None, _reader: object) -> float | None:
    if len(value) > _LONGEST_DECIMAL_BYTES:
        return None  # no amount of money, and slow to convert
    unscaled, scale = int.from_bytes(value, "big", signed=True), int((writer or {}).get("scale", 0))
    return unscaled if scale == 0 else ExactNumber(_EXACT.scaleb(Decimal(unscaled), -scale))


for _unit, _per_milli in (("millis", 1), ("micros", 1_000), ("nanos", 1_000_000)):
    LOGICAL_READERS[f"long-{_OURS}timestamp-{_unit}"] = _timestamp(_per_milli, "Z")
    LOGICAL_READERS[f"long-{_OURS}local-timestamp-{_unit}"] = _timestamp(_per_milli, "")
LOGICAL_READERS[f"int-{_OURS}date"] = _date
LOGICAL_READERS[f"bytes-{_OURS}decimal"] = _decimal
LOGICAL_READERS[f"fixed-{_OURS}decimal"] = _decimal
