"""From rows of all sources to labelled messages: texts straight to an Arrow file, so that memory stays flat."""

import mmap
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]

from consumer.errors import SettingsError
from consumer.visible import visible
from training.data.labelled import Labelled, place
from training.data.labels import EMPTY, OUTSIDE, Unfit, cleaned, decided, joined, label, spelled
from training.data.named_labels import classes, nearest_label
from training.data.rows import Part, rows
from training.data.sources import Source
from training.data.texts import Texts

ROWS_AT_ONCE, CHARACTERS_AT_ONCE = 5000, 16_000_000
NUMBERS = {"label": np.int64, "file": np.int32, "line": np.int32, "source": np.int16}  # of each row
MOST_PLACES = 10

Parts = Sequence[tuple[Source, Sequence[Part]]]


@dataclass(slots=True)
class LeftOut:
    """
    Rows that could not be used, counted by kind, and where the first of each stand. `seen` counts all rows, `instead`
    what stands in the place of stars.
    """

    seen: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    places: dict[str, list[str]] = field(default_factory=dict)
    instead: Counter[str] = field(default_factory=Counter)

    def add(self, kind: str, place: str, instead: str | None = None) -> None:
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if len(self.places.setdefault(kind, [])) < MOST_PLACES:
            self.places[kind].append(place)
        if instead is not None:
            self.instead[instead] += 1

    def share(self, kind: str) -> float:
        return self.counts.get(kind, 0) / self.seen if self.seen else 0.0


@dataclass(frozen=True, slots=True)
class _Row:
    text: str
    raw: str
    label: int
    columns: Mapping[str, str]
    line: int
    file: int
    source: int


def gather(
    parts: Parts,
    folder: Path,
    cleaning: Sequence[str] = (),
    left_out: LeftOut | None = None,
    scratch: Path | None = None,
) -> Labelled:
    """
    All messages, in order. Rows that do not fit go to `left_out`; without one, the first is a SettingsError.

    Texts and numbers lie in files without a name in `scratch`, which are gone with the last who reads them.
    """
    columns = sorted({column for source, _ in parts for column in source.columns})
    with ExitStack() as stack:
        file, *others = (stack.enter_context(tempfile.TemporaryFile(dir=scratch)) for _ in ("texts", *NUMBERS))
        if not _write(file, others, _rows(parts, folder, cleaning, left_out), columns, keep_raw=bool(cleaning)):
            named = ", ".join(part.name for _, some in parts for part in some)
            raise SettingsError(f"No messages in {named}{_but(parts, left_out)}: there is nothing to learn from.")
        table = pa.ipc.open_file(pa.py_buffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))).read_all()
        numbers = {
            name: np.asarray(np.memmap(each, kind, "c"))  # copied on writing: torch takes none that may not be written
            for each, (name, kind) in zip(others, NUMBERS.items(), strict=True)
        }
    return Labelled(
        texts=Texts(table.column("text")),
        labels=numbers["label"],
        files=numbers["file"],
        columns={name: Texts(table.column(f"column.{name}")) for name in columns},
        sources=numbers["source"],
        source_weights={source.name: source.weight for source, _ in parts},
        raw=Texts(table.column("raw")) if cleaning else (),
        lines=numbers["line"],
        names=tuple(part.name for _, some in parts for part in some),
    )


def _rows(parts: Parts, folder: Path, cleaning: Sequence[str], left_out: LeftOut | None) -> Iterator[_Row]:
    file = 0
    for number, (source, some) in enumerate(parts):
        for part in some:
            yield from (_Row(*found, file, number) for found in _part(source, part, folder, cleaning, left_out))
            file += 1


def _part(
    source: Source, part: Part, folder: Path, cleaning: Sequence[str], left_out: LeftOut | None
) -> Iterator[tuple[str, str, int, Mapping[str, str], int]]:
    texts, kept, wanted, fields = source.texts, source.columns, _wanted(source), source.fields
    nameable = cache(lambda: _nameable(source, part, folder))
    for line, found in rows(source, part, fields, folder):
        row = dict(zip(fields, found, strict=True))
        if any(spelled(row[column]) not in values for column, values in wanted.items()):
            continue
        if left_out is not None:
            left_out.seen += 1
        try:
            raw = joined([row[column] for column in texts], texts)
            text = cleaned(raw, cleaning)
            stars = _label(source, row)
        except Unfit as unfit:
            at, shown = place(part.name, line), "" if unfit.label is None else _shown(unfit.label, source, nameable())
            if left_out is None or unfit.kind is None:
                raise SettingsError(f"{at}{shown}: {unfit}.") from unfit
            left_out.add(unfit.kind, at + shown, unfit.instead)
            continue
        yield text, raw, stars, {column: spelled(row[column]) for column in kept}, line


def _label(source: Source, row: Mapping[str, object]) -> int:
    """Of a row without stars its decision, where the source has such."""
    stars = row[source.stars]
    if source.decision is not None and not spelled(stars).strip():
        return decided(row[source.decision], source.decision)
    return label(stars, source.stars, source.labels)


def _nameable(source: Source, part: Part, folder: Path) -> frozenset[str]:
    """Of the labels in a file, those that may be told. It is read again for them, for they are needed once it fails."""
    try:
        found = (spelled(value) for _, (value,) in rows(source, part, [source.stars], folder))
        return classes(found, source.labels)
    except SettingsError:  # of a row further down; the one at hand is told first
        return frozenset()


def _shown(value: str, source: Source, nameable: frozenset[str]) -> str:
    """` holds "Angry" (did you mean "angry"?)`, or nothing where that might be a customer's words."""
    return f" holds {visible(value)}{nearest_label(value, source.labels)}" if value in nameable else ""


def _but(parts: Parts, left_out: LeftOut | None) -> str:
    """Why there is none where there are rows."""
    if left_out is None or not left_out.seen:
        columns = sorted({column for source, _ in parts for column in source.where})
        return f" whose {', '.join(columns)} is as the recipe's where wants it" if columns else ""
    told = {EMPTY: "without a text", OUTSIDE: "with a label that is no star, or that no label names"}
    counts = [f"{count} {told[kind]}" for kind, count in left_out.counts.items()]
    return f", of {left_out.seen} rows {' and '.join(counts)}"


def _wanted(source: Source) -> dict[str, set[str]]:
    return {
        column: {spelled(value) for value in (given if isinstance(given, list) else [given])}
        for column, given in source.where.items()
    }


def _write(
    file: IO[bytes], others: Sequence[IO[bytes]], rows: Iterable[_Row], columns: Sequence[str], *, keep_raw: bool
) -> int:
    """How many rows. Texts go to the file, and each of NUMBERS to one of the others."""
    names = ["text", *(["raw"] if keep_raw else []), *(f"column.{name}" for name in columns)]
    schema = pa.schema([(name, pa.string()) for name in names])
    count = 0
    with pa.ipc.new_file(file, schema) as writer:
        for batch in _batches(rows):
            count += len(batch)
            for each, (name, kind) in zip(others, NUMBERS.items(), strict=True):
                each.write(np.array([getattr(row, name) for row in batch], kind).data)
            texts = [[row.text for row in batch], *([[row.raw for row in batch]] if keep_raw else [])]
            kept = [[row.columns.get(name, "") for row in batch] for name in columns]
            writer.write_batch(pa.record_batch([pa.array(each, pa.string()) for each in (*texts, *kept)], schema))
    for each in (file, *others):
        each.flush()
    return count


def _batches(rows: Iterable[_Row]) -> Iterator[list[_Row]]:
    batch: list[_Row] = []
    characters = 0
    for row in rows:
        batch.append(row)
        characters += len(row.text)
        if len(batch) == ROWS_AT_ONCE or characters >= CHARACTERS_AT_ONCE:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch
