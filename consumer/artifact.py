"""The model's folder, verified before a byte of it is used; what was verified is what is loaded."""

import hashlib
import json
import os
import stat
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from consumer.errors import ArtifactError
from consumer.manifest import (
    CHECKPOINT_FILE,
    CONFIG_FILE,
    MANIFEST_FILE,
    MANIFEST_VERSION,
    SIGNATURE_FILE,
    TOKENIZER_FILE,
    Description,
    FileEntry,
    Manifest,
    Served,
)
from consumer.records import ModelVersion

MAX_MANIFEST_BYTES = 1024 * 1024
MAX_SIGNATURE_BYTES = 1024
BESIDE = {MANIFEST_FILE, SIGNATURE_FILE}  # what no manifest can name
AGAIN = "copy or make the artifact again"
GPU_PRECISIONS = ("fp16", "fp32")  # computed there from the checkpoint


@dataclass(frozen=True, slots=True)
class Artifact:
    """What serving one precision needs, as bytes whose size and SHA-256 are the manifest's."""

    manifest: Manifest
    precision: str
    model: bytes
    tokenizer_json: bytes
    config: Mapping[str, Any]

    @property
    def served(self) -> Served:
        return next(served for name, served in self.manifest.precisions.items() if name == self.precision)

    @property
    def version(self) -> ModelVersion:
        return ModelVersion(self.manifest.name, self.manifest.version, self.precision)


def verify(folder: Path, precision: str, *, model_file: str | None = None, public_key: Path | None = None) -> Artifact:
    """
    The artifact in `folder`, for one of its precisions. ArtifactError says what is wrong with it and what to do.

    `model` is the precision's own file, or `model_file`, which then stands in for it. Files of other precisions and of
    the checkpoint may be absent; whatever is present must be as the manifest says. With `public_key`, a PEM file, the
    manifest must be signed by its other half.
    """
    manifest = read_manifest(folder, public_key)
    model, present = _present(folder, manifest, precision, model_file)
    kept = {
        name: _verified(folder / name, manifest.files[name], keep=name in (model, TOKENIZER_FILE, CONFIG_FILE))
        for name in sorted(present - BESIDE)
    }
    config = _config(folder, kept[CONFIG_FILE])
    _check_order(folder, config, manifest)
    return Artifact(manifest, precision, kept[model], kept[TOKENIZER_FILE], config)


def glance(
    folder: Path, precision: str | None = None, *, device: str = "cpu", public_key: Path | None = None
) -> Manifest:
    """As `verify`, by names and sizes alone: no file but the manifest is read, so damage within one is not seen."""
    manifest = read_manifest(folder, public_key)
    model_file = CHECKPOINT_FILE if device == "cuda" else None
    _model, present = _present(folder, manifest, precision or best_precision(manifest, device), model_file)
    for name in sorted(present - BESIDE):
        with _open(folder / name) as file:
            _check_size(folder / name, file, manifest.files[name])
    return manifest


def read_manifest(folder: Path, public_key: Path | None = None) -> Manifest:
    """
    The manifest alone, with no file verified: to choose a precision, or to show what the artifact promises.

    With `public_key` it must be signed, as in `verify`.
    """
    if not os.path.isdir(folder):  # noqa: PTH112 - Path's raises for what cannot be looked at, as a name too long
        raise ArtifactError(
            f"{in_full(folder)} is no folder to be read; give the model's folder, as `shikyu-train` or the download "
            "made it"
        )
    try:
        with _open(folder / MANIFEST_FILE) as file:
            content = file.read(MAX_MANIFEST_BYTES + 1)
    except FileNotFoundError as error:
        raise ArtifactError(f"{folder} has no {MANIFEST_FILE}, so it is no artifact; {AGAIN}") from error
    if len(content) > MAX_MANIFEST_BYTES:
        raise ArtifactError(f"{folder / MANIFEST_FILE} is larger than {MAX_MANIFEST_BYTES} bytes; {AGAIN}")
    if public_key is not None:
        from consumer import signature  # cryptography, for those who ask for it

        signature.require(folder, content, _signature(folder), public_key)
    return _parse(folder / MANIFEST_FILE, content)


def in_full(folder: Path) -> str:
    """With the working directory that a relative path is of: a file of settings may be read from anywhere."""
    return str(folder) if folder.is_absolute() else f"{folder} (that is {Path.cwd() / folder})"


def _signature(folder: Path) -> bytes | None:
    try:
        with _open(folder / SIGNATURE_FILE) as file:
            return file.read(MAX_SIGNATURE_BYTES)
    except FileNotFoundError:
        return None


def best_precision(manifest: Description, device: str = "cpu") -> str:
    """int8 where it may be served, as `shikyu run` prefers it, else fp32; on a GPU fp16."""
    if device == "cuda":
        return "fp16"
    servable = [name for name in ("int8", "fp32") if (served := manifest.precisions.get(name)) and served.servable]
    if not servable:
        raise ArtifactError(
            f"{manifest.name} {manifest.version} has no servable precision; see its gate, and train again"
        )
    return servable[0]


def _parse(path: Path, content: bytes) -> Manifest:
    try:
        loose = json.loads(content, object_pairs_hook=_once_each)
        version = loose.get("manifest_version") if isinstance(loose, dict) else None
        # Before anything else, for another version's fields would be called misspelt.
        if type(version) is not int or version != MANIFEST_VERSION:
            raise ArtifactError(
                f"{path} has manifest_version {version!r}, and this shikyu reads {MANIFEST_VERSION}; "
                "install the shikyu that goes with the artifact, or make the artifact again with this one"
            )
        return Manifest.model_validate_json(content, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "as a whole"
        newer = ", or install the shikyu that goes with it" if first["type"] == "extra_forbidden" else ""
        raise ArtifactError(f"{path} is wrong at {where}: {first['msg']}; {AGAIN}{newer}") from error
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"{path} is no JSON; {AGAIN}") from error


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    [(name, times)] = Counter(name for name, _ in pairs).most_common(1) or [("", 0)]
    if times > 1:
        raise ArtifactError(f"{MANIFEST_FILE} says {name!r} {times} times in one object; {AGAIN}")
    return dict(pairs)


def _servable(folder: Path, manifest: Manifest, precision: str, of: Collection[str]) -> Served:
    """`of` are the precisions that can be asked for where it is served."""
    served = next((served for name, served in manifest.precisions.items() if name == precision), None)
    has = _listed(sorted(name for name, each in manifest.precisions.items() if each.servable and name in of)) or "none"
    if served is None:
        raise ArtifactError(
            f"{folder} has no {precision}; it can serve {has}: set model.precision to one of these, or export "
            f"{precision}"
        )
    if not served.servable:
        raise ArtifactError(
            f"{folder} marks {precision} as not servable, for it missed a limit (see its gate in {MANIFEST_FILE}); "
            f"it can serve {has}: set model.precision to one of these"
        )
    return served


def _present(folder: Path, manifest: Manifest, precision: str, model_file: str | None) -> tuple[str, set[str]]:
    """The model's file, and the names of all that is there: what the precision needs, and nothing that is no part."""
    served = _servable(folder, manifest, precision, of=GPU_PRECISIONS if model_file else tuple(manifest.precisions))
    present = _names(folder)
    if stray := sorted(present - manifest.owned_files - BESIDE):
        raise ArtifactError(
            f"{folder} holds {_listed(stray)}, which its manifest does not know; remove what is no part"
        )
    model = model_file or served.model_file
    if missing := sorted({*manifest.shared_files, *((model,) if model_file else served.files)} - present):
        whole = [
            name for name, each in manifest.precisions.items() if not {*manifest.shared_files, *each.files} - present
        ]
        instead = f"it has all of {_listed(sorted(whole))}: set model.precision, or " if whole else ""
        if model_file:  # the precisions' own files are for CPUs
            instead = "a GPU is served from it: set model.device to cpu, or "
        raise ArtifactError(f"{folder} lacks {_listed(missing)}, which {precision} needs; {instead}{AGAIN}")
    return model, present


def _names(folder: Path) -> set[str]:
    try:
        with os.scandir(folder) as entries:
            kinds = {entry.name: (entry.is_symlink(), entry.is_file(follow_symlinks=False)) for entry in entries}
    except OSError as error:
        raise ArtifactError(
            f"{folder} cannot be listed ({error.strerror}), and what it holds is held against its manifest: let this "
            "user read it, as `chmod +rx` on it does"
        ) from error
    for name, (is_link, is_file) in kinds.items():
        if is_link:
            raise ArtifactError(f"{folder / name} is a symbolic link; put the file itself there")
        if not is_file:
            raise ArtifactError(f"{folder / name} is no plain file; remove it, an artifact holds nothing else")
    return set(kinds)


def _open(path: Path) -> BufferedReader:
    # A link may have been put there since the folder was listed, and a pipe would keep us waiting.
    try:
        file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK), "rb")
    except FileNotFoundError:
        raise
    except OSError as error:
        why = "is a symbolic link" if path.is_symlink() else f"cannot be read ({error.strerror})"
        raise ArtifactError(f"{path} {why}; put the file itself there, readable by this user") from error
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise ArtifactError(f"{path} is no plain file; put the file itself there")
    return file


def _verified(path: Path, entry: FileEntry, *, keep: bool) -> bytes:
    with _open(path) as file:
        _check_size(path, file, entry)
        content = file.read() if keep else b""
        digest = hashlib.sha256(content) if keep else hashlib.file_digest(file, "sha256")
    if digest.hexdigest() != entry.sha256:
        raise ArtifactError(
            f"{path} has SHA-256 {digest.hexdigest()}, and the manifest says {entry.sha256}; "
            f"it was damaged or changed: {AGAIN}"
        )
    return content


def _check_size(path: Path, file: BufferedReader, entry: FileEntry) -> None:
    size = os.fstat(file.fileno()).st_size
    if size != entry.size:
        raise ArtifactError(f"{path} has {size} bytes, and the manifest says {entry.size}; {AGAIN}")


def _config(folder: Path, content: bytes) -> Mapping[str, Any]:
    try:
        config = orjson.loads(content)  # which refuses infinite numbers and depths that no model has
    except ValueError as error:
        raise ArtifactError(f"{folder / CONFIG_FILE} is no JSON; {AGAIN}") from error
    if not isinstance(config, dict):
        raise ArtifactError(f"{folder / CONFIG_FILE} is no JSON object; {AGAIN}")
    return config


def _check_order(folder: Path, config: Mapping[str, Any], manifest: Manifest) -> None:
    """
    Five classes in another order would load, and turn every decision round.

    transformers' LABEL_0 … are refused too: a name that says nothing cannot say that the order is right.
    """
    labels = {str(place): label.value for place, label in enumerate(manifest.labels)}
    named = config.get("id2label")
    if named != labels:
        shown = _numbered(named) if isinstance(named, dict) else "none"
        raise ArtifactError(
            f"{folder / CONFIG_FILE}'s id2label is {shown}, and the manifest has {_numbered(labels)}; is 0 really one "
            "star and 4 five? Name the classes so in id2label, and export the artifact again with `shikyu-train`"
        )


def _numbered(labels: Mapping[str, object]) -> str:
    return ", ".join(f"{place}: {label}" for place, label in labels.items())


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
