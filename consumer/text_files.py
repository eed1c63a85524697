"""Texts out of JSONL, CSV and Parquet files, one at a time, so that a file of any size takes little memory."""

import csv
import gzip
import io
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson

from consumer.errors import SettingsError

MAX_CSV_FIELD = 64 * 1024 * 1024
PARQUET_ROWS = 1000
KINDS = ".jsonl, .ndjson or .csv (each also with .gz), or .parquet"

Advance = Callable[[int], None]


def read(path: Path, field: str, advance: Advance) -> Iterator[str]:
    """
    The texts of `field`, row by row, null as the empty text. `advance` is told how many of the file's bytes are read.

    SettingsError names the row and its fields when one has no such text, never what stands in it.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    zipped = suffixes[-1:] == [".gz"]
    kind = suffixes[-1 - zipped] if len(suffixes) > zipped else ""
    if kind == ".parquet" and not zipped:
        return _parquet(path, field, advance)
    if kind not in (".jsonl", ".ndjson", ".csv"):
        raise SettingsError(f"{path} is named like none of the files that can be read; they end in {KINDS}")
    return _lines(path, field, advance, zipped=zipped, rows=_csv if kind == ".csv" else _jsonl)


def _lines(
    path: Path,
    field: str,
    advance: Advance,
    *,
    zipped: bool,
    rows: Callable[[Path, io.BufferedIOBase, str], Iterator[tuple[int, dict[str, Any]]]],
) -> Iterator[str]:
    try:
        with path.open("rb") as raw:
            content = gzip.GzipFile(fileobj=raw) if zipped else raw
            for number, row in rows(path, content, field):
                yield _text(path, number, row, field)
                advance(raw.tell())
    except (OSError, EOFError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        raise SettingsError(f"{path} cannot be read ({why})") from error


def _jsonl(path: Path, content: io.BufferedIOBase, field: str) -> Iterator[tuple[int, dict[str, Any]]]:  # noqa: ARG001
    for number, line in enumerate(content, start=1):
        if not line.strip():
            continue
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise SettingsError(f"{path} has no JSON in line {number}; write one object a line") from error
        if not isinstance(row, dict):
            raise SettingsError(f"{path} has no JSON object in line {number}; write one object a line")
        yield number, row


def _csv(path: Path, content: io.BufferedIOBase, field: str) -> Iterator[tuple[int, dict[str, Any]]]:
    before = csv.field_size_limit(MAX_CSV_FIELD)
    text = io.TextIOWrapper(content, encoding="utf-8-sig", errors="replace", newline="")  # type: ignore[type-var]
    try:
        rows = csv.DictReader(text, strict=True)
        if field not in (rows.fieldnames or ()):
            raise _no_field(path, "the header", field, rows.fieldnames or ())
        yield from enumerate(rows, start=2)
    except csv.Error as error:
        raise SettingsError(f"{path} is no CSV beyond line {rows.line_num}: {error}") from error
    finally:
        csv.field_size_limit(before)
        text.detach()  # else it would close what it does not own


def _parquet(path: Path, field: str, advance: Advance) -> Iterator[str]:
    try:
        import pyarrow as pa  # type: ignore[import-untyped]
        import pyarrow.parquet as pq  # type: ignore[import-untyped]
    except ImportError as error:
        raise SettingsError("Parquet files need pyarrow: pip install 'shikyu[parquet]'") from error
    try:
        with pq.ParquetFile(path) as file:
            if field not in file.schema_arrow.names:
                raise _no_field(path, "the schema", field, file.schema_arrow.names)
            size, rows, done = path.stat().st_size, max(1, file.metadata.num_rows), 0
            for batch in file.iter_batches(PARQUET_ROWS, columns=[field]):
                for number, value in enumerate(batch.column(0).to_pylist(), start=done + 1):
                    yield _text(path, number, {field: value}, field)
                done += len(batch)
                advance(size * done // rows)
    except (OSError, pa.ArrowException) as error:
        raise SettingsError(f"{path} cannot be read as Parquet ({type(error).__name__})") from error


def _text(path: Path, number: int, row: dict[str, Any], field: str) -> str:
    if field not in row:
        raise _no_field(path, f"row {number}", field, row)
    value = row[field]
    if value is None:
        return ""
    if not isinstance(value, str):
        raise SettingsError(f"{path} has a {type(value).__name__} in {field!r} of row {number}, not a text")
    return value


def _no_field(path: Path, where: str, field: str, names: Iterable[Any]) -> SettingsError:
    known = ", ".join(str(name) for name in list(names)[:20])
    return SettingsError(f"{path} has no {field!r} in {where}; --text-field names one of {known or 'none'}")
