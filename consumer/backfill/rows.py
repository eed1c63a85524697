"""Rows out of files, one at a time: a file of any size takes little memory, and so does a line of any length."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from consumer.backfill.files import File, is_parquet, is_zipped, opened
from consumer.errors import SurroundingsError
from consumer.records import Record

SKIPPED_AT_ONCE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Row:
    """The `number`-th line or row of its file, from 1 on, as JSON; in a file of lines it ends before byte `end`."""

    number: int
    value: bytes
    end: int = 0


def rows(path: Path, first: int = 1, at: int = 0, longest: int = 4 * 1024 * 1024) -> Iterator[Row]:
    """
    From the row `first` on, which begins at byte `at` where that is known. Blank lines are no rows, but have numbers.

    What is longer than `longest` is cut one byte behind, so that it is known as too long, and takes no more memory.
    """
    if is_parquet(path):
        from consumer.backfill.parquet_rows import values

        return (Row(number, value[: longest + 1]) for number, value in enumerate(values(path, first), start=first))
    return _lines(path, first, at, longest)


def record(file: File, row: Row) -> Record:
    """As the decoder takes it: the file's name is the topic, its number the partition, the row's the offset."""
    return Record(file.topic, file.partition, row.number, None, None, row.value)


def _lines(path: Path, first: int, at: int, longest: int) -> Iterator[Row]:
    with opened(path) as (content, _):
        number = first
        if at:
            content.seek(at)
        else:
            for _ in range(first - 1):
                _cut_line(content, SKIPPED_AT_ONCE)
        end = content.tell()
        while line := _cut_line(content, longest + 1):
            end = content.tell()
            value = line.rstrip(b"\r\n")
            if value.strip():
                yield Row(number, value, end)
            number += 1


def _cut_line(content: io.BufferedIOBase, most: int) -> bytes:
    """The next line, its first `most` bytes; whatever follows is read past."""
    line = content.readline(most)
    rest = line
    while rest and not rest.endswith(b"\n") and len(rest) == most:
        rest = content.readline(most)
    return line


def windows(found: Iterator[Row], last: int, most_rows: int, most_bytes: int) -> Iterator[list[Row]]:
    """Lists of at most so many rows and about so many bytes, up to the row `last`."""
    window: list[Row] = []
    size = 0
    for row in found:
        if row.number > last:
            break
        window.append(row)
        size += len(row.value)
        if len(window) == most_rows or size >= most_bytes:
            yield window
            window, size = [], 0
    if window:
        yield window


class Reading:
    """
    One part after the other: each is read on from where the last one ended, not looked for from the file's start.

    To a line of a zipped file, or a row within a group of Parquet, there is no other way than through all before it.
    """

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._path: Path | None = None
        self._rows: Iterator[Row] = iter(())
        self._ahead: Row | None = None  # was read, and is of a later part
        self._next = 0  # the first row that was not handed out

    def part(self, path: Path, first: int, last: int, at: int) -> Iterator[Row]:
        """Its rows from `first` to `last`, of which the first begins at byte `at` where that is known."""
        if not self._leads_to(path, first):
            self._path, self._rows, self._ahead = path, rows(path, first, at, self._longest), None
        while (row := self._ahead or next(self._rows, None)) is not None and row.number <= last:
            self._ahead, self._next = None, row.number + 1
            if row.number >= first:
                yield row
        self._ahead, self._next = row, last + 1

    def _leads_to(self, path: Path, first: int) -> bool:
        return path == self._path and (self._next == first or (self._next < first and is_zipped(path)))


def must_be_as_it_was(file: File) -> None:
    """Raises SurroundingsError for a file that was written to since it was counted."""
    size = Path(file.path).stat().st_size if Path(file.path).exists() else None
    if size != file.size:
        raise SurroundingsError(
            f"{file.path} is not what it was when the run began ({file.size:,} bytes then): begin another run with it"
        )
