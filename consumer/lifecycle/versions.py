"""
A folder of versions: each a whole artifact under its version's name, and a file `current` that names one of them.

`current` is replaced by a rename, so that whoever reads it reads the one name or the other. Its first line counts;
below stand those that were current before, the newest first, for a rollback.
"""

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from consumer.errors import ArtifactError, SettingsError, SurroundingsError
from consumer.manifest import MANIFEST_FILE

CURRENT_FILE = "current"
MAX_CURRENT_BYTES = 8192
MOST_REMEMBERED = 20
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}")


@dataclass(frozen=True, slots=True)
class Current:
    """What `current` says. `stamp` is another one whenever it was written, with the same name too."""

    folder: Path
    version: str
    before: tuple[str, ...] = ()
    stamp: tuple[object, ...] = ()

    @property
    def artifact(self) -> Path:
        return self.folder / self.version


def holds_versions(folder: Path) -> bool:
    """Told by `current`; an artifact, which has a manifest.json, holds no other file."""
    return os.path.lexists(folder / CURRENT_FILE) and not os.path.lexists(folder / MANIFEST_FILE)


def artifact_in(folder: Path) -> Path:
    """The artifact that `folder` stands for: itself, or the version that its `current` names. Raises ArtifactError."""
    if holds_versions(folder):
        return read(folder).artifact
    is_folder = os.path.isdir(folder)  # noqa: PTH112 - Path's raises for what cannot be looked at, as a name too long
    if is_folder and not os.path.lexists(folder / MANIFEST_FILE) and (some := names(folder)):
        raise ArtifactError(
            f"{folder} holds versions and no {CURRENT_FILE}: say which with `shikyu models use {some[-1]}`"
        )
    return folder


def read(folder: Path) -> Current:
    """ArtifactError for a `current` that cannot be read, or names no version."""
    path = folder / CURRENT_FILE
    try:
        with path.open("rb") as file:
            told = os.fstat(file.fileno())
            content = file.read(MAX_CURRENT_BYTES + 1)
    except OSError as error:
        raise ArtifactError(
            f"{path} cannot be read ({error.strerror}): it is a file that names the version to serve, and "
            "`shikyu models use VERSION` writes it"
        ) from error
    lines = content[:MAX_CURRENT_BYTES].decode("utf-8", "replace").splitlines() or [""]
    named = lines[0].strip()
    if not NAME.fullmatch(named):
        raise ArtifactError(
            f"{path} names no version in its first line (letters, digits, '.', '_', '+' and '-'): write it with "
            "`shikyu models use VERSION`"
        )
    before = tuple(line.strip() for line in lines[1:] if NAME.fullmatch(line.strip()))
    return Current(folder, named, before[:MOST_REMEMBERED], (told.st_mtime_ns, told.st_ino, content))


def use(folder: Path, version: str) -> Current:
    """Names `version` from now on; what was named before stands below. It is the caller's to verify it first."""
    require_name(version)
    before: tuple[str, ...] = ()
    if holds_versions(folder):
        was = read(folder)
        before = tuple(name for name in (was.version, *was.before) if name != version)
    return _write(folder, version, before[:MOST_REMEMBERED])


def before(folder: Path) -> tuple[str, tuple[str, ...]]:
    """What a rollback would name, and what would stand below it. SettingsError where nothing was named before."""
    was = read(folder)
    there = [place for place, name in enumerate(was.before) if (folder / name).is_dir()]
    if not there:
        gone = f" ({', '.join(was.before)} are there no more)" if was.before else ""
        raise SettingsError(
            f"{folder / CURRENT_FILE} tells of no version before {was.version} that is still there{gone}: name one "
            "with `shikyu models use VERSION`"
        )
    return was.before[there[0]], was.before[there[0] + 1 :]


def rollback(folder: Path) -> Current:
    """Names what was named before."""
    version, older = before(folder)
    return _write(folder, version, older)


def names(folder: Path) -> list[str]:
    """The versions that are there, as their folders' names."""
    try:
        found = (path.parent.name for path in folder.glob(f"*/{MANIFEST_FILE}"))
        return sorted(name for name in found if NAME.fullmatch(name))
    except OSError as error:
        raise SurroundingsError(f"{folder} cannot be listed ({error.strerror})") from error


def require_name(version: str) -> None:
    if not NAME.fullmatch(version) or version == CURRENT_FILE:
        raise SettingsError(
            f"{version!r} can be no version's folder: letters, digits, '.', '_', '+' and '-', and not {CURRENT_FILE!r}"
        )


def require_own_name(artifact: Path, version: str) -> None:
    """ArtifactError unless a version stands under its own name, which is what its events tell."""
    if artifact.name != version:
        raise ArtifactError(
            f"{artifact} holds version {version}, and events would tell of {version}: rename the folder to "
            f"{artifact.parent / version}, then `shikyu models use {version}`"
        )


def _write(folder: Path, version: str, older: tuple[str, ...]) -> Current:
    draft = None
    try:
        number, draft = tempfile.mkstemp(prefix=f".{CURRENT_FILE}.", dir=folder)
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write("".join(f"{name}\n" for name in (version, *older)))
            os.fchmod(number, 0o644)  # mkstemp's are for their maker alone
            file.flush()
            os.fsync(number)
        os.replace(draft, folder / CURRENT_FILE)  # noqa: PTH105 - a rename that is meant to replace
        draft = None
        _keep(folder)
    except OSError as error:
        raise SurroundingsError(f"{folder / CURRENT_FILE} cannot be written ({error.strerror})") from error
    finally:
        if draft is not None:
            Path(draft).unlink(missing_ok=True)
    return read(folder)


def _keep(folder: Path) -> None:
    """On the disk, the name too."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
