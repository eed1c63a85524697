"""A full disk, said before it shows as a broker that dies for no visible reason."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from consumer.errors import SurroundingsError

REMEDY = "make room, or use another disk (TMPDIR names it for temporary folders, XDG_CACHE_HOME for downloads)"
BROKERS_OWN_WORDS = "No space left on device"
FULL_BYTES = 10_000_000


def require_space(folder: Path, needed_mb: int) -> None:
    """Raise SurroundingsError when fewer than `needed_mb` MB are free where `folder` lies."""
    free_mb = shutil.disk_usage(folder).free // 1_000_000
    if free_mb < needed_mb:
        raise SurroundingsError(f"{folder} has {free_mb} MB left and needs {needed_mb} MB: {REMEDY}")


def is_full(folder: Path) -> bool:
    """Whether so little is left that a broker cannot go on; its own words may not have fitted either."""
    return shutil.disk_usage(folder).free < FULL_BYTES


@contextmanager
def told_when_full(folder: Path) -> Iterator[None]:
    """Turn "no space left" into an error that says where and what to do."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise SurroundingsError(f"the disk of {folder} is full: {REMEDY}") from error
