"""The messages of a run as Arrow data sets on disk, so that a step alone has what the whole run has."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
from datasets import Dataset, load_from_disk
from numpy.typing import NDArray

from training.data.folds import Folds
from training.data.labelled import Labelled
from training.data.texts import ROWS_AT_ONCE, Texts, in_batches
from training.preparing.prepare import Prepared
from training.run_folder import SPLITS_FILE, RunFolder, fingerprint

SPLITS = ("everything", "train", "validation", "calibration", "test")
DECISIONS = ("decided", "judged")  # of which people judged the decision alone
LEFT_OUT = ("dropped", "held_out", "dropped_held_out")
COLUMN = "column."  # before the names of those columns that the recipe keeps


def write(messages: Prepared, folder: RunFolder) -> None:
    """All splits, in the place of those of an earlier run."""
    remove(folder)
    there = {name: some for name in (*SPLITS, *DECISIONS) if (some := getattr(messages, name)) is not None}
    for name, some in there.items():
        _write(some, folder.split(name))
    folds = [rows.tolist() for _, rows in messages.folds]
    unlearned = [_others(len(messages.train), rest, rows).tolist() for rest, rows in messages.folds]
    texts = {name: some.ordered_fingerprint() for name, some in there.items()}
    every = fingerprint(texts, folds, *([unlearned] if any(unlearned) else []))
    files = {name: some.names for name, some in there.items()}
    sources = {name: dict(some.source_weights) for name, some in there.items()}
    left_out = {name: getattr(messages, name) for name in LEFT_OUT}
    parted = {"folds": folds, "unlearned": unlearned}
    folder.write_json(SPLITS_FILE, {"fingerprint": every, **left_out, **parted, "files": files, "sources": sources})


def read(folder: RunFolder) -> Prepared:
    """SettingsError when `data` was not done yet."""
    told = folder.read_json(SPLITS_FILE, "data")
    everything, train, validation, calibration, test = (_read(folder, name, told) for name in SPLITS)
    assert everything is not None
    assert train is not None
    decided, judged = (_read(folder, name, told) for name in DECISIONS)
    folds = _folds(told["folds"], told["unlearned"], len(train))
    left_out = {name: told[name] for name in LEFT_OUT}
    return Prepared(
        everything,
        train,
        calibration,
        test,
        folds=folds,
        validation=validation,
        decided=decided,
        judged=judged,
        **left_out,
    )


def remove(folder: RunFolder) -> None:
    shutil.rmtree(folder.root / "data", ignore_errors=True)


def _write(messages: Labelled, folder: Path) -> None:
    raw = {} if messages.raw is messages.texts else {"raw": messages.raw}
    texts = {"text": messages.texts, **raw, **{f"{COLUMN}{name}": each for name, each in messages.columns.items()}}
    numbers: dict[str, NDArray[Any]] = {
        "label": messages.labels,
        "file": messages.files,
        "line": messages.lines,
        "source": messages.sources,
    }
    schema = pa.schema(
        [
            *((name, pa.string()) for name in texts),
            *((name, pa.from_numpy_dtype(each.dtype)) for name, each in numbers.items()),
        ]
    )
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as place:
        stream = Path(place) / "rows.arrow"
        with pa.ipc.new_stream(str(stream), schema) as writer:
            for rows, *batch in zip(_runs(len(messages)), *map(in_batches, texts.values()), strict=True):
                writer.write_batch(pa.record_batch([*batch, *(each[rows] for each in numbers.values())], schema=schema))
        Dataset.from_file(str(stream)).save_to_disk(folder)


def _read(folder: RunFolder, name: str, told: Mapping[str, Any]) -> Labelled | None:
    if name not in told["files"]:
        return None
    table = cast("Dataset", load_from_disk(folder.split(name))).data
    columns = table.column_names
    texts = Texts(table.column("text"))
    return Labelled(
        texts=texts,
        labels=table.column("label").to_numpy(),
        files=table.column("file").to_numpy(),
        columns={
            column.removeprefix(COLUMN): Texts(table.column(column)) for column in columns if column.startswith(COLUMN)
        },
        sources=table.column("source").to_numpy(),
        source_weights=told["sources"][name],
        raw=Texts(table.column("raw")) if "raw" in columns else texts,
        lines=table.column("line").to_numpy(),
        names=tuple(told["files"][name]),
    )


def _runs(count: int) -> Iterator[slice]:
    return (slice(start, start + ROWS_AT_ONCE) for start in range(0, count, ROWS_AT_ONCE))


def _folds(folds: list[list[int]], unlearned: list[list[int]], count: int) -> Folds:
    """Of each, `unlearned` are the rows of others that its model does not learn from either."""
    taken = [np.array(rows, dtype=np.int64) for rows in folds]
    return [
        (_others(count, rows, np.array(left_out, dtype=np.int64)), rows)
        for rows, left_out in zip(taken, unlearned, strict=True)
    ]


def _others(count: int, *rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of `count` rows, those that are none of these."""
    return np.setdiff1d(np.arange(count), np.concatenate(rows))
