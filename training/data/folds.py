"""Messages in folds, so that each can be scored by a model that has not seen it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from consumer.errors import SettingsError
from training.data.labelled import Labelled
from training.data.labels import STARS
from training.data.texts import digests

Folds = Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]


def fold_rows(messages: Labelled, folds: int, seed: int, *, whole_files: bool) -> Folds:
    """
    (rest, fold) row numbers: each class spread evenly over the folds, or whole files in turn. No text is in both.

    Equal texts are drawn into one fold. Where files stay whole, a rest goes without the rows whose text its fold has.
    SettingsError where a fold would have no messages, or a rest none of a class.
    """
    same = np.unique(digests(messages.texts), return_inverse=True)[1]
    own = np.unique(messages.files, return_inverse=True)[1]  # of some files, no message may be left
    fold = own % folds if whole_files else _drawn(messages.labels, same, folds, seed)
    if len(np.unique(fold)) < folds:
        raise SettingsError(
            f"{folds} folds of whole files need as many files: name more, or split files."
            if whole_files
            else f"{folds} folds need as many messages of a class: label more, or take fewer folds."
        )
    parted = [_parted(same, fold == number) for number in range(folds)]
    _require_every_class(messages.labels, parted, whole_files=whole_files)
    return parted


def _parted(same: NDArray[np.int64], in_fold: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    scored = np.zeros(len(same), dtype=np.bool_)
    scored[same[in_fold]] = True
    return np.flatnonzero(~scored[same]), np.flatnonzero(in_fold)


def _drawn(labels: NDArray[np.int64], same: NDArray[np.int64], folds: int, seed: int) -> NDArray[np.int64]:
    """(rows,): a fold for each. Equal texts first, for those that stand alone can fill up what they leave uneven."""
    generator = np.random.default_rng(seed)
    fold = np.empty(len(labels), dtype=np.int64)
    counts = np.zeros((folds, len(STARS)), dtype=np.int64)
    stored_twice = np.bincount(same)[same] > 1
    for rows in _copies(same, np.flatnonzero(stored_twice)):
        own = np.bincount(labels[rows], minlength=len(STARS))
        number = np.argmin(counts @ own)
        fold[rows] = number
        counts[number] += own
    for label in np.unique(labels):
        rows = generator.permutation(np.flatnonzero((labels == label) & ~stored_twice))
        fold[rows] = _filling(counts[:, label], len(rows))
    return fold


def _copies(same: NDArray[np.int64], rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """The rows, those of one text together, what is stored most often first."""
    together = rows[np.argsort(same[rows], kind="stable")]
    return sorted(np.split(together, np.flatnonzero(np.diff(same[together])) + 1), key=len, reverse=True)


def _filling(counts: NDArray[np.int64], rows: int) -> NDArray[np.int64]:
    """(rows,) fold numbers, always the next of those with the fewest."""
    levels = np.arange(counts.max() + -(-rows // len(counts)))
    return np.nonzero(levels[:, None] >= counts)[1][:rows]


def _require_every_class(labels: NDArray[np.int64], folds: Folds, *, whole_files: bool) -> None:
    """Of those that there are."""
    for number, (rest, _) in enumerate(folds, 1):
        if len(absent := np.setdiff1d(labels, labels[rest])):
            todo = "put each class into several folds' files, or leave whole_files out" if whole_files else "label more"
            raise SettingsError(
                f"Without fold {number} of {len(folds)}, no message with {STARS[absent[0]]} stars is left to learn "
                f"from: {todo}."
            )
