"""Which calibration messages serve what: some the temperature, the others the promise."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consumer.errors import LimitError, SettingsError
from training.data import STARS, Labelled
from training.operating.operating_point import require_enough, taken_of
from training.operating.worst_slice import require_slices
from training.recipe import Promise


@dataclass(frozen=True, slots=True)
class Basis:
    """
    Rows for the `temperature`, which also choose by cost and capacity, and rows that the `promise` rests on.

    They are the same ones where messages are too few to be parted. `slices` has a value for every row, or none at all.
    """

    temperature: NDArray[np.int64]
    promise: NDArray[np.int64]
    slices: tuple[str, ...] = ()

    @property
    def apart(self) -> bool:
        return not np.array_equal(self.temperature, self.promise)

    @classmethod
    def all_for_both(cls, rows: int) -> "Basis":
        return cls(np.arange(rows), np.arange(rows))


def basis(messages: Labelled, promise: Promise, share: float, seed: int = 0) -> Basis:
    """
    Drawn from each class, and in each of the slices, by the `share` that the temperature takes.

    SettingsError when the messages have no column that the slices are to come from.
    """
    labels, slices = messages.labels, _slices(promise, messages)
    if share == 0:
        return Basis(np.arange(len(labels)), np.arange(len(labels)), slices)
    generator = np.random.default_rng(seed)
    groups = _groups(labels, slices)
    taken = np.sort(np.concatenate([generator.permutation(rows)[: taken_of(len(rows), share)] for rows in groups]))
    return Basis(taken, np.setdiff1d(np.arange(len(labels)), taken), slices)


def require_promise(messages: Labelled, promise: Promise, share: float) -> None:
    """LimitError says how many more labelled messages it takes, when these cannot carry the promise."""
    if promise.by != "recall":
        _require_both_parts(messages.class_counts(), share)
        return
    require_enough(messages.class_counts()[0], promise.recall, promise.confidence, share)
    if slices := _slices(promise, messages):
        require_slices(messages.labels, slices, promise.recall, promise.confidence, share)


def _require_both_parts(counts: Sequence[int], share: float) -> None:
    """Of each class some choose the threshold, and some say what it keeps."""
    few = [stars for stars, count in zip(STARS, counts, strict=True) if count - taken_of(count, share) < 1]
    if few:
        raise LimitError(
            f"{counts[few[0] - 1]} calibration messages with {few[0]} stars are too few: {share:.0%} of each class "
            "choose the threshold, and at least one must be left to say what it keeps; label more."
        )


def _groups(labels: NDArray[np.int64], slices: tuple[str, ...]) -> list[NDArray[np.int64]]:
    keys = labels if not slices else labels + 5 * np.unique(np.array(slices), return_inverse=True)[1]
    return [np.flatnonzero(keys == key) for key in np.unique(keys)]


def _slices(promise: Promise, messages: Labelled) -> tuple[str, ...]:
    column = promise.slices
    if column is None:
        return ()
    if column not in messages.columns:
        known = ", ".join(sorted(messages.columns)) or "none"
        raise SettingsError(
            f"The slices are to come from the column {column!r}, and the messages keep {known}: "
            "name it in [data] columns, and run again; only columns that were named are kept."
        )
    return tuple(messages.columns[column])
