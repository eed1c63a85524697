"""Rows of one source, one at a time: out of JSONL, CSV, Parquet and Arrow files, or of a Hub data set."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]

from consumer import text_files
from consumer.errors import SettingsError
from consumer.names import nearest
from consumer.visible import told_names
from training.data.sources import Source

ARROW = (".arrow", ".feather")
ROWS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Part:
    """One file, or one split of a Hub data set; `name` tells people which."""

    name: str
    path: Path | None = None
    split: str = ""


def parts(source: Source, split: str, folder: Path) -> list[Part]:
    """What the source names for this split. SettingsError when a pattern finds no file."""
    named = source.patterns(split)
    if source.hub is not None:
        return [Part(f"{source.hub} {each}", None, each) for each in named]
    return [Part(_told(path, folder), path) for path in find(folder, named)]


def rows(source: Source, part: Part, fields: Sequence[str], folder: Path) -> Iterator[tuple[int, tuple[object, ...]]]:
    """
    The number of the line or row, and its values of `fields`.

    SettingsError names a missing column, or why the file or data set cannot be had; no code of a data set is ever run.
    """
    if part.path is None:
        yield from _hub_rows(source, part, fields, folder)
    elif part.path.suffix.lower() in ARROW:
        yield from _arrow_rows(part.path, fields)
    else:
        for where, values in text_files.rows(part.path, fields):
            yield int(where.rpartition(" ")[2]), values


def find(folder: Path, patterns: Iterable[str]) -> list[Path]:
    """The files that the patterns name, relative to `folder` unless absolute; each pattern must find one."""
    found: list[Path] = []
    for pattern in patterns:
        path = Path(pattern)
        start, rest = (Path(path.anchor), path.relative_to(path.anchor)) if path.is_absolute() else (folder, path)
        if ".." in rest.parts:
            start, rest = (start / rest).resolve().parent, Path(rest.name)
        try:
            matches = sorted(start.glob(str(rest)))
        except (ValueError, IndexError) as error:  # of "**a", and of a folder itself
            raise SettingsError(f"{pattern!r} is no pattern of files: name JSONL, CSV or Parquet files.") from error
        except OSError as error:
            raise SettingsError(f"{pattern!r} cannot be looked for ({error.strerror}): name other files.") from error
        if not matches:
            raise SettingsError(f"No file matches {pattern!r} in {folder}: name files that are there.")
        found += [match for match in matches if match not in found]
    return found


def _told(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else path.name


def _arrow_rows(path: Path, fields: Sequence[str]) -> Iterator[tuple[int, tuple[object, ...]]]:
    """Both of Arrow's formats, the file (Feather too) and the stream, which `datasets` writes."""
    try:
        with pa.memory_map(str(path)) as file:
            try:
                batches: Iterable[Any] = pa.ipc.open_stream(file)
                names = batches.schema.names  # type: ignore[attr-defined]
            except pa.ArrowInvalid:
                reader = pa.ipc.open_file(file)
                batches = (reader.get_batch(number) for number in range(reader.num_record_batches))
                names = reader.schema.names
            _require(fields, names, str(path))
            yield from _numbered(batches, fields, str(path))
    except (OSError, pa.ArrowException) as error:
        raise SettingsError(f"{path} cannot be read as Arrow ({type(error).__name__}): write it again.") from error


def _hub_rows(
    source: Source, part: Part, fields: Sequence[str], folder: Path
) -> Iterator[tuple[int, tuple[object, ...]]]:
    # Whose import takes a slow machine seconds, and files need none of it.
    import datasets

    from training.data.data_set_errors import why

    assert source.hub is not None
    local = folder / source.hub
    try:
        data = datasets.load_dataset(
            str(local) if local.is_dir() else source.hub,
            source.configuration,
            split=part.split,
            revision=source.revision,
        )
    except Exception as error:  # what datasets, huggingface_hub and httpx raise has only Exception in common
        raise why(error, source.hub) or SettingsError(
            f"The data set {source.hub!r} (source {source.name!r}, split {part.split!r}) cannot be had "
            f"({type(error).__name__}): look at its name, configuration, revision and splits on the Hub, and at the "
            "network; one that needs code of its own is never loaded, so name its Parquet files instead."
        ) from error
    where = f"The data set {source.hub!r}"
    _require(fields, data.column_names, where)
    yield from _numbered(data.with_format("arrow").iter(ROWS_AT_ONCE), fields, where)


def _numbered(batches: Iterable[Any], fields: Sequence[str], where: str) -> Iterator[tuple[int, tuple[object, ...]]]:
    number = 0
    for batch in batches:
        for start in range(0, batch.num_rows, ROWS_AT_ONCE):  # a batch may be the whole file
            some = batch.slice(start, ROWS_AT_ONCE)
            columns = [
                _values(some, field, f"{where}, rows {number + 1} to {number + some.num_rows}") for field in fields
            ]
            for number, values in enumerate(zip(*columns, strict=True), start=number + 1):  # noqa: B020
                yield number, values


def _values(batch: Any, field: str, where: str) -> list[object]:
    try:
        values: list[object] = batch.column(field).to_pylist()
    except (ValueError, OverflowError):  # which may hold the bytes
        raise SettingsError(
            f"{where}: {field!r} holds what is not UTF-8, a time beyond the years 1 to 9999, or an unknown time zone; "
            "write the column again."
        ) from None
    return values


def _require(fields: Sequence[str], names: Sequence[str], where: str) -> None:
    if missing := [field for field in fields if field not in names]:
        known = told_names(names)
        told = f"{where} has no column {missing[0]!r}{nearest(missing[0], names)}; name one of "
        raise text_files.NoSuchField(missing[0], f"{told}{', '.join(known) or 'its columns'}.", where, known)
    if twice := [field for field in fields if names.count(field) > 1]:
        raise SettingsError(f"{where} has the column {twice[0]!r} twice; leave one of the two out.")
