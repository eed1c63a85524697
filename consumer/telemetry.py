"""What the steps tell of themselves; metrics.py keeps it."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Stages(Protocol):
    """Durations of a window's stages, and what its batches held."""

    def time(self, stage: str) -> AbstractContextManager[None]: ...

    def batch(self, lengths: Sequence[int]) -> None: ...


class _Untold:
    def time(self, stage: str) -> AbstractContextManager[None]:  # noqa: ARG002 - the protocol's
        return nullcontext()

    def batch(self, lengths: Sequence[int]) -> None: ...


UNTOLD = _Untold()  # where nobody keeps it
