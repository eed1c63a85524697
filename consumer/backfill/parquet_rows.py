"""Rows of Parquet as JSON, in pieces."""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson

from consumer.errors import SettingsError

ROWS, BYTES = 1000, 64 * 1024
NEEDS = "Parquet files need pyarrow: pip install '.[parquet]'"
_NOT_UTF8 = "\udcff"  # which becomes a byte that no UTF-8 has, so that the decoder says so


def count(path: Path) -> int:
    """How many rows its end tells of. Raises SettingsError."""
    with _opened(path) as file:
        return int(file.metadata.num_rows)


def values(path: Path, first: int = 1) -> Iterator[bytes]:
    """From the row `first` on, each as a JSON object of its columns. Raises SettingsError for what is no Parquet."""
    with _opened(path) as file:
        groups, skip = _from(file, first - 1)
        for batch in file.iter_batches(ROWS, row_groups=groups) if groups else ():
            if skip >= len(batch):
                skip -= len(batch)
                continue
            yield from as_json(batch.slice(skip))
            skip = 0


def as_json(batch: Any) -> list[bytes]:
    """
    A batch's rows. Times are ISO 8601, decimals and binary texts strings, maps objects; other binary, and NaN, null.

    A text that is not UTF-8 keeps its bytes, which makes the JSON none: its row alone is a dead letter.
    """
    import pyarrow as pa  # type: ignore[import-untyped]

    try:
        rows = _micros(pa, batch).to_pylist(maps_as_pydicts="lossy")
        return [orjson.dumps(row, default=_plain_one, option=orjson.OPT_NON_STR_KEYS) for row in rows]
    except (ValueError, OverflowError, TypeError):  # one value of a thousand: UTF-8, a time, a key
        return [_leniently(pa, batch.slice(place, 1)) for place in range(len(batch))]


def _micros(pa: Any, batch: Any) -> Any:
    """Nanoseconds, which Python has none of, cut."""
    for place, field in enumerate(batch.schema):
        if pa.types.is_timestamp(field.type) and field.type.unit == "ns":
            column = batch.column(place).cast(pa.timestamp("us", field.type.tz), safe=False)
            batch = batch.set_column(place, field.name, column)
    return batch


def _leniently(pa: Any, row: Any) -> bytes:
    """One row, column by column; what cannot be told is null, and what is not UTF-8 stays so."""
    found = {name: _value(pa, row.column(place)) for place, name in enumerate(row.schema.names)}
    return json.dumps(_plain(found), ensure_ascii=False).encode("utf-8", "surrogateescape")


def _value(pa: Any, column: Any) -> object:
    try:
        return column.to_pylist(maps_as_pydicts="lossy")[0]
    except UnicodeDecodeError:
        if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
            return _NOT_UTF8  # somewhere within
        content: bytes = column.cast(pa.large_binary())[0].as_py()
        return content.decode("utf-8", "surrogateescape")
    except (ValueError, OverflowError):
        return None


def _plain(value: object) -> object:
    """As JSON has it, whatever there is within."""
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, str | int | float) else _plain_one(value)


def _plain_one(value: object) -> object:
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return None  # no text: as a string of its digits it could be taken for one
    if isinstance(value, Decimal):
        return str(value)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _from(file: Any, skip: int) -> tuple[list[int], int]:
    """The row groups that are left when so many rows are skipped, and how many rows of the first of them are."""
    groups = range(file.metadata.num_row_groups)
    for group in groups:
        rows = file.metadata.row_group(group).num_rows
        if skip < rows:
            return list(groups[group:]), skip
        skip -= rows
    return [], 0


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq  # type: ignore[import-untyped]
    except ImportError as error:
        raise SettingsError(NEEDS) from error
    try:
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=BYTES) as file:  # else the file is read whole
            if len(set(file.schema_arrow.names)) < len(file.schema_arrow.names):
                raise SettingsError(f"{path} has two columns of one name; leave one of the two out")
            yield file
    except (OSError, pa.ArrowException) as error:
        raise SettingsError(f"{path} cannot be read as Parquet ({type(error).__name__})") from error
