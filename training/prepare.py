"""The messages a recipe names, read, thinned and checked before anything is trained."""

from dataclasses import dataclass
from pathlib import Path

from training import data
from training.crossfit import Folds, fold_rows
from training.data import Labelled
from training.duplicates import duplicates
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


def prepare(recipe: Recipe, folder: Path) -> Prepared:
    """Reads the recipe's files, relative to `folder`. SettingsError says what does not fit."""
    everything, dropped = training_messages(recipe, folder)
    data.require_every_class(everything, "training")
    train, validation, calibration = _splits(recipe, folder, everything)
    test = _test(recipe, folder)
    if test is not None:
        data.require_every_class(test, "test")
    return Prepared(everything, train, calibration, test, dropped, _folds(recipe, train), validation)


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


def _splits(recipe: Recipe, folder: Path, everything: Labelled) -> tuple[Labelled, Labelled | None, Labelled | None]:
    """Train, validation and calibration: files of their own where they are named, else drawn from each class."""
    train, calibration = everything, None
    validation = _read(recipe, folder, recipe.data.validation) if recipe.data.validation else None
    if recipe.data.validation_share:
        train, validation = _part(train, recipe.data.validation_share, recipe.seed)
    if recipe.data.calibration:
        calibration = _read(recipe, folder, recipe.data.calibration)
    elif recipe.calibration.folds is None and validation is not None:
        validation, calibration = _part(validation, recipe.calibration.share or HALF_OF_VALIDATION, recipe.seed)
    elif recipe.calibration.folds is None:
        train, calibration = _part(train, recipe.calibration.share or FIFTH_OF_TRAIN, recipe.seed)
    for name, some in (("validation", validation), ("calibration", calibration)):
        if some is not None:
            data.require_every_class(some, name)
    return train, validation, None if recipe.calibration.folds is not None else calibration


def _part(messages: Labelled, share: float, seed: int) -> tuple[Labelled, Labelled]:
    rest, taken = data.split(messages.labels, share, seed)
    return messages.take(rest), messages.take(taken)


def _read(recipe: Recipe, folder: Path, patterns: list[str]) -> Labelled:
    return data.read(data.find(folder, patterns), recipe.data.text, recipe.data.stars)
