"""The draft artifact loaded as the consumer loads it, and the test messages put through it; TF-IDF beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from consumer.artifact import read_manifest
from consumer.classify import load
from consumer.decide import probabilities, urgencies
from consumer.manifest import SHARED_FILES, Description
from consumer.records import Decision
from training import baseline
from training.crossfit import baseline_scores
from training.data import Labelled
from training.evaluate import Evaluation, agreement, evaluate, evaluate_decisions, largest_difference
from training.export import write_artifact
from training.prepare import Prepared
from training.promise import operate, prior_shift
from training.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Results:
    """On the test messages; empty without any. `agreement` and `largest_difference` are int8's with fp32."""

    precisions: Mapping[str, Evaluation]
    baseline: Evaluation | None
    agreement: float | None
    largest_difference: float | None


def measure(
    recipe: Recipe,
    description: Description,
    files: Mapping[str, bytes],
    messages: Prepared,
    draft: Path,
) -> Results:
    """Writes the artifact to `draft`, a folder that does not exist yet, and answers the test messages with it."""
    blank = {name: b"" for name in SHARED_FILES if name not in files}
    write_artifact(draft, description, {**files, **blank})
    test = messages.test
    if test is None:
        return Results({}, None, None, None)
    decisions: dict[str, list[Decision]] = {
        precision: load(draft, precision).classify(test.texts)
        for precision, served in description.precisions.items()
        if served.servable
    }
    return Results(
        {precision: evaluate_decisions(answers, test.labels) for precision, answers in decisions.items()},
        _baseline(recipe, description, messages, test),
        *_compared(decisions),
    )


def evaluate_artifact(folder: Path, messages: Labelled, precision: str | None = None) -> dict[str, Evaluation]:
    """What a finished artifact answers, in one precision or in each that may be served."""
    served = read_manifest(folder).precisions
    wanted = [precision] if precision else [name for name, each in served.items() if each.servable]
    return {name: evaluate_decisions(load(folder, name).classify(messages.texts), messages.labels) for name in wanted}


def _compared(decisions: Mapping[str, list[Decision]]) -> tuple[float | None, float | None]:
    if len(decisions) < 2:
        return None, None
    one, other = decisions.values()
    return agreement(one, other), largest_difference(one, other)


def _baseline(recipe: Recipe, description: Description, messages: Prepared, test: Labelled) -> Evaluation:
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
    return evaluate(
        np.asarray(probabilities(logits, operated.temperature)), urgency >= operated.point.threshold, test.labels
    )
