"""A folder that is under its final name whole, or not at all."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path

from consumer.errors import ArtifactError, SurroundingsError
from consumer.manifest import MANIFEST_FILE

DRAFT, OLD = ".draft.", ".old."


def require_folder(folder: Path, *, replace: bool, anew: str = "") -> None:
    """
    ArtifactError when something is in the artifact's place, SurroundingsError when nothing can be put there.

    `anew` says what else --replace does, for who is told of it.
    """
    try:
        _try(folder)
    except (OSError, ValueError) as error:  # ValueError: of a name with a NUL
        why = getattr(error, "strerror", None) or "its name holds a NUL"
        raise SurroundingsError(f"{str(folder)!r} cannot be made ({why}): name another folder.") from error
    if (around := artifact_around(folder)) is not None:
        raise ArtifactError(f"{folder} would lie within {around}, an artifact, which holds nothing else: name another.")
    _put_back(folder)  # so that what a killed process had put aside is replaced by nobody who has not said so
    _require_right(folder, replace=replace, anew=anew)
    if folder.is_symlink() and not folder.exists():
        raise ArtifactError(f"{folder} is a link to nothing: remove it, or name another folder.")
    if folder.exists() and not (folder / MANIFEST_FILE).is_file():
        raise ArtifactError(f"{folder} holds no {MANIFEST_FILE}, so it is no artifact to replace: name another folder.")


def artifact_around(path: Path) -> Path | None:
    """The artifact within which `path` lies, or would lie."""
    return next((each for each in path.resolve().parents if (each / MANIFEST_FILE).is_file()), None)


def _try(folder: Path) -> None:
    """With the longest name of a draft. Asking for the right would not do: a superuser has it in /proc too."""
    with suppress(FileNotFoundError):
        folder.stat()
    nearest = next(parent for parent in folder.absolute().parents if parent.exists())
    Path(tempfile.mkdtemp(prefix=f".{folder.name}{DRAFT}", dir=nearest)).rmdir()


def _require_right(folder: Path, *, replace: bool, anew: str = "") -> None:
    if os.path.lexists(folder) and not replace:
        raise ArtifactError(f"{folder} exists: name another folder, or say --replace{anew}.")


@contextmanager
def whole(folder: Path, *, replace: bool) -> Iterator[Path]:
    """
    A draft to fill beside `folder`, of which it takes the name, and the place, when the block ends well.

    ArtifactError, unless it is to `replace`, for what is at `folder` before the block or has come there meanwhile.
    Otherwise the draft is gone, and what was at `folder` is as it was. A process that is killed leaves its draft, which
    the next one for the same folder removes; and what was at `folder`, if it had put that aside, which is put back.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    _put_back(folder)
    _require_right(folder, replace=replace)
    _remove_left_behind(folder)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}{DRAFT}", dir=folder.parent))
    try:
        with locked(draft):
            yield draft
            for path in draft.rglob("*"):
                if path.is_file():
                    _keep(path)
            draft.chmod(0o755)  # mkdtemp's folders are for their maker alone
            _move(draft, folder, replace=replace)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _remove_left_behind(folder: Path) -> None:
    """Drafts that no process holds any more."""
    for draft in folder.parent.glob(f".{escape(folder.name)}{DRAFT}*"):
        with suppress(OSError), locked(draft):
            shutil.rmtree(draft)


def _put_back(folder: Path) -> None:
    """What no process that has put it aside holds any more."""
    for aside in folder.parent.glob(f".{escape(folder.name)}{OLD}*"):
        with suppress(OSError), locked(aside):
            _settle(aside, folder)


@contextmanager
def locked(draft: Path) -> Iterator[None]:
    """Until the block or the process ends, however it does. BlockingIOError where another has it."""
    folder = os.open(draft, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(folder)


def _keep(path: Path) -> None:
    """On the disk before the name is, for a name may outlive a power cut that its content does not."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _move(draft: Path, folder: Path, *, replace: bool) -> None:
    """A folder cannot be renamed onto a full one, so an old one steps aside first."""
    _require_right(folder, replace=replace)  # a download takes minutes, and another may have ended meanwhile
    if not os.path.lexists(folder):
        draft.rename(folder)
        return
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}{OLD}", dir=folder.parent))
    with locked(aside):
        try:
            folder.rename(aside / folder.name)
            draft.rename(folder)
        finally:
            _settle(aside, folder)


def _settle(aside: Path, folder: Path) -> None:
    """What was put aside takes its place again where that is empty, and is gone where a new one has it."""
    old = aside / folder.name
    if os.path.lexists(old):  # a relative link leads nowhere from here, and is what was put aside all the same
        # Under another name first: one that is half removed shall never be put back.
        old.rename(folder if not os.path.lexists(folder) else aside / f"{folder.name}.replaced")
    shutil.rmtree(aside, ignore_errors=True)
