"""A run's folder in one process' hands: no other run in it meanwhile, and no folder that holds something else."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from consumer.errors import SettingsError, SurroundingsError

LOCK = ".shikyu-train"  # says, too, whose folder it is
OF_A_RUN = (LOCK, "done", "data/splits.json")


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """
    `folder`, made where there is none, until the block or the process ends, however it does.

    SettingsError when it holds other files, which a run would remove; SurroundingsError when another run has it.
    """
    try:
        if folder.exists() and any(folder.iterdir()) and not any((folder / name).exists() for name in OF_A_RUN):
            raise SettingsError(
                f"{folder} holds other files, and a run's folder is a run's alone: name another one with --work."
            )
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / LOCK).open("ab")
    except (OSError, ValueError) as error:  # ValueError: of a name with a NUL
        why = getattr(error, "strerror", None) or "its name holds a NUL"
        raise SurroundingsError(f"{str(folder)!r} cannot be a run's folder ({why}): name one with --work.") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SurroundingsError(
                f"Another shikyu-train is at work in {folder}: wait for it to end, or name another folder with --work."
            ) from error
        yield


def clear(folder: Path) -> None:
    """Of all that runs have left there, while it is held."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != LOCK:
            path.unlink()


def require_apart(folder: Path, artifact: Path) -> None:
    """SettingsError unless the run's folder and the artifact's are two: each is replaced as a whole."""
    try:
        one, other = folder.resolve(), artifact.resolve()
    except ValueError:  # of a name with a NUL, which is told when the folder is to be made
        return
    if one.is_relative_to(other) or other.is_relative_to(one):
        raise SettingsError(f"The run's folder {folder} and the artifact's {artifact} lie one in the other: name two.")
