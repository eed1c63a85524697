"""What the steps tell of themselves; metrics.py keeps it."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol


class Stages(Protocol):
    """Durations of a window's stages, and what its batches held."""

    def time(self, stage: str) -> AbstractContextManager[None]: ...

    def batch(self, lengths: Sequence[int]) -> None: ...
