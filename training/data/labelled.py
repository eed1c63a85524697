"""Labelled messages: a text and one to five stars a row, and what can be done with the rows."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from consumer.errors import SettingsError
from training.data.labels import STARS
from training.data.texts import Texts, in_batches

WITH_LINES = (".jsonl", ".ndjson", ".csv")  # and with .gz


def place(name: str, number: int) -> str:
    """Where a message stands, for people: JSONL and CSV have lines, other files and data sets of the Hub have rows."""
    return f"{name}, {'line' if name.lower().removesuffix('.gz').endswith(WITH_LINES) else 'row'} {number}"


@dataclass(frozen=True, slots=True)
class Labelled:
    """
    Texts with `labels` (rows,) int64: 0 for one star to 4 for five, below 0 for a decision (labels.DECISIONS), of which
    only preparing/decisions.py keeps any; `files` (rows,) numbers where they stood.

    `columns` are what else is known of each row. `sources` (rows,) numbers where it comes from: `source_weights` has
    each source's name, and how much a message of it counts in the loss. `texts` are cleaned, as the model takes them;
    `raw` are as the consumer gets them. `lines` (rows,) and `names` tell people where a row stands: line or row of
    the file with that number. There may be a million rows in several splits: what is known of each is kept short.
    """

    texts: Sequence[str]
    labels: NDArray[np.int64]
    files: NDArray[np.int32]
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    sources: NDArray[np.int16] = field(default_factory=lambda: np.empty(0, dtype=np.int16))
    source_weights: Mapping[str, float] = field(default_factory=lambda: {"": 1.0})
    raw: Sequence[str] = ()
    lines: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, dtype=np.int32))
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        count = len(self.texts)
        object.__setattr__(self, "sources", self.sources if len(self.sources) else np.zeros(count, dtype=np.int16))
        object.__setattr__(self, "raw", self.raw or self.texts)
        lines = self.lines if len(self.lines) else np.arange(1, count + 1, dtype=np.int32)
        object.__setattr__(self, "lines", lines)

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
            sources=self.sources[chosen],
            raw=texts if self.raw is self.texts else taken(self.raw, chosen),
            lines=self.lines[chosen],
        )

    def where(self, row: int) -> str:
        """Which line of which file, for people."""
        name = self.names[self.files[row]] if self.names else f"file {self.files[row]}"
        return place(name, int(self.lines[row]))

    @property
    def weights(self) -> NDArray[np.float64]:
        """(rows,): how much each counts in the loss."""
        return np.array(list(self.source_weights.values()))[self.sources]

    def source_counts(self) -> dict[str, int]:
        """Rows of each source that has any."""
        counts = np.bincount(self.sources, minlength=len(self.source_weights)).tolist()
        return {name: count for name, count in zip(self.source_weights, counts, strict=True) if count}

    def class_counts(self) -> list[int]:
        return [int(count) for count in np.bincount(self.labels, minlength=len(STARS))]

    def class_shares(self) -> list[float]:
        return [count / len(self) for count in self.class_counts()]

    def fingerprint(self) -> str:
        """SHA-256 of all rows as they were read, whatever their order and the files they stand in."""
        rows = bytearray()
        for text, label in zip(self.raw, self.labels.tolist(), strict=True):
            rows += hashlib.sha256(f"{label + 1}\0{text}".encode()).digest()
        np.frombuffer(rows, dtype="S32").sort()  # in place: an order beside them would take as much again
        return hashlib.sha256(rows).hexdigest()

    def ordered_fingerprint(self) -> str:
        """SHA-256 of all rows in their order, with columns, sources and weights: scores are kept by place alone."""
        told = json.dumps(dict(self.source_weights)).encode()
        whole = hashlib.sha256(told + self.labels.tobytes() + self.sources.tobytes())
        for name, values in (("text", self.texts), ("raw", self.raw), *self.columns.items()):
            for batch in in_batches(values):
                whole.update(json.dumps([name, *batch]).encode())
        return whole.hexdigest()


def taken(values: Sequence[str], rows: NDArray[np.int64]) -> Sequence[str]:
    return values.take(rows) if isinstance(values, Texts) else tuple(values[row] for row in rows.tolist())


def require_every_class(data: Labelled, what: str) -> None:
    """SettingsError unless each of the five classes is there."""
    absent = [str(stars) for stars, count in zip(STARS, data.class_counts(), strict=True) if count == 0]
    if absent:
        raise SettingsError(
            f"The {what} messages hold none with {', '.join(absent)} stars (there are {data.class_counts()} with 1 to "
            "5): all five classes are needed; label more, or give other files or a larger share."
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


def at_most(messages: Labelled, rows: int, seed: int) -> Labelled:
    """All of them, or of each class its share of so many, and one at least, drawn at random."""
    if len(messages) <= rows:
        return messages
    taken = split(messages.labels, rows / len(messages), seed)[1]
    absent = np.setdiff1d(messages.labels, messages.labels[taken])
    first = [np.flatnonzero(messages.labels == label)[0] for label in absent]
    return messages.take(np.sort(np.concatenate([taken, np.array(first, dtype=np.int64)])))


def balanced_rows(
    labels: NDArray[np.int64], rows: NDArray[np.int64], max_per_class: int, seed: int
) -> NDArray[np.int64]:
    """Of `rows`, at most so many of each class, drawn at random."""
    generator = np.random.default_rng(seed)
    classes = (rows[labels[rows] == label] for label in range(len(STARS)))
    return np.concatenate([generator.permutation(some)[:max_per_class] for some in classes])
