"""The messages a recipe names, read, thinned and checked before anything is trained."""

from dataclasses import dataclass
from pathlib import Path

from training import data
from training.crossfit import Folds, fold_rows
from training.data import Labelled
from training.duplicates import duplicates
from training.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Prepared:
    """
    `train` is what the model may learn from, `calibration` what it may not (None: scored in `folds`), `test` neither.

    `everything` is what `train` was taken from: the fingerprint is its own.
    """

    everything: Labelled
    train: Labelled
    calibration: Labelled | None
    test: Labelled | None
    dropped: int
    folds: Folds

    @property
    def for_calibration(self) -> Labelled:
        return self.train if self.calibration is None else self.calibration


def prepare(recipe: Recipe, folder: Path) -> Prepared:
    """Reads the recipe's files, relative to `folder`. SettingsError says what does not fit."""
    everything, dropped = training_messages(recipe, folder)
    data.require_every_class(everything, "training")
    train, calibration = _calibration(recipe, folder, everything)
    test = _test(recipe, folder)
    if test is not None:
        data.require_every_class(test, "test")
    return Prepared(everything, train, calibration, test, dropped, _folds(recipe, train))


def training_messages(recipe: Recipe, folder: Path) -> tuple[Labelled, int]:
    """
    The rows behind the manifest's fingerprint, and how many were dropped.

    Those that stand in the test messages too, word for word or nearly, are: else the test would be of memory.
    """
    messages, test = _read(recipe, folder, recipe.data.train), _test(recipe, folder)
    if recipe.data.max_per_class is not None:
        messages = data.balanced(messages, recipe.data.max_per_class, recipe.seed)
    shared = {each.row for each in duplicates(messages.texts, test.texts)} if test is not None else set()
    return messages.take([row for row in range(len(messages)) if row not in shared]), len(shared)


def _test(recipe: Recipe, folder: Path) -> Labelled | None:
    return _read(recipe, folder, recipe.data.test) if recipe.data.test else None


def _folds(recipe: Recipe, train: Labelled) -> Folds:
    plan = recipe.calibration
    return [] if plan.folds is None else fold_rows(train, plan.folds, recipe.seed, whole_files=plan.whole_files)


def _calibration(recipe: Recipe, folder: Path, everything: Labelled) -> tuple[Labelled, Labelled | None]:
    if recipe.calibration.folds is not None:
        return everything, None
    if recipe.data.calibration:
        calibration = _read(recipe, folder, recipe.data.calibration)
        data.require_every_class(calibration, "calibration")
        return everything, calibration
    rest, taken = data.split(everything.labels, recipe.calibration.share, recipe.seed)
    train, calibration = everything.take(rest), everything.take(taken)
    data.require_every_class(calibration, "calibration")
    return train, calibration


def _read(recipe: Recipe, folder: Path, patterns: list[str]) -> Labelled:
    return data.read(data.find(folder, patterns), recipe.data.text, recipe.data.stars)
