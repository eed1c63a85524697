"""From a fitted classifier and its graphs to an artifact: the checkpoint, the manifest, all or nothing."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from consumer import artifact
from consumer.errors import ArtifactError, SurroundingsError
from consumer.manifest import (
    CHECKPOINT_FILE,
    CONFIG_FILE,
    MANIFEST_FILE,
    MANIFEST_VERSION,
    TOKENIZER_FILE,
    Description,
    FileEntry,
    Manifest,
)
from consumer.records import Satisfaction
from training.whole_folder import require_folder, whole


def checkpoint_files(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> dict[str, bytes]:
    """config.json, tokenizer.json and model.safetensors as transformers loads them, with no path of this machine."""
    labels = list(Satisfaction)
    config: dict[str, Any] = json.loads(model.config.to_json_string(use_diff=False))
    config |= {
        "id2label": {str(place): label for place, label in enumerate(labels)},
        "label2id": {label: place for place, label in enumerate(labels)},
        "architectures": [type(model).__name__],
    }
    config.pop("_name_or_path", None)
    weights = {name: value.detach().contiguous().cpu() for name, value in model.state_dict().items()}
    return {
        CONFIG_FILE: (json.dumps(config, indent=2, sort_keys=True) + "\n").encode(),
        TOKENIZER_FILE: tokenizer.backend_tokenizer.to_str().encode(),
        CHECKPOINT_FILE: safetensors.torch.save(weights, metadata={"format": "pt"}),
    }


def write_artifact(
    folder: Path, description: Description, files: Mapping[str, bytes], *, replace: bool = False
) -> Manifest:
    """
    The artifact under its final name, whole and verified, or not there at all.

    ArtifactError when `folder` exists (unless `replace`, and it is an artifact), and when the consumer would refuse
    what was written; SurroundingsError when it cannot be written.
    """
    require_folder(folder, replace=replace)
    try:
        return _write_artifact(folder, description, files, replace=replace)
    except OSError as error:
        raise SurroundingsError(
            f"{folder} cannot be written ({error.strerror}): make room, or name another folder"
        ) from error


def _write_artifact(folder: Path, description: Description, files: Mapping[str, bytes], *, replace: bool) -> Manifest:
    with whole(folder, replace=replace) as draft:
        manifest = _fill(draft, description, files)
        for precision, served in manifest.precisions.items():
            if served.servable:
                artifact.verify(draft, precision)
    return manifest


def _fill(draft: Path, description: Description, files: Mapping[str, bytes]) -> Manifest:
    entries = {
        name: FileEntry(size=len(content), sha256=hashlib.sha256(content).hexdigest())
        for name, content in sorted(files.items())
    }
    try:
        manifest = Manifest(**dict(description), manifest_version=MANIFEST_VERSION, files=entries)
    except ValueError as error:
        raise ArtifactError(f"the files and the manifest do not fit together: {error}") from error
    for name, content in files.items():
        (draft / name).write_bytes(content)
    (draft / MANIFEST_FILE).write_bytes((manifest.model_dump_json(indent=2) + "\n").encode())
    return manifest
