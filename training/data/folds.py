"""Messages in folds, so that each can be scored by a model that has not seen it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from consumer.errors import SettingsError
from training.data.labelled import Labelled

Folds = Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]


def fold_rows(messages: Labelled, folds: int, seed: int, *, whole_files: bool) -> Folds:
    """(rest, fold) row numbers, each class spread evenly over the folds, or whole files in turn."""
    if whole_files:
        if len(np.unique(messages.files)) < folds:
            raise SettingsError(f"{folds} folds of whole files need as many files: name more, or split files.")
        fold = messages.files % folds
    else:
        generator = np.random.default_rng(seed)
        fold = np.empty(len(messages), dtype=np.int64)
        for label in np.unique(messages.labels):
            rows = generator.permutation(np.flatnonzero(messages.labels == label))
            fold[rows] = np.arange(len(rows)) % folds
    return [(np.flatnonzero(fold != number), np.flatnonzero(fold == number)) for number in range(folds)]
