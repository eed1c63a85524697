"""A folder that is under its final name whole, or not at all."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(folder: Path) -> Iterator[Path]:
    """
    A draft to fill beside `folder`, of which it takes the name, and the place, when the block ends well.

    Otherwise the draft is gone, and what was at `folder` is as it was.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        yield draft
        for path in draft.iterdir():
            _keep(path)
        draft.chmod(0o755)  # mkdtemp's folders are for their maker alone
        _move(draft, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _keep(path: Path) -> None:
    """On the disk before the name is, for a name may outlive a power cut that its content does not."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _move(draft: Path, folder: Path) -> None:
    """A folder cannot be renamed onto a full one, so an old one steps aside first."""
    if not folder.exists():
        draft.rename(folder)
        return
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.old.", dir=folder.parent))
    folder.rename(aside / folder.name)
    try:
        draft.rename(folder)
    except BaseException:
        (aside / folder.name).rename(folder)
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
