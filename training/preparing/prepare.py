"""The messages a recipe names, read, thinned and checked before anything is trained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from consumer.errors import SettingsError
from training import data
from training.data import Labelled
from training.data.duplicates import Duplicate, between, sketches, within
from training.data.folds import Folds, fold_rows
from training.data.gather import LeftOut, gather
from training.data.labelled import balanced_rows
from training.data.named_files import require_apart
from training.data.rows import parts
from training.data.sources import SPLITS
from training.data.texts import digests, in_batches
from training.preparing import decisions
from training.recipe import Recipe

HALF_OF_VALIDATION, FIFTH_OF_TRAIN = 0.5, 0.2


@dataclass(frozen=True, slots=True)
class Prepared:
    """
    `train` is what the model may learn from, `calibration` what it may not (None: scored in `folds`), `test` neither.

    `validation` chooses between checkpoints, and is neither fitted on nor calibrated on; None where there is none.
    `everything` is what `train` was taken from: the fingerprint is its own. `dropped` training messages stand in the
    test too, `held_out` more word for word in validation or calibration: both are no part of `train`. Of validation and
    calibration, `dropped_held_out` stood word for word in the test, or validation's in calibration.

    Of `decided` and `judged` people have said urgent or routine alone: the model learns from the first too, and only
    answers the second. Neither stands in any other split.
    """

    everything: Labelled
    train: Labelled
    calibration: Labelled | None
    test: Labelled | None
    dropped: int
    folds: Folds
    validation: Labelled | None = None
    held_out: int = 0
    dropped_held_out: int = 0
    decided: Labelled | None = None
    judged: Labelled | None = None

    @property
    def for_calibration(self) -> Labelled:
        return self.train if self.calibration is None else self.calibration


@dataclass(slots=True)
class Reading:
    """
    What is seen in a reading beside the messages, to judge them by; texts lie in `scratch`, a folder that is there.

    `left_out` are rows that could not be used, by split. `read` are the training messages before those that stand in
    the test too were dropped; `copies` are among them, `in_train` those of the test messages that have one among them.
    """

    scratch: Path | None = None
    left_out: Mapping[str, LeftOut] = field(default_factory=lambda: {name: LeftOut() for name in SPLITS})
    read: Labelled | None = None
    copies: list[Duplicate] = field(default_factory=list)
    in_train: list[Duplicate] = field(default_factory=list)


def prepare(recipe: Recipe, folder: Path, reading: Reading | None = None) -> Prepared:
    """
    Reads the recipe's sources, files relative to `folder`. SettingsError says what does not fit.

    With a `reading`, rows that do not fit are left out and counted there, and a class may be absent: whoever asked
    judges them. Without one, either is such an error.
    """
    require_apart(recipe.data.all_sources, folder)
    test, judged = decisions.parted(_read(recipe, folder, "test", reading))
    train, decided = decisions.parted(_read(recipe, folder, "train", reading))
    if train is None:
        raise SettingsError(
            "No training message has stars: those with a decision alone are learned from beside them. Name files with "
            "stars under [data] train too."
        )
    everything, dropped = _without_test(recipe, train, test, reading)
    validation, calibration = (_read(recipe, folder, name, reading) for name in ("validation", "calibration"))
    read = _held_out_once(Prepared(everything, everything, calibration, test, dropped, [], validation))
    made = _in_folds(recipe, _train_without_held_out(_held_out_once(_split(recipe, read))))
    made = _with_decisions(recipe, made, decided, judged)
    if reading is None:
        for name in ("train", "validation", "calibration", "test"):
            if (messages := getattr(made, name)) is not None:
                data.require_every_class(messages, name.replace("train", "training"))
    return made


def _with_decisions(recipe: Recipe, made: Prepared, decided: Labelled | None, judged: Labelled | None) -> Prepared:
    """Learned from are those that nothing is chosen or measured on; measured on, those that nothing is learned from."""
    names = [source.name for source in recipe.data.all_sources if source.learn_decisions]
    learned, others = decisions.of_sources(decided, names)
    learned = decisions.apart(learned, made.train, made.validation, made.calibration, judged, others, nearly=made.test)
    chosen_by = (made.validation, made.calibration)
    measured = [decisions.apart(each, *chosen_by, nearly=made.train) for each in (judged, others)]
    return replace(made, decided=learned, judged=decisions.together(*measured))


def _without_test(
    recipe: Recipe, messages: Labelled, test: Labelled | None, reading: Reading | None
) -> tuple[Labelled, int]:
    """Those that stand in the test too, word for word or nearly, are dropped: else the test would be of memory."""
    if any(source.max_per_class is not None for source in recipe.data.all_sources):
        messages = messages.take(_thinned(recipe, messages))
    shared = _compared(messages, test, reading)
    if len(shared) == len(messages):
        raise SettingsError(
            f"All {len(messages):,} training messages stand among the test messages, too, so there is nothing to learn "
            "from: name other files under [data] train, or others under test."
        )
    if not shared:
        return messages, 0
    rest = np.setdiff1d(np.arange(len(messages)), [each.row for each in shared])
    return messages.take(rest), len(shared)


def _compared(messages: Labelled, test: Labelled | None, reading: Reading | None) -> list[Duplicate]:
    """Those of the training messages that stand in the test."""
    if test is None and reading is None:
        return []
    own = sketches(messages.texts, reading.scratch if reading else None)
    others = sketches(test.texts if test is not None else ())
    if reading is not None:
        reading.read, reading.copies, reading.in_train = messages, within(own), between(others, own)
    return between(own, others)


def _thinned(recipe: Recipe, messages: Labelled) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Rows, where some sources take only so many of a class."""
    numbers = {name: number for number, name in enumerate(messages.source_weights)}
    taken = []
    for source in recipe.data.all_sources:
        rows = np.flatnonzero(messages.sources == numbers.get(source.name, -1))
        if source.max_per_class is not None:
            rows = balanced_rows(messages.labels, rows, source.max_per_class, recipe.seed)
        taken.append(rows)
    return np.sort(np.concatenate(taken))


def _split(recipe: Recipe, read: Prepared) -> Prepared:
    """Train, validation and calibration: files of their own where they are named, else drawn from each class."""
    plan, train, validation, calibration = recipe.calibration, read.train, read.validation, read.calibration
    if recipe.data.validation_share:
        train, validation = _part(recipe, train, recipe.data.validation_share)
    if plan.folds is not None:
        return replace(read, train=train, validation=validation, calibration=None)
    if calibration is None and validation is not None:
        validation, calibration = _part(recipe, validation, plan.share or HALF_OF_VALIDATION)
    elif calibration is None:
        train, calibration = _part(recipe, train, plan.share or FIFTH_OF_TRAIN)
    return replace(read, train=train, validation=validation, calibration=calibration)


def _held_out_once(made: Prepared) -> Prepared:
    """What stands in several splits is the test's, else calibration's: its copies choose no checkpoint."""
    calibration, validation = held_out = made.calibration, made.validation
    if calibration is not None:
        calibration = _without(calibration, "calibration", made.test)
    if validation is not None:
        validation = _without(validation, "validation", made.test, calibration)
    before, after = (sum(map(len, filter(None, each))) for each in (held_out, (calibration, validation)))
    dropped = made.dropped_held_out + before - after
    return replace(made, calibration=calibration, validation=validation, dropped_held_out=dropped)


def _train_without_held_out(made: Prepared) -> Prepared:
    """Learned by heart, a message says nothing of those to come: a ticket stored twice may be on both sides."""
    train = _without(made.train, "training", made.validation, made.calibration)
    return replace(made, train=train, held_out=len(made.train) - len(train))


def _without(messages: Labelled, name: str, *others: Labelled | None) -> Labelled:
    """
    Those that stand, word for word, in none of the others. SettingsError when none is left.

    Near copies stay, since customers write those (thanks, and where is my parcel) again and again.
    """
    kept = np.sort(np.concatenate([digests(some.texts if some is not None else ()) for some in others]))
    stands = np.concatenate([np.empty(0, np.bool_), *(_stand(batch, kept) for batch in in_batches(messages.texts))])
    rest = np.flatnonzero(~stands)
    if len(messages) and not len(rest):  # of none to begin with, limits speak
        raise SettingsError(
            f"All {len(messages):,} {name} messages stand, word for word, in other splits, too, which have them first "
            "(test, calibration, validation, then train): name other files under [data], or a larger share."
        )
    return messages if len(rest) == len(messages) else messages.take(rest)


def _stand(texts: Sequence[str], kept: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """(rows,): whether its digest is one of those, which are sorted."""
    own = digests(texts)
    return np.searchsorted(kept, own) < np.searchsorted(kept, own, side="right")


def _in_folds(recipe: Recipe, made: Prepared) -> Prepared:
    plan = recipe.calibration
    if plan.folds is None:
        return made
    return replace(made, folds=fold_rows(made.train, plan.folds, recipe.seed, whole_files=plan.whole_files))


def _part(recipe: Recipe, messages: Labelled, share: float) -> tuple[Labelled, Labelled]:
    """The rest, and `share` of every class, of those whose source calibrates."""
    others = [number for number, name in enumerate(messages.source_weights) if name in recipe.data.not_calibrating]
    rows = np.flatnonzero(~np.isin(messages.sources, others))
    if not len(rows):
        raise SettingsError(
            "Messages are held out, and no source that calibrates has messages in train: name some, or files of its "
            "own under validation and calibration."
        )
    taken = rows[data.split(messages.labels[rows], share, recipe.seed)[1]]
    return messages.take(np.setdiff1d(np.arange(len(messages)), taken)), messages.take(taken)


def _read(recipe: Recipe, folder: Path, split: str, reading: Reading | None) -> Labelled | None:
    """None where no source names anything for this split."""
    named = [(source, parts(source, split, folder)) for source in recipe.data.all_sources if source.patterns(split)]
    if not named:
        return None
    left_out, scratch = (reading.left_out[split], reading.scratch) if reading else (None, None)
    return gather(named, folder, recipe.data.cleaning, left_out, scratch)
