"""Which versions that were brought have had their time, and away with them."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from consumer import versions

KEEP, LEAST = 3, 2  # the current one, and one to go back to
REMOVED = ".removed"


def remove(folder: Path, brought: Sequence[str], keep: int) -> list[str]:
    """
    Of `brought`, the newest first, those beyond `keep`: gone when this returns, and returned.

    The current one and the one to which a rollback would lead count first, and stay whatever they are. What others have
    put into the folder is theirs. Nothing is removed where `current` cannot be read. Raises OSError.
    """
    gone = []
    for version in brought:
        # Looked at anew for each: somebody may name one meanwhile.
        if (folder / version).is_dir() and (kept := _kept(folder, brought, keep)) and version not in kept:
            # Under another name first: half a version shall never look like one.
            aside = folder / f".{version}{REMOVED}"
            shutil.rmtree(aside, ignore_errors=True)
            (folder / version).rename(aside)
            gone.append(version)
    for aside in folder.glob(f".*{REMOVED}"):  # that of a process that was killed, too
        shutil.rmtree(aside, ignore_errors=True)
    return gone


def _kept(folder: Path, brought: Sequence[str], keep: int) -> list[str]:
    current = versions.read_if_there(folder)
    if current is None:
        return []
    there = [name for name in current.before if (folder / name).is_dir()]
    return list(dict.fromkeys((current.version, *there[:1], *brought)))[: max(keep, LEAST)]
