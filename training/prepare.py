"""The messages a recipe names, read, thinned and checked before anything is trained."""

from dataclasses import dataclass
from pathlib import Path

from consumer.errors import LimitError
from training import data
from training.data import Labelled
from training.duplicates import Duplicate, duplicates
from training.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Prepared:
    """
    `train` is what the model may learn from, `calibration` what it may not (None: scored in folds), `test` neither.

    `everything` is train and calibration together: the fingerprint is theirs.
    """

    everything: Labelled
    train: Labelled
    calibration: Labelled | None
    test: Labelled | None
    near_duplicates: int


def prepare(recipe: Recipe, folder: Path) -> Prepared:
    """Reads the recipe's files, relative to `folder`. SettingsError and LimitError say what does not fit."""
    everything = training_messages(recipe, folder)
    data.require_every_class(everything, "training")
    train, calibration = _calibration(recipe, folder, everything)
    test = _read(recipe, folder, recipe.data.test) if recipe.data.test else None
    if test is not None:
        data.require_every_class(test, "test")
    shared = duplicates(test.texts, everything.texts) if test is not None else []
    _refuse_many(recipe, shared)
    return Prepared(everything, train, calibration, test, len(shared))


def training_messages(recipe: Recipe, folder: Path) -> Labelled:
    """The rows behind the manifest's fingerprint."""
    messages = _read(recipe, folder, recipe.data.train)
    if recipe.data.max_per_class is not None:
        messages = data.balanced(messages, recipe.data.max_per_class, recipe.seed)
    return messages


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


def _refuse_many(recipe: Recipe, shared: list[Duplicate]) -> None:
    most = recipe.data.max_near_duplicates
    if most is not None and len(shared) > most:
        places = ", ".join(f"{each.row + 1} ~ {each.other + 1} ({each.similarity:.2f})" for each in shared[:10])
        raise LimitError(
            f"{len(shared)} test messages stand in the training messages too, word for word or nearly, and at most "
            f"{most} may (rows, test ~ training: {places}): take them out of one of the two."
        )
