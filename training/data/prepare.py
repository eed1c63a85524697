"""The messages a recipe names, read, thinned and checked before anything is trained."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from training import data
from training.data import Labelled
from training.data.crossfit import Folds, fold_rows
from training.data.duplicates import Duplicate, duplicates
from training.data.gather import LeftOut, gather
from training.data.labelled import balanced_rows
from training.data.rows import parts
from training.data.sources import SPLITS
from training.recipe import Recipe

HALF_OF_VALIDATION, FIFTH_OF_TRAIN = 0.5, 0.2


@dataclass(frozen=True, slots=True)
class Prepared:
    """
    `train` is what the model may learn from, `calibration` what it may not (None: scored in `folds`), `test` neither.

    `validation` chooses between checkpoints, and is neither fitted on nor calibrated on; None where there is none.
    `everything` is what `train` was taken from: the fingerprint is its own.
    """

    everything: Labelled
    train: Labelled
    calibration: Labelled | None
    test: Labelled | None
    dropped: int
    folds: Folds
    validation: Labelled | None = None

    @property
    def for_calibration(self) -> Labelled:
        return self.train if self.calibration is None else self.calibration


@dataclass(slots=True)
class Reading:
    """
    What is kept of a reading beside the messages: rows left out by split, and training messages that are in the test.

    Texts lie in `scratch`, a folder that is there, or where the system keeps temporary files.
    """

    scratch: Path | None = None
    left_out: Mapping[str, LeftOut] = field(default_factory=lambda: {name: LeftOut() for name in SPLITS})
    shared: list[tuple[str, str, float]] = field(default_factory=list)


def prepare(recipe: Recipe, folder: Path, reading: Reading | None = None) -> Prepared:
    """
    Reads the recipe's sources, files relative to `folder`. SettingsError says what does not fit.

    With a `reading`, single rows that do not fit are left out and counted there, else the first is such an error.
    """
    test = _read(recipe, folder, "test", reading)
    everything, dropped = _without_test(recipe, folder, test, reading)
    data.require_every_class(everything, "training")
    train, validation, calibration = _splits(recipe, folder, everything, reading)
    if test is not None:
        data.require_every_class(test, "test")
    return Prepared(everything, train, calibration, test, dropped, _folds(recipe, train), validation)


def training_messages(recipe: Recipe, folder: Path) -> tuple[Labelled, int]:
    """
    The rows behind the manifest's fingerprint, and how many were dropped.

    Those that stand in the test messages too, word for word or nearly, are: else the test would be of memory.
    """
    return _without_test(recipe, folder, _read(recipe, folder, "test", None), None)


def _without_test(recipe: Recipe, folder: Path, test: Labelled | None, reading: Reading | None) -> tuple[Labelled, int]:
    messages = _read(recipe, folder, "train", reading)
    assert messages is not None
    messages = messages.take(_thinned(recipe, messages))
    shared = duplicates(messages.texts, test.texts) if test is not None else []
    if test is not None and reading is not None:
        reading.shared = [_told(messages, test, each) for each in shared]
    rest = np.setdiff1d(np.arange(len(messages)), [each.row for each in shared])
    return messages.take(rest), len(shared)


def _told(messages: Labelled, test: Labelled, each: Duplicate) -> tuple[str, str, float]:
    return messages.where(each.row), test.where(each.other), each.similarity


def _thinned(recipe: Recipe, messages: Labelled) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Rows, where some sources take only so many of a class."""
    own = np.array(messages.sources)
    taken = []
    for source in recipe.data.all_sources:
        rows = np.flatnonzero(own == source.name)
        if source.max_per_class is not None:
            rows = balanced_rows(messages.labels, rows, source.max_per_class, recipe.seed)
        taken.append(rows)
    return np.sort(np.concatenate(taken))


def _folds(recipe: Recipe, train: Labelled) -> Folds:
    plan = recipe.calibration
    return [] if plan.folds is None else fold_rows(train, plan.folds, recipe.seed, whole_files=plan.whole_files)


def _splits(
    recipe: Recipe, folder: Path, everything: Labelled, reading: Reading | None
) -> tuple[Labelled, Labelled | None, Labelled | None]:
    """Train, validation and calibration: files of their own where they are named, else drawn from each class."""
    train, validation = everything, _read(recipe, folder, "validation", reading)
    calibration = _read(recipe, folder, "calibration", reading)
    if recipe.data.validation_share:
        train, validation = _part(train, recipe.data.validation_share, recipe.seed)
    if calibration is None and recipe.calibration.folds is None and validation is not None:
        validation, calibration = _part(validation, recipe.calibration.share or HALF_OF_VALIDATION, recipe.seed)
    elif calibration is None and recipe.calibration.folds is None:
        train, calibration = _part(train, recipe.calibration.share or FIFTH_OF_TRAIN, recipe.seed)
    for name, some in (("validation", validation), ("calibration", calibration)):
        if some is not None:
            data.require_every_class(some, name)
    return train, validation, None if recipe.calibration.folds is not None else calibration


def _part(messages: Labelled, share: float, seed: int) -> tuple[Labelled, Labelled]:
    rest, taken = data.split(messages.labels, share, seed)
    return messages.take(rest), messages.take(taken)


def _read(recipe: Recipe, folder: Path, split: str, reading: Reading | None) -> Labelled | None:
    """None where no source names anything for this split."""
    named = [(source, parts(source, split, folder)) for source in recipe.data.all_sources if source.patterns(split)]
    if not named:
        return None
    left_out, scratch = (reading.left_out[split], reading.scratch) if reading else (None, None)
    return gather(named, folder, recipe.data.cleaning, left_out, scratch)
