"""
Texts that stand in a set twice, or in two sets, word for word or nearly; in time that grows with their number.

Each text is a set of runs of five letters, and a sketch of the set (MinHash, Broder 1997) is cut into bands: texts that
agree in a whole band are compared (locality-sensitive hashing, Indyk and Motwani 1998). Of two texts with two
thirds of their runs in common, 97 in 100 are found; of unlike ones, few are ever compared.
"""

import hashlib
import math
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIMILAR = 2 / 3  # of all runs of letters that two texts have, those they share (Jaccard)
RUN = 5
BANDS, HASHES_PER_BAND = 25, 5
MOST_CHARACTERS = 2000
MOST_COMPARISONS = 8  # of one text: many texts made from one template agree in many bands
AT_ONCE, MOST_PARTS = 100_000, 16  # rows; each part goes through all keys, so more would take time by their square

_GENERATOR = np.random.default_rng(20)
_FACTORS = _GENERATOR.integers(1, 2**63, (BANDS * HASHES_PER_BAND, 1), dtype=np.uint64) * np.uint64(2) + np.uint64(1)
_SHIFTS = _GENERATOR.integers(0, 2**63, (BANDS * HASHES_PER_BAND, 1), dtype=np.uint64)
_POWERS = _GENERATOR.integers(1, 2**63, RUN, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
_MIX = _POWERS[:HASHES_PER_BAND]

Runs = NDArray[np.uint64]
Keys = NDArray[np.unsignedinteger[Any]]
NO_KEYS, NO_ROWS = np.empty(0, np.uint64), np.empty(0, np.intp)


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Row `row` of the first set is row `other` of the second, `similarity` (0 to 1) near."""

    row: int
    other: int
    similarity: float


@dataclass(frozen=True, slots=True)
class Sketches:
    """Of `texts`: `whole` (rows,) is equal for equal texts, `bands` (rows, bands) for like ones; 0 is none."""

    texts: Sequence[str]
    whole: NDArray[np.uint64]
    bands: NDArray[np.uint32]

    def band(self, number: int) -> NDArray[np.uint32]:
        """(rows,), together in memory, for it is gone through several times."""
        return np.ascontiguousarray(self.bands[:, number])


def sketches(texts: Sequence[str], scratch: Path | None = None) -> Sketches:
    """
    Letters' case, digits and white space do not count.

    With `scratch`, a folder, they lie in files without a name there and not in memory: a million take 108 MB.
    """
    whole = _zeros((len(texts),), np.dtype(np.uint64), scratch)
    bands = _zeros((len(texts), BANDS), np.dtype(np.uint32), scratch)
    for row, text in enumerate(texts):
        same = plain(text)
        whole[row] = int.from_bytes(hashlib.blake2b(same.encode("utf-8", "replace"), digest_size=8).digest(), "big")
        if len(runs := _runs(same)):
            bands[row] = _bands(runs)
    return Sketches(texts, whole, bands)


def duplicates(texts: Sequence[str], others: Sequence[str]) -> list[Duplicate]:
    """For each of `texts` that has one, a like text of `others`; an exact copy has similarity 1."""
    return between(sketches(texts), sketches(others))


def between(texts: Sketches, others: Sketches) -> list[Duplicate]:
    """As `duplicates`, for texts that were sketched before."""
    found = {row: Duplicate(row, other, 1.0) for row, other in _equal(texts.whole, others.whole)}
    pairs = (pair for band in range(BANDS) for pair in _equal(texts.band(band), others.band(band)))
    _compare(texts, others, pairs, found)
    return [found[row] for row in sorted(found)]


def within(texts: Sketches) -> list[Duplicate]:
    """For each text that is like one above it, that one."""
    found = {row: Duplicate(row, first, 1.0) for row, first in _repeated(texts.whole)}
    pairs = (pair for band in range(BANDS) for pair in _neighbours(texts.band(band)))
    _compare(texts, texts, pairs, found)
    return [found[row] for row in sorted(found)]


def _zeros(shape: tuple[int, ...], kind: np.dtype[Any], scratch: Path | None) -> NDArray[Any]:
    size = math.prod(shape) * kind.itemsize
    if scratch is None or not size:
        return np.zeros(shape, kind)
    with tempfile.TemporaryFile(dir=scratch) as file:
        os.posix_fallocate(file.fileno(), 0, size)  # a disk that fills up later would end the process without a word
        return np.memmap(file, kind, "r+", shape=shape)


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"\d", "0", text[: 2 * MOST_CHARACTERS].casefold())).strip()


def _runs(same: str) -> Runs:
    """Numbers of the runs of letters, unmixed and with repetitions; none of a text that is shorter than one run."""
    letters = np.frombuffer(same[:MOST_CHARACTERS].encode("utf-32-le", "replace"), dtype=np.uint32).astype(np.uint64)
    if len(letters) < RUN:
        return np.empty(0, dtype=np.uint64)
    runs: Runs = np.lib.stride_tricks.sliding_window_view(letters, RUN) @ _POWERS
    return runs ^ (runs >> np.uint64(29))


def _bands(runs: Runs) -> NDArray[np.uint32]:
    least = ((runs * _FACTORS + _SHIFTS) >> np.uint64(32)).min(axis=1).reshape(BANDS, HASHES_PER_BAND)
    mixed: NDArray[np.uint32] = ((least @ _MIX) >> np.uint64(32)).astype(np.uint32)
    return mixed | np.uint32(1)


def _equal(keys: Keys, others: Keys) -> Iterator[tuple[int, int]]:
    """Rows with the first row of `others` that has the same key."""
    for rows, candidates in zip(_parts(keys, others), _parts(others, keys), strict=True):
        if not (len(rows) and len(candidates)):
            continue
        wanted, sorted_keys = keys[rows], others[candidates]
        order = np.argsort(sorted_keys, kind="stable")
        place = np.minimum(np.searchsorted(sorted_keys, wanted, sorter=order), len(order) - 1)
        same = np.flatnonzero(sorted_keys[order[place]] == wanted)
        yield from zip(rows[same].tolist(), candidates[order[place[same]]].tolist(), strict=True)


def _neighbours(keys: Keys) -> Iterator[tuple[int, int]]:
    """Rows with the row above that has the same key: as many pairs as rows, however many are alike."""
    for rows in _parts(keys):
        order = rows[np.argsort(keys[rows], kind="stable")]
        same = np.flatnonzero(keys[order[1:]] == keys[order[:-1]])
        yield from zip(order[same + 1].tolist(), order[same].tolist(), strict=True)


def _repeated(keys: Keys) -> Iterator[tuple[int, int]]:
    """Rows with the first row of all that has the same key, where that is another."""
    for rows in _parts(keys):
        first, which = np.unique(keys[rows], return_index=True, return_inverse=True)[1:]
        original = rows[first[which]]
        same = np.flatnonzero(original != rows)
        yield from zip(rows[same].tolist(), original[same].tolist(), strict=True)


def _parts(keys: Keys, beside: Keys = NO_KEYS) -> Iterator[NDArray[np.intp]]:
    """
    All rows with a key, parted by some of its bits, so that a sort takes memory for few of them.

    Keys are hashes, so the parts are even. Those of `beside` are parted alike.
    """
    parts = min(MOST_PARTS, 1 << (max(len(keys), len(beside)) // AT_ONCE).bit_length())
    for part in range(parts):
        yield np.concatenate([NO_ROWS, *_rows_of(keys, part, parts)])


def _rows_of(keys: Keys, part: int, parts: int) -> Iterator[NDArray[np.intp]]:
    for start in range(0, len(keys), AT_ONCE):
        some = keys[start : start + AT_ONCE]
        own = some // 2 % parts  # without the lowest bit, which is 1 in every band
        yield start + np.flatnonzero((own == part) & (some != 0))


def _compare(texts: Sketches, others: Sketches, pairs: Iterator[tuple[int, int]], found: dict[int, Duplicate]) -> None:
    count = np.zeros(len(texts.whole), dtype=np.uint8)
    compared = np.empty((len(texts.whole), MOST_COMPARISONS), dtype=np.int32)
    for row, other in pairs:
        seen = count[row]
        if row in found or seen == MOST_COMPARISONS or other in compared[row, :seen]:
            continue
        compared[row, seen], count[row] = other, seen + 1
        similarity = _similarity(texts.texts[row], others.texts[other])
        if similarity >= SIMILAR:
            found[row] = Duplicate(row, other, similarity)


def _similarity(one: str, other: str) -> float:
    runs, others = np.unique(_runs(plain(one))), np.unique(_runs(plain(other)))
    common = len(np.intersect1d(runs, others, assume_unique=True))
    return common / (len(runs) + len(others) - common)
