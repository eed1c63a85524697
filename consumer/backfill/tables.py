"""Outputs as rows of Parquet: the classified message with its own fields and types, dead letters by their headers."""

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import Any

import orjson

from consumer.dead_letters import CONNECT
from consumer.records import OutputRecord

_TIMES = ("sent_at", "classified_at")


@cache
def classified_schema() -> Any:
    """docs/formats.md's classified-message, in Arrow's types."""
    import pyarrow as pa  # type: ignore[import-untyped]

    moment, text = pa.timestamp("ms", "UTC"), pa.string()
    classes = ("very_unsatisfied", "unsatisfied", "neutral", "satisfied", "very_satisfied")
    return pa.schema(
        [
            pa.field("event_id", text, nullable=False),
            *((name, text) for name in ("id", "customer_id", "channel", "language")),
            ("sent_at", moment),
            ("attributes", pa.map_(text, text)),
            ("text", text),
            ("satisfaction", text),
            ("probabilities", pa.struct([(name, pa.float64()) for name in classes])),
            ("urgency", pa.float64()),
            ("decision", text),
            ("threshold", pa.float64()),
            ("reason", text),
            ("truncated", pa.bool_()),
            ("audit", pa.float64()),
            ("attempt", pa.int32()),
            ("model", pa.struct([(name, text) for name in ("name", "version", "precision")])),
            (
                "source",
                pa.struct([("topic", text), ("partition", pa.int32()), ("offset", pa.int64()), ("timestamp", moment)]),
            ),
            ("classified_at", moment),
            ("run", text),
        ]
    )


@cache
def dead_schema() -> Any:
    import pyarrow as pa

    text = pa.string()
    return pa.schema(
        [
            ("file", text),
            ("row", pa.int64()),
            ("topic", text),
            ("partition", pa.int32()),
            ("code", text),
            ("stage", text),
            ("message", text),
            ("attempt", pa.int32()),
            ("model_version", text),
            ("run", text),
            ("value", pa.binary()),
        ]
    )


def classified(outputs: Iterable[OutputRecord]) -> Any:
    import pyarrow as pa

    rows = [_typed(orjson.loads(output.value or b"")) for output in outputs]
    return pa.Table.from_pylist(rows, schema=classified_schema())


def dead(outputs: Iterable[OutputRecord], file: str) -> Any:
    import pyarrow as pa

    return pa.Table.from_pylist([_dead(output, file) for output in outputs], schema=dead_schema())


def _typed(event: dict[str, Any]) -> dict[str, Any]:
    for name in _TIMES:
        event[name] = _moment(event[name])
    event["source"]["timestamp"] = _moment(event["source"]["timestamp"])
    event["attributes"] = list(event["attributes"].items())
    return event


def _moment(written: str | None) -> datetime | None:
    return None if written is None else datetime.fromisoformat(written)


def _dead(output: OutputRecord, file: str) -> dict[str, Any]:
    told = {name: (value or b"").decode() for name, value in output.headers}
    return {
        "file": file,
        "row": int(told[CONNECT + "offset"]),
        "topic": told[CONNECT + "topic"],
        "partition": int(told[CONNECT + "partition"]),
        "code": told["shikyu.error.code"],
        "stage": told[CONNECT + "stage"],
        "message": told[CONNECT + "exception.message"],
        "attempt": int(told["shikyu.attempt"]),
        "model_version": told["shikyu.model.version"],
        "run": told["shikyu.run"],
        "value": output.value,
    }
