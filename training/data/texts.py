"""A column of strings in an Arrow file, read as far as it is asked for."""

import hashlib
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, overload

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
from numpy.typing import NDArray

ROWS_AT_ONCE = 1000


class Texts(Sequence[str]):
    """Rows of an Arrow column in any order. A million take four bytes each here, and the file what it takes."""

    __slots__ = ("_chunks", "_rows", "_starts")

    def __init__(self, column: Any, rows: NDArray[np.int32] | None = None) -> None:
        self._chunks = column.chunks
        self._starts = np.cumsum([0, *(len(chunk) for chunk in self._chunks)])
        self._rows = np.arange(self._starts[-1], dtype=np.int32) if rows is None else rows

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Texts":
        return texts if isinstance(texts, Texts) else cls(pa.chunked_array([pa.array(texts, pa.string())]))

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> "Texts": ...
    def __getitem__(self, place: int | slice) -> "str | Texts":
        if isinstance(place, slice):
            return self.take(np.arange(len(self))[place])
        return self._at(self._rows[place : place + 1 or None])[0]

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), ROWS_AT_ONCE):
            yield from self._at(self._rows[start : start + ROWS_AT_ONCE])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(self) == len(other) and all(map(str.__eq__, self, other))

    __hash__ = None  # type: ignore[assignment]  # as a list's

    def take(self, rows: NDArray[np.int64]) -> "Texts":
        taken = object.__new__(Texts)
        taken._chunks, taken._starts, taken._rows = self._chunks, self._starts, self._rows[rows]
        return taken

    def _at(self, rows: NDArray[np.int32]) -> list[str]:
        if not len(rows):
            raise IndexError("no such row")
        chunks = np.searchsorted(self._starts, rows, side="right") - 1
        places = rows - self._starts[chunks]
        if chunks[0] == chunks[-1] and (np.diff(rows) == 1).all():
            run: list[str] = self._chunks[chunks[0]].slice(places[0], len(places)).to_pylist()
            return run
        return [self._chunks[chunk][place].as_py() for chunk, place in zip(chunks, places.tolist(), strict=True)]


def in_batches(texts: Sequence[str], size: int = ROWS_AT_ONCE) -> Iterator[list[str]]:
    each = iter(texts)
    while batch := list(islice(each, size)):
        yield batch


def digests(texts: Sequence[str]) -> NDArray[np.uint64]:
    """(rows,) equal for equal texts. That two others of a million share one has a chance of 1 in 37 million."""
    whole = (hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest() for text in texts)
    return np.fromiter(map(int.from_bytes, whole), dtype=np.uint64, count=len(texts))
