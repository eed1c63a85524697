"""Labelled messages in: a text and one to five stars a row."""

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from consumer import text_files
from consumer.errors import SettingsError

STARS = (1, 2, 3, 4, 5)


@dataclass(frozen=True, slots=True)
class Labelled:
    """
    Texts with `labels` (rows,) int64: 0 for one star to 4 for five; `files` (rows,) numbers where they stood.

    `columns` are what else is known of each row, and `sources` where it comes from; both may be empty.
    """

    texts: tuple[str, ...]
    labels: NDArray[np.int64]
    files: NDArray[np.int64]
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sources: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: Sequence[int] | NDArray[np.int64]) -> "Labelled":
        chosen = np.asarray(rows, dtype=np.int64)
        return Labelled(
            tuple(self.texts[row] for row in chosen),
            self.labels[chosen],
            self.files[chosen],
            {name: tuple(values[row] for row in chosen) for name, values in self.columns.items()},
            tuple(self.sources[row] for row in chosen) if self.sources else (),
        )

    def class_counts(self) -> list[int]:
        return [int(count) for count in np.bincount(self.labels, minlength=len(STARS))]

    def class_shares(self) -> list[float]:
        return [count / len(self) for count in self.class_counts()]

    def fingerprint(self) -> str:
        """SHA-256 of all rows, whatever their order and the files they stand in."""
        rows = sorted(
            hashlib.sha256(f"{label + 1}\0{text}".encode()).digest()
            for text, label in zip(self.texts, self.labels.tolist(), strict=True)
        )
        return hashlib.sha256(b"".join(rows)).hexdigest()


def find(folder: Path, patterns: Iterable[str]) -> list[Path]:
    """The files that the patterns name, relative to `folder` unless absolute; each pattern must find one."""
    found: list[Path] = []
    for pattern in patterns:
        path = Path(pattern)
        start, rest = (Path(path.anchor), path.relative_to(path.anchor)) if path.is_absolute() else (folder, path)
        if ".." in rest.parts:
            start, rest = (start / rest).resolve().parent, Path(rest.name)
        try:
            matches = sorted(start.glob(str(rest)))
        except (ValueError, IndexError) as error:  # of "**a", and of a folder itself
            raise SettingsError(f"{pattern!r} is no pattern of files: name JSONL, CSV or Parquet files.") from error
        except OSError as error:
            raise SettingsError(f"{pattern!r} cannot be looked for ({error.strerror}): name other files.") from error
        if not matches:
            raise SettingsError(f"No file matches {pattern!r} in {folder}: name files that are there.")
        found += [match for match in matches if match not in found]
    return found


def read(paths: Sequence[Path], text: str = "text", stars: str = "stars", columns: Sequence[str] = ()) -> Labelled:
    """
    All rows of JSONL and CSV files (`.gz` too) and Parquet files, in order; `text` and `stars` name the columns.

    Of `columns`, the values are kept as text, null as the empty one.

    Raises SettingsError for a missing column, a label that is no whole number from 1 to 5, a null text
    or no rows at all, naming file and line and never a text.
    """
    texts: list[str] = []
    labels: list[int] = []
    files: list[int] = []
    kept: list[tuple[str, ...]] = []
    for number, path in enumerate(paths):
        for where, (words, given, *others) in text_files.rows(path, (text, stars, *columns)):
            files.append(number)
            kept.append(tuple("" if value is None else str(value) for value in others))
            texts.append(_text(words, text, path, where))
            labels.append(_label(given, stars, path, where))
    if not texts:
        raise SettingsError(f"No messages in {', '.join(map(str, paths))}: there is nothing to learn from.")
    by_column = dict(zip(columns, zip(*kept, strict=True), strict=True)) if columns else {}
    return Labelled(tuple(texts), np.array(labels, dtype=np.int64), np.array(files, dtype=np.int64), by_column)


def require_every_class(data: Labelled, what: str) -> None:
    """SettingsError unless each of the five classes is there."""
    absent = [stars for stars, count in zip(STARS, data.class_counts(), strict=True) if count == 0]
    if absent:
        raise SettingsError(
            f"The {what} messages hold none with {absent[0]} stars (there are {data.class_counts()} with 1 to 5): "
            "all five classes are needed."
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


def balanced(data: Labelled, max_per_class: int, seed: int) -> Labelled:
    """At most `max_per_class` rows of each class, drawn at random, in their order."""
    generator = np.random.default_rng(seed)
    classes = (np.flatnonzero(data.labels == label) for label in range(len(STARS)))
    rows = np.concatenate([generator.permutation(some)[:max_per_class] for some in classes])
    return data.take(np.sort(rows))


def _text(value: object, column: str, path: Path, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        kind = "empty" if isinstance(value, str) else "null" if value is None else f"a {type(value).__name__}"
        raise SettingsError(f"{path}, {where}: the text in {column!r} is {kind}: fill it or remove the row.")
    return value


def _label(value: Any, column: str, path: Path, where: str) -> int:
    try:
        stars = float(value)
    except (TypeError, ValueError, OverflowError):
        stars = math.nan
    if stars not in STARS or isinstance(value, bool):
        # A column that was mixed up could hold a customer's words or number, so only what could be stars is shown.
        shown = f"{stars:g}" if abs(stars) <= 10 else f"a {type(value).__name__} that is no such number"
        raise SettingsError(f"{path}, {where}: {column!r} is {shown}: stars are whole numbers from 1 to 5.")
    return int(stars) - 1
