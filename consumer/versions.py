"""
A folder of versions: each a whole artifact under its version's name, and a file `current` that names one of them.

`current` is replaced by a rename, so that whoever reads it reads the one name or the other. Its first line counts;
below stand those that were current before, the newest first, for a rollback. NO_CANARY behind the name says that it is
wanted whatever it decides.
"""

import os
import re
import shlex
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from consumer import artifact as artifacts
from consumer.errors import ArtifactError, SettingsError, SurroundingsError
from consumer.manifest import MANIFEST_FILE, SIGNATURE_FILE

CURRENT_FILE = "current"
NO_CANARY = "no-canary"
MAX_CURRENT_BYTES = 8192
MOST_REMEMBERED = 20
NO_NAMES = (CURRENT_FILE, MANIFEST_FILE, SIGNATURE_FILE)  # by these a folder is told from an artifact
OWN_VERSION = "(`version` in the recipe, or `shikyu-train recalibrate --version`)"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}")


@dataclass(frozen=True, slots=True)
class Current:
    """
    What `current` says. `stamp` is another one whenever it was written, with the same name too.

    Unless `with_canary`, nobody asks how much it decides otherwise: a rollback is wanted at once.
    """

    folder: Path
    version: str
    before: tuple[str, ...] = ()
    stamp: tuple[object, ...] = ()
    with_canary: bool = True

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
    if not is_folder or os.path.lexists(folder / MANIFEST_FILE):
        return folder
    if some := names(folder):
        raise ArtifactError(f"{folder} holds versions and no {CURRENT_FILE}: {_which(folder, some)}")
    if _has_no_file(folder):
        raise ArtifactError(
            f"{folder} has no {MANIFEST_FILE}, so it is no artifact; {artifacts.AGAIN}, or, for a folder of versions, "
            f"put VERSION/ into it and `{use_command(folder, 'VERSION')}`"
        )
    return folder


def _has_no_file(folder: Path) -> bool:
    """As a folder has that versions are to come into; half an artifact is another thing."""
    try:
        return all(path.is_dir() for path in folder.iterdir())
    except OSError as error:
        raise not_listed(folder, error) from error


def _which(folder: Path, some: list[str]) -> str:
    """What to do where none is current. A version that cannot be served is not for choosing."""
    whole = [name for name in some if _is_whole(folder / name)]
    if not whole:
        listing = f"shikyu models list --model-artifact {shlex.quote(str(folder))}"
        return f"none of {', '.join(some)} can be served, and `{listing}` says why"
    if len(whole) == 1:
        return f"say that it is {whole[0]} with `{use_command(folder, whole[0])}`"
    return f"say which of {', '.join(whole)} with `{use_command(folder, 'VERSION')}`"


def _is_whole(artifact: Path) -> bool:
    """By its files' names and sizes, for a processor or a GPU."""
    for device in ("cpu", "cuda"):
        with suppress(ArtifactError):
            require_own_name(artifact, artifacts.glance(artifact, device=device).version)
            return True
    return False


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
    named, _, how = lines[0].strip().partition(" ")
    if not NAME.fullmatch(named) or how.strip() not in ("", NO_CANARY):
        raise ArtifactError(
            f"{path} names no version in its first line (letters, digits, '.', '_', '+' and '-'): write it with "
            "`shikyu models use VERSION`"
        )
    before = tuple(line.strip() for line in lines[1:] if NAME.fullmatch(line.strip()))
    stamp = (told.st_mtime_ns, told.st_ino, content)
    return Current(folder, named, before[:MOST_REMEMBERED], stamp, with_canary=how.strip() != NO_CANARY)


def use(folder: Path, version: str, *, with_canary: bool = True) -> Current:
    """
    Names `version` from now on; what was named before stands below. It is the caller's to verify it first.

    A `current` that cannot be read is written anew: nothing else mends it.
    """
    require_name(version)
    before: tuple[str, ...] = ()
    if (was := read_if_there(folder)) is not None:
        before = tuple(name for name in (was.version, *was.before) if name != version)
    return _write(folder, version, before[:MOST_REMEMBERED], with_canary=with_canary)


def read_if_there(folder: Path) -> Current | None:
    """None, too, where it cannot be read."""
    try:
        return read(folder) if holds_versions(folder) else None
    except ArtifactError:
        return None


def before(was: Current) -> tuple[str, tuple[str, ...]]:
    """What a rollback would name, and what would stand below it. SettingsError where nothing was named before."""
    folder = was.folder
    there = [place for place, name in enumerate(was.before) if (folder / name).is_dir()]
    if not there:
        gone = f" ({', '.join(was.before)} are there no more)" if was.before else ""
        raise SettingsError(
            f"{folder / CURRENT_FILE} tells of no version before {was.version} that is still there{gone}: name one "
            "with `shikyu models use VERSION`"
        )
    return was.before[there[0]], was.before[there[0] + 1 :]


def rollback(folder: Path, seen: Current | None = None) -> Current:
    """Names what was named before. SettingsError where `current` was written since it was `seen`."""
    was = seen or read(folder)
    version, older = before(was)
    if read(folder).stamp != was.stamp:
        raise SettingsError(
            f"{folder / CURRENT_FILE} was written meanwhile: see `shikyu models list`, and say it again"
        )
    return _write(folder, version, older, with_canary=False)


def names(folder: Path) -> list[str]:
    """The versions that are there, as their folders' names, in the order of the numbers in them."""
    try:  # and no glob, to which a folder that cannot be listed is an empty one
        there = [path.name for path in folder.iterdir() if NAME.fullmatch(path.name)]
    except OSError as error:
        raise not_listed(folder, error) from error
    # os.path's, for Path's raises where a version may not be entered.
    found = (name for name in there if os.path.exists(folder / name / MANIFEST_FILE))  # noqa: PTH110
    return sorted(found, key=_by_number)


def not_listed(folder: Path, error: OSError) -> SurroundingsError:
    return SurroundingsError(
        f"{folder} cannot be listed ({error.strerror}): let this user read it, as `chmod +rx` on it does"
    )


def _by_number(name: str) -> tuple[list[str | int], str]:
    """So that 10 stands behind 2; what is no number is compared as it is written."""
    parts = re.split(r"([0-9]+)", name)  # text and number in turns, so that like meets like
    return [int(part) if place % 2 else part for place, part in enumerate(parts)], name


def require_name(version: str) -> None:
    if not NAME.fullmatch(version) or version in NO_NAMES:
        raise SettingsError(
            f"{version!r} can be no version's folder: letters, digits, '.', '_', '+' and '-', and none of "
            f"{', '.join(NO_NAMES)}"
        )


def require_own_name(artifact: Path, version: str) -> None:
    """ArtifactError unless a version stands under its own name, which is what its events tell."""
    if artifact.name == version:
        return
    folder, own = artifact.parent, artifact.parent / version
    told = (
        f"{artifact} holds version {version} (events tell what its {MANIFEST_FILE} says), and a version's folder has "
        "its name"
    )
    if not NAME.fullmatch(version):
        raise ArtifactError(f"{told}, which {version!r} cannot be: give this export another {OWN_VERSION}")
    if os.path.lexists(own):
        raise ArtifactError(f"{told}; {own} is there already: give this export a version of its own {OWN_VERSION}")
    raise ArtifactError(f"{told}: rename the folder to {own}, then `{use_command(folder, version)}`")


def use_command(folder: Path, version: str) -> str:
    """As it can be typed."""
    return f"shikyu models use {version} --model-artifact {shlex.quote(str(folder))}"


def _write(folder: Path, version: str, older: tuple[str, ...], *, with_canary: bool) -> Current:
    first = version if with_canary else f"{version} {NO_CANARY}"
    draft = None
    try:
        number, draft = tempfile.mkstemp(prefix=f".{CURRENT_FILE}.", dir=folder)
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write("".join(f"{name}\n" for name in (first, *older)))
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
