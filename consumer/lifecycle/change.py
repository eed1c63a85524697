"""What is looked at before `current` is written: that the version can be served, and decides much as the last one."""

import os
from dataclasses import dataclass
from pathlib import Path

from consumer import artifact as artifacts
from consumer import versions
from consumer.artifact import in_full
from consumer.classify import Classifier
from consumer.errors import ArtifactError, BackendError, SettingsError, SurroundingsError
from consumer.lifecycle import canary
from consumer.lifecycle.canary import Flips
from consumer.manifest import CHECKPOINT_FILE, MANIFEST_FILE, Manifest
from consumer.model_settings import loaded
from consumer.settings import Model, Settings
from consumer.settings_sources import Resolved
from consumer.versions import Current


def folder_of(resolved: Resolved) -> Path:
    """SettingsError where model.artifact is no folder of versions."""
    folder = resolved.settings.model.artifact
    if folder is None:
        raise SettingsError("model.artifact is not set: name the folder of versions, as in --model-artifact models")
    if not os.path.isdir(folder):  # noqa: PTH112 - Path's raises for what cannot be looked at, as a name too long
        origin = resolved.origin("model.artifact")
        raise SettingsError(
            f"model.artifact (from {origin}) is {in_full(folder)}, which is no folder: make it, and put versions "
            "into it"
        )
    if _holds(folder, MANIFEST_FILE):
        raise SettingsError(
            f"model.artifact {folder} is an artifact, not a folder of versions: move it to FOLDER/VERSION, and name "
            "FOLDER"
        )
    return folder


def _holds(folder: Path, name: str) -> bool:
    try:
        (folder / name).stat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise SurroundingsError(
            f"{folder} cannot be entered ({error.strerror}): let this user do it, as `chmod +rx` on it does"
        ) from error
    return True


@dataclass(frozen=True, slots=True)
class Used:
    """Without `flips`, `uncompared` says why nothing was compared."""

    current: Current
    flips: Flips | None = None
    uncompared: str = ""


def use(settings: Settings, folder: Path, version: str, *, with_canary: bool = True) -> Used:
    """
    Verified, and held against the version that is current, where there is one that can be loaded; then `current` names
    it.

    Raises ArtifactError, or LimitError where too many canary decisions flip; then `current` is as it was.
    """
    versions.require_name(version)
    if not (folder / version).is_dir():
        there = ", ".join(versions.names(folder))
        raise ArtifactError(f"{folder} holds no version {version}: {f'it holds {there}' if there else 'it holds none'}")
    _verified(settings.model, folder / version)
    was = versions.read_if_there(folder)
    found = _compared(settings, was, folder / version) if with_canary else "no canary was asked"
    current = versions.use(folder, version, with_canary=with_canary)
    return Used(current, uncompared=found) if isinstance(found, str) else Used(current, found)


def _compared(settings: Settings, was: Current | None, new: Path) -> Flips | str:
    """Why not, where there is nothing to hold it against."""
    if was is None:
        return "nothing was current: no canary was asked"
    if was.version == new.name:
        return "it was already: no canary was asked"
    if (old := _loaded(settings, was)) is None:
        return f"{was.version}, which was current, cannot be served: no canary was asked"
    texts = canary.texts(settings.model.canary)
    before = canary.answered(old, texts)
    found = canary.flips(before, canary.answered(loaded(settings, new), texts))
    found.require(settings.model.max_flip_share)
    return found


def _loaded(settings: Settings, was: Current) -> Classifier | None:
    """None for a version that cannot be served: a good one shall take its place."""
    try:
        return loaded(settings, was.artifact)
    except (ArtifactError, BackendError):
        return None


def rollback(settings: Settings, folder: Path) -> Current:
    """To the version that was current before, verified and not compared: it is wanted back at once."""
    was = versions.read(folder)
    version, _older = versions.before(was)
    _verified(settings.model, folder / version)  # which takes its time
    return versions.rollback(folder, was)


def _verified(model: Model, folder: Path) -> Manifest:
    """Every byte of it, its signature where one is asked for, and its name; nothing is loaded."""
    manifest = artifacts.read_manifest(folder, model.public_key)
    precision = model.precision or artifacts.best_precision(manifest, model.device)
    model_file = CHECKPOINT_FILE if model.device == "cuda" else None
    artifacts.verify(folder, precision, model_file=model_file, public_key=model.public_key)
    versions.require_own_name(folder, manifest.version)
    return manifest
