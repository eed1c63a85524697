"""Labelled messages: a text and one to five stars a row, and what can be done with the rows."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from consumer.errors import SettingsError
from training.data.labels import STARS
from training.data.texts import ROWS_AT_ONCE, Texts, in_batches


@dataclass(frozen=True, slots=True)
class Labelled:
    """
    Texts with `labels` (rows,) int64: 0 for one star to 4 for five; `files` (rows,) numbers where they stood.

    `columns` are what else is known of each row, `sources` the name of where it comes from. `weights` (rows,) is how
    much each counts in the loss. `texts` are cleaned, as the model takes them; `raw` are as the consumer gets them.
    `lines` (rows,) and `names` tell people where a row stands: line or row of the file with that number.
    """

    texts: Sequence[str]
    labels: NDArray[np.int64]
    files: NDArray[np.int64]
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    weights: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    raw: Sequence[str] = ()
    lines: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        count = len(self.texts)
        object.__setattr__(self, "sources", self.sources or ("",) * count)
        object.__setattr__(self, "weights", self.weights if len(self.weights) else np.ones(count))
        object.__setattr__(self, "raw", self.raw or self.texts)
        object.__setattr__(self, "lines", self.lines if len(self.lines) else np.arange(1, count + 1))

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: Sequence[int] | NDArray[np.int64]) -> "Labelled":
        chosen = np.asarray(rows, dtype=np.int64)
        texts = taken(self.texts, chosen)
        return replace(
            self,
            texts=texts,
            labels=self.labels[chosen],
            files=self.files[chosen],
            columns={name: taken(values, chosen) for name, values in self.columns.items()},
            sources=tuple(self.sources[row] for row in chosen.tolist()),
            weights=self.weights[chosen],
            raw=texts if self.raw is self.texts else taken(self.raw, chosen),
            lines=self.lines[chosen],
        )

    def where(self, row: int) -> str:
        """Which line of which file, for people."""
        name = self.names[self.files[row]] if self.names else f"file {self.files[row]}"
        return f"{name}, line {self.lines[row]}"

    def source_numbers(self, names: Sequence[str]) -> NDArray[np.int16]:
        """(rows,) the place of each row's source among `names`."""
        numbers = {name: number for number, name in enumerate(names)}
        return np.fromiter((numbers[name] for name in self.sources), dtype=np.int16, count=len(self))

    def class_counts(self) -> list[int]:
        return [int(count) for count in np.bincount(self.labels, minlength=len(STARS))]

    def class_shares(self) -> list[float]:
        return [count / len(self) for count in self.class_counts()]

    def fingerprint(self) -> str:
        """SHA-256 of all rows as they were read, whatever their order and the files they stand in."""
        rows = bytearray()
        for text, label in zip(self.raw, self.labels.tolist(), strict=True):
            rows += hashlib.sha256(f"{label + 1}\0{text}".encode()).digest()
        digests = np.frombuffer(rows, dtype=">u8").reshape(-1, 4)
        order, whole = np.lexsort(digests.T[::-1]), hashlib.sha256()
        for start in range(0, len(order), ROWS_AT_ONCE):
            whole.update(digests[order[start : start + ROWS_AT_ONCE]].tobytes())
        return whole.hexdigest()

    def ordered_fingerprint(self) -> str:
        """SHA-256 of all rows in their order, with columns, sources and weights: scores are kept by place alone."""
        whole = hashlib.sha256(self.labels.tobytes() + self.weights.tobytes())
        for name, values in (("text", self.texts), ("raw", self.raw), ("source", self.sources), *self.columns.items()):
            for batch in in_batches(values):
                whole.update(json.dumps([name, *batch]).encode())
        return whole.hexdigest()


def taken(values: Sequence[str], rows: NDArray[np.int64]) -> Sequence[str]:
    return values.take(rows) if isinstance(values, Texts) else tuple(values[row] for row in rows.tolist())


def require_every_class(data: Labelled, what: str) -> None:
    """SettingsError unless each of the five classes is there."""
    absent = [stars for stars, count in zip(STARS, data.class_counts(), strict=True) if count == 0]
    if absent:
        raise SettingsError(
            f"The {what} messages hold none with {absent[0]} stars (there are {data.class_counts()} with 1 to 5): "
            "all five classes are needed; label more, or give other files or a larger share."
        )


def split(labels: NDArray[np.int64], share: float, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row numbers of the rest and of `share` of every class, drawn at random."""
    generator = np.random.default_rng(seed)
    taken = [
        generator.permutation(rows)[: round(len(rows) * share)]
        for rows in (np.flatnonzero(labels == label) for label in np.unique(labels))
    ]
    chosen = np.sort(np.concatenate(taken))
    return np.setdiff1d(np.arange(len(labels)), chosen), chosen


def balanced_rows(
    labels: NDArray[np.int64], rows: NDArray[np.int64], max_per_class: int, seed: int
) -> NDArray[np.int64]:
    """Of `rows`, at most so many of each class, drawn at random."""
    generator = np.random.default_rng(seed)
    classes = (rows[labels[rows] == label] for label in range(len(STARS)))
    return np.concatenate([generator.permutation(some)[:max_per_class] for some in classes])
