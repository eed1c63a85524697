"""Rows out of JSONL, CSV and Parquet files, one at a time, so that a file of any size takes little memory."""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from consumer import strict_json
from consumer.errors import RecordError, SettingsError
from consumer.names import nearest
from consumer.visible import told_names

MAX_LINE = 64 * 1024 * 1024  # of CSV in characters, and in a quoted field, which may hold several lines
PARQUET_ROWS, PARQUET_BYTES = 1000, 64 * 1024
NEAR = 0.75  # of columns: "ticket" is no misspelt "text"
KINDS = ".jsonl, .ndjson or .csv (each also with .gz), or .parquet"

Advance = Callable[[int], None]
Row = tuple[str, tuple[object, ...]]
Text = TypeVar("Text", str, bytes)


class NoSuchField(SettingsError):
    """
    A `file` has no such `field`: who asked for it knows which setting or flag names another. `names` are its own, as
    far as they may be told.
    """

    def __init__(self, field: str, message: str, file: str, names: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.field, self.file, self.names = field, file, names


def read(path: Path, field: str, advance: Advance) -> Iterator[str]:
    """
    The texts of `field`, row by row, null as the empty text. `advance` is told how many of the file's bytes are read.

    SettingsError names the row and its fields when one has no such text, never what stands in it.
    """
    return joined(path, (field,), advance)


def joined(path: Path, fields: Sequence[str], advance: Advance) -> Iterator[str]:
    """As `read`, of several fields as the stream and training join them: by a blank line, empty ones left out."""
    for where, values in rows(path, fields, advance):
        for field, value in zip(fields, values, strict=True):
            if value is not None and not isinstance(value, str):
                raise SettingsError(f"{path} has a {type(value).__name__} in {field!r} of {where}, not a text")
        yield "\n\n".join(value for value in values if value)  # type: ignore[misc]


def rows(path: Path, fields: Sequence[str], advance: Advance = lambda _: None) -> Iterator[Row]:
    """
    Where each row stands (`line 3`, or `row 3` of Parquet), and its values of `fields`; as `read` otherwise.

    JSON is read as the stream reads it, so that half an emoji is U+FFFD; what is not UTF-8 is refused.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    zipped = suffixes[-1:] == [".gz"]
    kind = suffixes[-1 - zipped] if len(suffixes) > zipped else ""
    if kind == ".parquet" and not zipped:
        return _parquet(path, fields, advance)
    if kind not in (".jsonl", ".ndjson", ".csv"):
        raise SettingsError(f"{path} is named like none of the files that can be read; they end in {KINDS}")
    return _lines(path, fields, advance, zipped=zipped, parse=_csv if kind == ".csv" else _jsonl)


def _lines(
    path: Path,
    fields: Sequence[str],
    advance: Advance,
    *,
    zipped: bool,
    parse: Callable[[Path, io.BufferedIOBase, Sequence[str]], Iterator[Row]],
) -> Iterator[Row]:
    try:
        with path.open("rb") as raw:
            content = gzip.GzipFile(fileobj=raw) if zipped else raw
            for row in parse(path, content, fields):
                yield row
                advance(raw.tell())
    except (OSError, EOFError, zlib.error) as error:
        why = getattr(error, "strerror", None) or "it is no whole gzip file"
        raise SettingsError(f"{path} cannot be read: {why}") from error


def _jsonl(path: Path, content: io.BufferedIOBase, fields: Sequence[str]) -> Iterator[Row]:
    for number, line in enumerate(_bounded(path, content.readline), start=1):
        if not line.strip():
            continue
        try:
            row = strict_json.loads(line)
        except RecordError as error:
            raise SettingsError(f"{path}, line {number}: {error.message}; write one object a line") from error
        if not isinstance(row, dict):
            raise SettingsError(f"{path} has no JSON object in line {number}; write one object a line")
        if missing := [field for field in fields if field not in row]:
            raise _no_field(path, f"line {number}", missing[0], row)
        if twice := [field for field in fields if _is_twice(line, field)]:
            raise _not_one(path, f"line {number}", twice[0])
        yield f"line {number}", tuple(row[field] for field in fields)


def _is_twice(line: bytes, field: str) -> bool:
    """Whether an object, which is known to be JSON, has the field twice itself; asked in full of few lines only."""
    if line.count(json.dumps(field, ensure_ascii=False).encode()) < 2:
        return False
    text = line.decode("utf-8-sig")
    try:
        pairs = json.loads(text, object_pairs_hook=list, parse_int=str, parse_float=str)
    except RecursionError:  # deeper than Python goes, and not than orjson
        return False
    return [name for name, _ in pairs].count(field) > 1


def _csv(path: Path, content: io.BufferedIOBase, fields: Sequence[str]) -> Iterator[Row]:
    before = csv.field_size_limit(MAX_LINE)
    begins = 1  # the line where the row does that is read; the reader itself counts on in one that is refused
    text = io.TextIOWrapper(content, encoding="utf-8-sig", newline="")  # type: ignore[type-var]
    lines = _bounded(path, text.readline)
    reader = csv.reader([])  # so that a first line that cannot be read is told as any other
    try:
        first = next(lines, "")
        reader = csv.reader(chain([first], lines), delimiter=_delimiter(first, fields), strict=True)
        columns = next(reader, [])
        _check_columns(path, columns, fields)
        places = [columns.index(field) for field in fields]
        begins = reader.line_num + 1
        for row in reader:
            # A text with a comma and no quotes would end there, and one with a line break too.
            if row and len(row) != len(columns):
                how_many = "more" if len(row) > len(columns) else "fewer"
                raise SettingsError(f"{path}, line {begins}: {how_many} fields than columns; put quotes around texts")
            if row:  # a blank line is none
                yield f"line {begins}", tuple(row[place] for place in places)
            begins = reader.line_num + 1
    except csv.Error as error:
        raise SettingsError(f"{path}, line {begins} is no CSV{csv_advice(error)}") from error
    except UnicodeDecodeError:  # which holds the bytes
        raise SettingsError(f"{path} is not UTF-8 at or after line {reader.line_num + 1}; save it as UTF-8") from None
    finally:
        csv.field_size_limit(before)
        text.detach()  # else it would close what it does not own


def csv_advice(error: csv.Error) -> str:
    """What follows on `is no CSV`: the reader's strict words are about quotes, but for a field that is too long."""
    quotes = "expected after" in str(error) or "unexpected end" in str(error)
    meant = ': a quote inside quotes is written twice (""), or a quote is not closed' if quotes else ""
    return f" ({error}){meant}"


def _delimiter(first: str, fields: Sequence[str]) -> str:
    """A comma; where the first line has none, what spreadsheets write in its place: a semicolon or a tab."""
    if "," in first or first.rstrip("\r\n") in fields:
        return ","
    return next((each for each in ";\t" if each in first), ",")


def _check_columns(path: Path, columns: Sequence[str], fields: Sequence[str]) -> None:
    if missing := [field for field in fields if field not in columns]:
        # Without a header these are no names, but the first customer's words: then not all look like a program's.
        names = told_names(columns)
        names = names if len(names) == len(columns) > 1 else []
        known = f", {', '.join(names)}" if names else ""
        raise NoSuchField(
            missing[0],
            f"{path} has no {missing[0]!r} among the {len(columns)} columns of its first line{known}"
            f"{nearest(missing[0], columns, NEAR)}; a CSV file begins with its columns' names",
            str(path),
            names,
        )
    if twice := [field for field in fields if columns.count(field) > 1]:
        raise _not_one(path, "its first line", twice[0])


def _bounded(path: Path, readline: Callable[[int], Text]) -> Iterator[Text]:
    """A few megabytes of gzip may hold a line that no memory does."""
    number = 1
    while line := readline(MAX_LINE + 1):
        if len(line) > MAX_LINE:
            raise SettingsError(f"{path}, line {number}: longer than {MAX_LINE:,}; write one message a line")
        yield line
        number += 1


def _parquet(path: Path, fields: Sequence[str], advance: Advance) -> Iterator[Row]:
    try:
        import pyarrow as pa  # type: ignore[import-untyped]
        import pyarrow.parquet as pq  # type: ignore[import-untyped]
    except ImportError as error:
        raise SettingsError("Parquet files need pyarrow: pip install '.[parquet]'") from error
    try:
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=PARQUET_BYTES) as file:  # else the file is read whole
            names = file.schema_arrow.names
            if missing := [field for field in fields if field not in names]:
                raise _no_field(path, "its schema", missing[0], names)
            if twice := [field for field in fields if names.count(field) > 1]:
                raise _not_one(path, "its schema", twice[0])
            size, total, done = path.stat().st_size, max(1, file.metadata.num_rows), 0
            for batch in file.iter_batches(PARQUET_ROWS, columns=list(fields)):
                columns = [_values(path, batch, field, done) for field in fields]
                for number, values in enumerate(zip(*columns, strict=True), start=done + 1):
                    yield f"row {number}", values
                done += len(batch)
                advance(size * done // total)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise SettingsError(f"{path} cannot be read as Parquet ({type(error).__name__})") from error


def _values(path: Path, batch: Any, field: str, before: int) -> list[object]:
    try:
        values: list[object] = batch.column(field).to_pylist()
    except (ValueError, OverflowError):  # which may hold the bytes
        raise SettingsError(
            f"{path}, rows {before + 1} to {before + len(batch)}: {field!r} holds what is not UTF-8, a time beyond the "
            "years 1 to 9999, or an unknown time zone; write the column again"
        ) from None
    return values


def _no_field(path: Path, where: str, field: str, names: Iterable[str]) -> NoSuchField:
    known = told_names(names)
    told = f"{path} has no {field!r} in {where}; name one of {', '.join(known) or 'its fields'}"
    return NoSuchField(field, told, str(path), known)


def _not_one(path: Path, where: str, field: str) -> SettingsError:
    return SettingsError(f"{path} has {field!r} twice in {where}; leave one of the two out")
