"""Which files are read, and what is noted of each before a run begins: it must be the same when the run goes on."""

import gzip
import hashlib
import io
import os
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from consumer.errors import LimitError, SettingsError

KINDS = ".jsonl or .ndjson (each also with .gz), or .parquet"
_ENDINGS = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz", ".parquet")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
LONGEST_NAME = 200
CHUNK = 1024 * 1024

Advance = Callable[[int], None]


class File(BaseModel):
    """One file, as it was when the run began. `topic` and `partition` are what its rows' sources name."""

    model_config = ConfigDict(frozen=True)

    path: str
    topic: str
    partition: int
    size: int
    digest: str  # SHA-256 of its first and last MiB, and its size
    rows: int = 0  # lines of JSON, blank ones too
    starts: tuple[int, ...] = ()  # where each part begins, in bytes; of plain JSON lines alone

    @property
    def identity(self) -> tuple[str, int, int, str]:
        """What must not change. The path may: another machine may see it elsewhere."""
        return self.topic, self.partition, self.size, self.digest


def found(named: Sequence[Path]) -> list[File]:
    """
    The files that are named, and those in the folders that are, sorted; not yet counted.

    Raises SettingsError for one that is missing, given twice, or of another kind, and where there is none.
    """
    paths = [path for each in named for path in (_inside(each) if each.is_dir() else [each])]
    if not paths:
        raise SettingsError(f"{', '.join(map(str, named))}: no file there ends in {KINDS}")
    seen: set[Path] = set()
    for path in paths:
        if not path.name.lower().endswith(_ENDINGS):
            raise SettingsError(f"{path} is named like none of the files that can be read; they end in {KINDS}")
        if (real := path.resolve()) in seen:
            raise SettingsError(f"{path} is given twice; leave one of the two out")
        seen.add(real)
    return [_noted(path, number) for number, path in enumerate(paths)]


def topic_of(path: Path) -> str:
    """Its name as a topic could have it: letters, digits, dots, hyphens, the rest as underscores; 200 at most."""
    return _UNSAFE.sub("_", path.name)[:LONGEST_NAME]


def digest_of(files: Sequence[File]) -> str:
    """Of them all, in their order."""
    return hashlib.sha256(repr([each.identity for each in files]).encode()).hexdigest()


def all_counted(found: Sequence[File], part_rows: int, stopping: Callable[[], bool]) -> tuple[File, ...]:
    """As `counted`, each. Raises LimitError when told to leave meanwhile."""

    def hurry(_: int) -> None:
        if stopping():
            raise LimitError("told to leave while the rows were counted; nothing was answered yet")

    return tuple(counted(each, part_rows, hurry) for each in found)


def counted(file: File, part_rows: int, advance: Advance = lambda _: None) -> File:
    """
    With its number of rows, and where its parts begin. Reads it once, in pieces; of Parquet only the end.

    `advance` is told of each piece how many of the file's bytes it took.
    """
    path = Path(file.path)
    if is_parquet(path):
        from consumer.backfill.parquet_rows import count

        advance(file.size)
        return file.model_copy(update={"rows": count(path)})
    rows, starts = _count_lines(path, part_rows, advance)
    return file.model_copy(update={"rows": rows, "starts": () if is_zipped(path) else starts})


def is_parquet(path: Path) -> bool:
    return path.suffix.lower() == ".parquet"


def is_zipped(path: Path) -> bool:
    return path.suffix.lower() == ".gz"


@contextmanager
def opened(path: Path) -> Iterator[tuple[io.BufferedIOBase, io.BufferedIOBase]]:
    """What stands in a file of lines, and the file itself. Raises SettingsError for what cannot be read of it."""
    try:
        with path.open("rb") as raw:
            yield (gzip.GzipFile(fileobj=raw) if is_zipped(path) else raw), raw
    except (OSError, EOFError, zlib.error) as error:
        why = getattr(error, "strerror", None) or "it is no whole gzip file"
        raise SettingsError(f"{path} cannot be read: {why}") from error


def _inside(folder: Path) -> list[Path]:
    inside = (path for path in folder.rglob("*") if path.name.lower().endswith(_ENDINGS) and path.is_file())
    return sorted(inside)


def _noted(path: Path, number: int) -> File:
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            ends = hashlib.sha256(str(size).encode() + b"\n" + file.read(CHUNK))
            file.seek(max(0, size - CHUNK))
            ends.update(file.read(CHUNK))
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from error
    absolute = str(path.absolute())  # its own name, by which its kind is told, and not that of what it links to
    return File(path=absolute, topic=topic_of(path), partition=number, size=size, digest=ends.hexdigest())


def _count_lines(path: Path, part_rows: int, advance: Advance) -> tuple[int, tuple[int, ...]]:
    rows, done, taken, last = 0, 0, 0, b"\n"
    starts: list[int] = []
    with opened(path) as (content, raw):
        while chunk := content.read(CHUNK):
            if last == b"\n":
                rows += 1
                if rows % part_rows == 1 % part_rows:
                    starts.append(done)
            # Each line break but the chunk's last character begins a row, and the next chunk tells of that one.
            within = chunk.count(b"\n", 0, len(chunk) - 1)
            starts += [done + at for at in _part_starts(chunk, rows, within, part_rows)]
            rows += within
            done += len(chunk)
            last = chunk[-1:]
            advance(raw.tell() - taken)
            taken = raw.tell()
    return rows, tuple(starts)


def _part_starts(chunk: bytes, rows: int, within: int, part_rows: int) -> Iterator[int]:
    """Where in the chunk a part begins: behind the line break before each row of which number a part's first is."""
    due = (rows + part_rows - 1) // part_rows * part_rows + 1  # the next first row beyond those that have begun
    if due > rows + within:
        return
    at = 0
    for number in range(rows + 1, rows + within + 1):
        at = chunk.index(b"\n", at) + 1
        if number % part_rows == 1 % part_rows:
            yield at
