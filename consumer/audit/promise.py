"""What the artifact promised of its recall, and whether live traffic keeps it."""

from dataclasses import dataclass
from typing import Literal

from consumer.artifact import best_precision, read_manifest
from consumer.audit.estimate import Estimate
from consumer.settings import Settings
from consumer.versions import artifact_in

Verdict = Literal["kept", "broken", "too few to tell"]


@dataclass(frozen=True, slots=True)
class Promised:
    """Of the very unsatisfied. `model` is name, version and precision of whose promise it is, if it was not stated."""

    recall: float
    model: tuple[str, str, str] | None = None


def promised(settings: Settings, stated: float | None) -> Promised | None:
    """
    `stated`, else what the manifest of model.artifact says of the precision that is served; None where nothing is.

    Raises ArtifactError for a manifest that can't be read.
    """
    if stated is not None:
        return Promised(stated)
    folder = settings.model.artifact
    if folder is None:
        return None
    manifest = read_manifest(artifact_in(folder), settings.model.public_key)
    precision = settings.model.precision or best_precision(manifest, settings.model.device)
    served = next((each for name, each in manifest.precisions.items() if name == precision), None)
    if served is None or served.promise is None:
        return None
    return Promised(served.promise.recall, (manifest.name, manifest.version, precision))


def verdict(promise: Promised, live: Estimate | None) -> Verdict:
    """Kept or broken where the whole interval lies on one side."""
    if live is None or live.low < promise.recall <= live.high:
        return "too few to tell"
    return "kept" if live.low >= promise.recall else "broken"
