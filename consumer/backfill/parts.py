"""
A part: some rows of one file, answered into two files of Parquet that are there whole or not at all.

Its name says which rows. The dead letters are there before the classified messages, whose file says that it is done: so
what was killed in between is written again under the same names, and nothing stands twice.
"""

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from consumer.answer import Answered, Steps
from consumer.backfill import tables
from consumer.backfill.files import File
from consumer.backfill.rows import Reading, must_be_as_it_was, record, windows
from consumer.errors import SurroundingsError
from consumer.guard import Fate, Guard
from consumer.records import Dead, Decision
from consumer.settings import Settings

CLASSIFIED, DEAD = "classified-messages", "dead-letters"
TEMPORARY = ".part-"
FATES_KEY = "shikyu.fates"  # in the file's own metadata
FATES = ("urgent", "routine", "dead_lettered", "skipped")


@dataclass(frozen=True, slots=True)
class Part:
    """The rows `first` to `last` of a file, of which the first begins at byte `at` where that is known."""

    file: int
    first: int
    last: int
    at: int = 0

    @property
    def name(self) -> str:
        return f"{self.file:05}-{self.first:012}-{self.last:012}.parquet"

    @property
    def rows(self) -> int:
        return self.last - self.first + 1


def of_file(file: File, part_rows: int) -> Iterator[Part]:
    """All of them, in order."""
    for number, first in enumerate(range(1, file.rows + 1, part_rows)):
        at = file.starts[number] if number < len(file.starts) else 0
        yield Part(file.partition, first, min(file.rows, first + part_rows - 1), at)


def is_done(folder: Path, part: Part) -> bool:
    return (folder / CLASSIFIED / part.name).exists()


def write(
    folder: Path,
    file: File,
    part: Part,
    steps: Steps,
    settings: Settings,
    reading: Reading,
    guard: Guard,
    moved: Callable[[int], None],
) -> dict[str, int]:
    """
    Answers the part's rows, writes them, and says how many had which fate; `moved` is told of rows meanwhile.

    Raises what `steps` and `guard` raise, SurroundingsError for a disk that does not take it; then nothing is there.
    """
    fates = dict.fromkeys(FATES, 0)
    batching = settings.batching
    with _written(folder, part, fates) as (classified, dead):
        must_be_as_it_was(file)
        found = reading.part(Path(file.path), part.first, part.last, part.at)
        for window in windows(found, part.last, batching.max_window_records, batching.max_window_bytes):
            answered = steps.answer([record(file, row) for row in window])
            guard.check(answered.fates)
            guard.committed(answered.fates)
            for fate in answered.fates:
                fates[_name(fate)] += 1
            classified(tables.classified(_outputs(answered, dead=False)))
            dead(tables.dead(_outputs(answered, dead=True), file.path))
            moved(len(window))
    return fates


def fates_of(folder: Path, part: Part) -> dict[str, int]:
    """How many of a part that is done had which fate, as its file says."""
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    told = pq.read_metadata(folder / CLASSIFIED / part.name).metadata[FATES_KEY.encode()]
    return dict(orjson.loads(told))


def _name(fate: Fate) -> str:
    if isinstance(fate, Decision):
        return fate.decision
    return "dead_lettered" if isinstance(fate, Dead) else "skipped"


def _outputs(answered: Answered, *, dead: bool) -> Iterator[Any]:
    for output, place in zip(answered.outputs, answered.sources, strict=True):
        if isinstance(answered.fates[place], Dead) is dead:
            yield output


Append = Callable[[Any], None]


@contextmanager
def _written(folder: Path, part: Part, fates: dict[str, int]) -> Iterator[tuple[Append, Append]]:
    """Two appenders to files that stand under the part's name once all went well, and are gone otherwise."""
    import pyarrow.parquet as pq

    kinds = ((CLASSIFIED, tables.classified_schema()), (DEAD, tables.dead_schema()))
    temporary = [folder / kind / f"{TEMPORARY}{part.name}.{os.getpid()}.{uuid.uuid4().hex}" for kind, _ in kinds]
    try:
        with ExitStack() as open_files:
            writers = [
                open_files.enter_context(pq.ParquetWriter(path, schema, compression="zstd"))
                for path, (_, schema) in zip(temporary, kinds, strict=True)
            ]
            yield _append(writers[0]), _append(writers[1])
            writers[0].add_key_value_metadata({FATES_KEY: orjson.dumps(fates).decode()})
        for (kind, _), path in reversed(list(zip(kinds, temporary, strict=True))):
            put(path, folder / kind / part.name)
    except OSError as error:
        raise SurroundingsError(
            f"{folder} does not take part {part.name} ({error.strerror or type(error).__name__}): make room, or let "
            "this user write there; the same command goes on"
        ) from error
    finally:
        for path in temporary:
            path.unlink(missing_ok=True)


def _append(writer: Any) -> Append:
    return lambda table: writer.write_table(table) if len(table) else None


def put(written: Path, name: Path) -> None:
    """Under its name, whole, also after a power cut."""
    _sync(written)
    written.replace(name)
    _sync(name.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
