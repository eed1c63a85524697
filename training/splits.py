"""The messages of a run as Arrow data sets on disk, so that a step alone has what the whole run has."""

import shutil
from typing import cast

import numpy as np
from datasets import Dataset, load_from_disk

from training.crossfit import Folds
from training.data import Labelled
from training.prepare import Prepared
from training.run_folder import DATA, RunFolder, fingerprint

SPLITS = ("everything", "train", "validation", "calibration", "test")


def write(messages: Prepared, folder: RunFolder) -> None:
    """All splits, in the place of those of an earlier run."""
    shutil.rmtree(folder.root / "data", ignore_errors=True)
    for name in SPLITS:
        if (some := getattr(messages, name)) is not None:
            _dataset(some).save_to_disk(folder.split(name))
    folds = [rows.tolist() for _, rows in messages.folds]
    every = fingerprint([some.fingerprint() for name in SPLITS if (some := getattr(messages, name)) is not None], folds)
    folder.write_json(DATA, {"fingerprint": every, "dropped": messages.dropped, "folds": folds})


def read(folder: RunFolder) -> Prepared:
    """SettingsError when `data` was not done yet."""
    told = folder.read_json(DATA, "data")
    everything, train, validation, calibration, test = (_read(folder, name) for name in SPLITS)
    assert everything is not None
    assert train is not None
    return Prepared(
        everything, train, calibration, test, told["dropped"], _folds(told["folds"], len(train)), validation
    )


def _dataset(messages: Labelled) -> Dataset:
    return Dataset.from_dict({"text": list(messages.texts), "label": messages.labels, "file": messages.files})


def _read(folder: RunFolder, name: str) -> Labelled | None:
    if not folder.split(name).is_dir():
        return None
    rows = cast("Dataset", load_from_disk(folder.split(name)))
    return Labelled(tuple(rows["text"]), np.asarray(rows["label"]), np.asarray(rows["file"]))


def _folds(folds: list[list[int]], count: int) -> Folds:
    taken = [np.array(rows, dtype=np.int64) for rows in folds]
    return [(np.setdiff1d(np.arange(count), rows), rows) for rows in taken]
