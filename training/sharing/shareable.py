"""What of an artifact may go to the Hub, or come from there: no code, no pickle, no customer's text."""

import json
from collections.abc import Mapping
from pathlib import Path

from consumer.errors import ArtifactError
from consumer.manifest import MANIFEST_FILE, Manifest

# Neither code, nor pickles, which are code too, nor files that hold messages.
SHAREABLE = (".json", ".md", ".onnx", ".pbtxt", ".safetensors", ".toml")
RESULTS = ("_results.json", MANIFEST_FILE)
TEXTS = {"text", "texts", "flips", "mistakes"}


def require_shareable(manifest: Manifest, where: str) -> None:
    if others := sorted(name for name in manifest.files if not name.endswith(SHAREABLE)):
        raise ArtifactError(
            f"{where} names {', '.join(others)} as part of the artifact, and only {', '.join(SHAREABLE)} are shared: "
            "others may hold code or customers' texts."
        )


def require_same(manifest: Manifest, sizes: Mapping[str, int], where: str) -> None:
    """ArtifactError unless each of the manifest's files that is there has the size it gives."""
    for name, entry in sorted(manifest.files.items()):
        if name in sizes and sizes[name] != entry.size:
            raise ArtifactError(
                f"{where} has {sizes[name]} bytes of {name}, and its {MANIFEST_FILE} says {entry.size}: push the "
                "artifact again."
            )


def require_no_texts(folder: Path, manifest: Manifest) -> None:
    """ArtifactError where results hold messages: what was measured on them may be shown, they may not."""
    for path in sorted(folder / name for name in {MANIFEST_FILE, *manifest.files} if name.endswith(RESULTS)):
        try:
            found = _texts(json.loads(path.read_bytes()))
        except (OSError, ValueError, RecursionError) as error:
            raise ArtifactError(f"{path} cannot be read as JSON: export the artifact again.") from error
        if found:
            raise ArtifactError(f"{path} holds {found!r}, which may be customers' words: export it without them.")


def _texts(value: object) -> str | None:
    """The name under which something stands that may be words."""
    if isinstance(value, list):
        return next(filter(None, map(_texts, value)), None)
    if not isinstance(value, dict):
        return None
    for name, inner in value.items():
        if found := name if name in TEXTS and isinstance(inner, str | list | dict) else _texts(inner):
            return str(found)
    return None
