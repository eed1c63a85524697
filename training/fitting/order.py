"""
The order in which a fit sees its rows, such that a resumed fit sees what an unbroken one would have.

An order is drawn from torch's random state when an epoch begins, and a batch's dropped or masked tokens when it is
fetched, which is one batch ahead of the step that learns from it. A checkpoint keeps both states beside its own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from accelerate.utils import RNGType, synchronize_rng_states  # type: ignore[import-untyped]
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Sampler
from transformers.trainer_pt_utils import get_length_grouped_indices


@dataclass(frozen=True, slots=True)
class Place:
    """Random states: when the epoch began, before the batch that was fetched last, and now; `done` batches of it."""

    epoch: Tensor
    batch: Tensor
    now: Tensor
    done: int


class Order(Sampler[int]):
    """`inner`'s rows; `rows_at_once` are fetched together by all `processes`, which get the order of the first."""

    def __init__(self, inner: Sampler[int], rows_at_once: int, processes: int = 1) -> None:
        self._inner = inner
        self._rows_at_once = rows_at_once
        self._processes = processes
        self._epoch = self._batch = torch.get_rng_state()
        self._back: Place | None = None
        self.is_ahead = False  # whether the state is already that after the batch fetched ahead

    def __len__(self) -> int:
        return len(self._inner)  # type: ignore[arg-type]

    def go_back(self, place: Place) -> None:
        """The next epoch is the one that the place is in; its first `done` batches will be skipped."""
        self._back = place

    def place(self, done: int) -> Place:
        return Place(self._epoch, self._batch, torch.get_rng_state(), done)

    def __iter__(self) -> Iterator[int]:
        back, self._back, self.is_ahead = self._back, None, False
        if back is not None:
            torch.set_rng_state(back.epoch)
        elif self._processes > 1:  # dropout has drawn from each one's state, so they are no longer alike
            synchronize_rng_states([RNGType.TORCH])
        self._epoch = torch.get_rng_state()
        for place, row in enumerate(list(self._inner)):
            if place % self._rows_at_once == 0:
                self._fetch(place // self._rows_at_once, back)
            yield row

    def _fetch(self, batch: int, back: Place | None) -> None:
        if back is not None and batch == back.done:
            torch.set_rng_state(back.batch)
        elif back is not None and batch == back.done + 1:
            torch.set_rng_state(back.now)
            self.is_ahead = True
        self._batch = torch.get_rng_state()


@dataclass(frozen=True, slots=True)
class Draw:
    """An epoch has `counts` (5,) rows of each class, drawn by the rows' `classes` (rows,)."""

    classes: NDArray[np.int64]
    counts: NDArray[np.int64]

    def with_all_of(self, rows: int) -> "Draw":
        """So many rows more, which are of none of the classes: an epoch has each of them once."""
        none = len(self.counts)
        return Draw(np.append(self.classes, np.full(rows, none)), np.append(self.counts, rows))


class Drawn(Sampler[int]):
    """
    So many rows of each class: the rare again and again if need be, the frequent drawn anew each epoch.

    Rows of like length stand together, in batches of `batch_size`.
    """

    def __init__(self, draw: Draw, lengths: Sequence[int], batch_size: int) -> None:
        self._rows = [torch.from_numpy(np.flatnonzero(draw.classes == label)) for label in range(len(draw.counts))]
        self._counts = draw.counts.tolist()
        self._lengths = lengths
        self._batch_size = batch_size

    def __len__(self) -> int:
        return sum(self._counts)

    def __iter__(self) -> Iterator[int]:
        rows = self._drawn()
        grouped = get_length_grouped_indices([self._lengths[row] for row in rows], self._batch_size)  # type: ignore[no-untyped-call]
        return iter([rows[place] for place in grouped])

    def _drawn(self) -> list[int]:
        drawn: list[int] = []
        for rows, wanted in zip(self._rows, self._counts, strict=True):
            if wanted:
                passes = [rows[torch.randperm(len(rows))] for _ in range(-(-wanted // len(rows)))]
                drawn += torch.cat(passes)[:wanted].tolist()
        return drawn
