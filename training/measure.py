"""The draft artifact loaded as the consumer loads it, and the test messages put through it; TF-IDF beside it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from consumer.artifact import best_precision, read_manifest
from consumer.classify import load
from consumer.decide import probabilities, urgencies
from consumer.manifest import SHARED_FILES, Description
from consumer.records import ModelVersion
from training import baseline
from training.answers import Answers, ask, lengths
from training.crossfit import baseline_scores
from training.data import Labelled
from training.evaluate import Evaluation, agreement, evaluate, largest_difference
from training.export import write_artifact
from training.paired import Paired, paired
from training.prepare import Prepared
from training.progress import progress
from training.promise import operate, prior_shift
from training.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Results:
    """
    On the test messages; empty without any. `agreement` and `largest_difference` are each other precision's with fp32.

    `gain` is what the precision that is `served` is ahead of the baseline; `tokens` are each text's.
    """

    precisions: Mapping[str, Evaluation]
    baseline: Evaluation | None
    agreement: Mapping[str, float]
    largest_difference: Mapping[str, float]
    answers: Mapping[str, Answers] = field(default_factory=dict)
    beside: Answers | None = None
    served: str | None = None
    gain: Paired | None = None
    tokens: NDArray[np.int64] | None = None


def measure(
    recipe: Recipe,
    description: Description,
    files: Mapping[str, bytes],
    messages: Prepared,
    draft: Path,
) -> Results:
    """Writes the artifact to `draft`, a folder that does not exist yet, and answers the test messages with it."""
    write_draft(draft, description, files)
    test = messages.test
    if test is None:
        return Results({}, None, {}, {})
    answers, tokens = answer(draft, test)
    beside, served = _baseline(recipe, description, messages, test), best_precision(read_manifest(draft))
    return Results(
        {precision: evaluate(each, test.labels) for precision, each in answers.items()},
        evaluate(beside, test.labels),
        *_compared(answers),
        answers=answers,
        beside=beside,
        served=served,
        gain=paired(answers[served], beside, test.labels, recipe.promise.recall),
        tokens=tokens,
    )


def write_draft(draft: Path, description: Description, files: Mapping[str, bytes]) -> None:
    """The artifact as it will be served, without what is not known of it yet."""
    blank = {name: b"" for name in SHARED_FILES if name not in files}
    write_artifact(draft, description, {**files, **blank})


def answer(
    artifact: Path, messages: Labelled, precision: str | None = None
) -> tuple[dict[str, Answers], NDArray[np.int64]]:
    """By one precision, or by each that may be served; and how many tokens of each text the model was given."""
    served = read_manifest(artifact).precisions
    wanted = [precision] if precision else [name for name, each in served.items() if each.servable]
    answers = {}
    with progress("classify", len(wanted) * len(messages)) as advance:
        for name in wanted:
            classifier = load(artifact, name)
            answers[name] = ask(classifier, messages.texts, advance)
    return answers, lengths(classifier, messages.texts)


def answer_as_served(artifact: Path, messages: Labelled, precision: str | None = None) -> tuple[ModelVersion, Answers]:
    """By one precision, or by the one that the consumer would take; and which model that was."""
    with progress(f"classify by {artifact.name}", len(messages)) as advance:
        classifier = load(artifact, precision)
        return classifier.model, ask(classifier, messages.texts, advance)


def _compared(answers: Mapping[str, Answers]) -> tuple[dict[str, float], dict[str, float]]:
    others = {name: each for name, each in answers.items() if name != "fp32"}
    return (
        {name: agreement(each, answers["fp32"]) for name, each in others.items()},
        {name: largest_difference(each, answers["fp32"]) for name, each in others.items()},
    )


def _baseline(recipe: Recipe, description: Description, messages: Prepared, test: Labelled) -> Answers:
    """TF-IDF with a temperature and a threshold chosen in the same way, on the same messages."""
    model = baseline.fit_baseline(messages.train)
    if messages.calibration is not None:
        labels, scores = messages.calibration.labels, baseline.log_probabilities(model, messages.calibration.texts)
    else:
        labels = messages.train.labels
        scores = baseline_scores(messages.train, messages.folds)
    operated = operate(scores, labels, description.class_shares, recipe.promise)
    logits = baseline.log_probabilities(model, test.texts)
    urgency = urgencies(logits, operated.temperature, prior_shift(description.class_shares))
    return Answers(probabilities(logits, operated.temperature), urgency, urgency >= operated.point.threshold)
