"""The same model for other messages: a new temperature, threshold and promise from some of them, in a new artifact."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from consumer.artifact import read_manifest
from consumer.classify import Classifier, load
from consumer.cpu_backend import require_computable
from consumer.decide import prior_shift, urgencies
from consumer.errors import SettingsError
from consumer.manifest import ClassShares, Description, Manifest, Served, Shares
from training import recipe as recipes
from training.data import Labelled, Source, require_every_class
from training.evaluating.evaluate import Answered, answered
from training.operating.basis import basis, require_promise
from training.operating.chosen import calibrated
from training.operating.gate import Decided
from training.operating.operate import Operated, decided, operated
from training.operating.served import served
from training.reporting.recalibrated_card import recalibrated_card
from training.reporting.recalibrated_recipe import recalibrated_recipe
from training.run_folder import CARD, EVAL_RESULTS, INT8_BF16_FILE, RECIPE
from training.scoring.crossfit import Calibration
from training.scoring.reference import reference
from training.scoring.score import MAX_BATCH_TOKENS, Scored, folder_files, scored, scored_by

FOR_TEMPERATURE = 0.2  # of the messages, as in a recipe


@dataclass(frozen=True, slots=True)
class Recalibrated:
    """
    `description` and `files` for `write_artifact`; on the same messages, `before` is what the old threshold did and
    `now` what the new one does.
    """

    description: Description
    files: Mapping[str, bytes]
    points: Mapping[str, Operated]
    before: Mapping[str, Answered]
    now: Mapping[str, Answered]


def recalibrate(
    folder: Path, messages: Labelled, version: str, promise: recipes.Promise, source: Source | None = None
) -> Recalibrated:
    """
    From the artifact in `folder`, in fp32 and every other precision that it may serve. Its recipe gets the messages'
    `source`, if one is named.

    LimitError when the messages are too few for the promise, and says how many more it takes.
    """
    require_scorable(folder)
    require_every_class(messages, "labelled")
    share = FOR_TEMPERATURE if promise.temperature_share is None else promise.temperature_share
    require_promise(messages, promise, share)
    manifest = read_manifest(folder)
    calibration = Calibration(messages.labels, _scored(folder, messages))
    shares, part = _shares(manifest, messages, promise), basis(messages, promise, share)
    points = operated(calibration, shares, promise, part)
    by = decided(calibration.scored, points, shares)
    kept = folder_files(folder)
    description = _described(manifest, version, shares, _precisions(manifest, points, by, messages), calibration, kept)
    before = {name: _before(manifest, name, each, messages) for name, each in calibration.scored.items()}
    now = {name: answered(each.urgent, messages.labels) for name, each in points.items()}
    card = kept[CARD].decode(errors="replace")
    made = {
        EVAL_RESULTS: _results(manifest, description, messages, before, calibrated(calibration, points, shares, part)),
        CARD: recalibrated_card(card, manifest, description, messages, before, now).encode(),
    }
    files = {name: content for name, content in kept.items() if name in description.owned_files}
    if source is not None and RECIPE in files:
        made[RECIPE] = recalibrated_recipe(kept[RECIPE], version, promise, source)
    return Recalibrated(description, {**files, **made}, points, before, now)


def promised_before(folder: Path) -> dict[str, Any]:
    """By the recipe's names, what a new promise repeats: the artifact's own, if it has one, and how urgency counts."""
    manifest = read_manifest(folder)
    weight = {"unsatisfied_weight": manifest.class_shares.unsatisfied_weight}
    was = manifest.precisions["fp32"].promise
    return {**weight, "recall": was.target, "confidence": was.confidence, "slices": was.slices} if was else weight


def require_scorable(folder: Path) -> None:
    """SurroundingsError, before any message is read, where this machine cannot compute what would be calibrated."""
    require_computable(_here(folder), f"calibrate a copy of the artifact without {INT8_BF16_FILE}, which leaves it out")


def _here(folder: Path) -> list[str]:
    """What is scored: fp32 even where it is not there, which is then said, for the others are held against it."""
    others = ((name, each) for name, each in read_manifest(folder).precisions.items() if name != "fp32")
    return ["fp32", *(str(name) for name, each in others if each.servable and (folder / each.model_file).is_file())]


def _scored(folder: Path, messages: Labelled) -> dict[str, Scored]:
    return {name: _by(load(folder, name, max_batch_tokens=MAX_BATCH_TOKENS), messages) for name in _here(folder)}


def _by(classifier: Classifier, messages: Labelled) -> Scored:
    return scored(messages.raw, classifier.tokenize, classifier.start, classifier.at_once)


def _shares(manifest: Manifest, messages: Labelled, promise: recipes.Promise) -> ClassShares:
    """
    The model speaks for the shares that it spoke for before.

    Live are the shares that were declared, now or when the artifact was made; else those of the messages. In urgency,
    two stars count as the promise says.
    """
    here, was = cast("Shares", tuple(messages.class_shares())), manifest.class_shares
    declared = was.live if was.live != was.training else None
    live = promise.live_shares or declared or here
    return ClassShares(training=was.training, live=live, unsatisfied_weight=promise.unsatisfied_weight)


def _precisions(
    manifest: Manifest, points: Mapping[str, Operated], by: Mapping[str, Decided], messages: Labelled
) -> dict[str, Served]:
    """Each by the limits that its gate had; what the artifact may not serve is left out."""
    found = {}
    for name, was in manifest.precisions.items():
        if name in points:
            limits = {key: value for key, value in (was.gate or {}).items() if key in recipes.Gate.model_fields}
            now = served(points, by, messages.labels, recipes.Gate.model_validate(limits))[name]
            found[str(name)] = now.model_copy(update={"files": was.files})
    return found


def _described(
    manifest: Manifest,
    version: str,
    shares: ClassShares,
    precisions: Mapping[str, Served],
    calibration: Calibration,
    kept: Mapping[str, bytes],
) -> Description:
    changed = {
        "version": version,
        "class_shares": shares,
        "precisions": precisions,
        "checkpoint_files": tuple(name for name in manifest.checkpoint_files if name in kept),
        "reference": reference(calibration.labels, calibration.scored, precisions, shares),
        "versions": {**_without(manifest.versions, "openvino"), **scored_by(precisions)},
        "created_at": datetime.now(UTC).replace(microsecond=0),
    }
    try:
        return Description.model_validate(
            {name: changed.get(name, getattr(manifest, name)) for name in Description.model_fields}
        )
    except ValidationError as error:
        raise SettingsError(f"The version {version!r} is none: {error.errors()[0]['msg']}.") from error


def _without(versions: Mapping[str, str], package: str) -> dict[str, str]:
    return {name: each for name, each in versions.items() if name != package}


def _before(manifest: Manifest, precision: str, own: Scored, messages: Labelled) -> Answered:
    was = next(each for name, each in manifest.precisions.items() if name == precision)
    urgency = urgencies(own.logits, was.temperature, prior_shift(manifest.class_shares))
    return answered(urgency >= was.threshold, messages.labels)


def _results(
    manifest: Manifest,
    description: Description,
    messages: Labelled,
    before: Mapping[str, Answered],
    calibration: Mapping[str, object],
) -> bytes:
    results = {
        "test_rows": 0,
        "recalibrated_from": {"name": manifest.name, "version": manifest.version},
        "recalibrated_on": {"rows": len(messages), "class_counts": messages.class_counts()},
        "promises": {
            name: each.promise.model_dump() if each.promise else None for name, each in description.precisions.items()
        },
        "before": {name: asdict(each) for name, each in before.items()},
        "calibration": calibration,
    }
    return (json.dumps(results, indent=2, allow_nan=False) + "\n").encode()
