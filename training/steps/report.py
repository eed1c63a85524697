"""Tells of the run on one HTML page, and of the model in the artifact's card."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from training.data import Labelled
from training.preparing import splits
from training.reporting.card import card
from training.reporting.card_metadata import OnTheHub
from training.reporting.report import Found
from training.reporting.report import report as page
from training.run_folder import (
    CARD,
    DATA,
    EVAL_RESULTS,
    EVALUATION,
    FLIPS,
    MISTAKES,
    OPERATING_POINT,
    PREDICTION_RESULTS,
    TRAIN_RESULTS,
    RunFolder,
    write_atomically,
)
from training.steps.evaluate import description_of
from training.steps.job import Job


def report(job: Job) -> None:
    description, found = description_of(job.folder), found_in(job.folder)
    write_atomically(job.folder.report, page(job.recipe, description, found).encode())
    figures, hub = job.folder.read_json(EVAL_RESULTS, "evaluate"), OnTheHub.of(job.recipe, job.files)
    job.folder.write(CARD, card(job.recipe, description, figures, found.evaluation, hub).encode())
    job.say(f"report: {job.folder.report} (it may hold customers' texts)")


def found_in(folder: RunFolder) -> Found:
    """Whatever is there. SettingsError before `operate`, since there is nothing to tell of yet."""
    there = splits.read(folder)
    parts = {name: getattr(there, name) for name in splits.SPLITS if name != "everything"}
    messages = {name: some for name, some in parts.items() if some is not None}
    return Found(
        operating_point=folder.read_json(OPERATING_POINT, "operate"),
        evaluation=_json(folder, EVALUATION),
        eval_results=_json(folder, EVAL_RESULTS),
        prediction_results=_json(folder, PREDICTION_RESULTS),
        train_results=_json(folder, TRAIN_RESULTS),
        mistakes=_json(folder, MISTAKES),
        flips=_json(folder, FLIPS),
        data=_json(folder, DATA),
        counts={name: some.class_counts() for name, some in messages.items()},
        sources=_by_source(messages),
    )


def _json(folder: RunFolder, name: str) -> dict[str, Any] | None:
    return folder.read_json(name, "run") if (folder.root / name).exists() else None


def _by_source(messages: Mapping[str, Labelled]) -> dict[str, dict[str, int]]:
    counts = {name: Counter(some.source_counts()) for name, some in messages.items()}
    sources = dict.fromkeys(source for some in counts.values() for source in some)
    return {source: {name: some[source] for name, some in counts.items()} for source in sources}
