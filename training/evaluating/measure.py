"""The draft artifact loaded as the consumer loads it, and the test messages put through it; TF-IDF beside it."""

from collections.abc import Mapping
from pathlib import Path

from consumer.artifact import best_precision, read_manifest
from consumer.decide import prior_shift, probabilities, urgencies
from consumer.manifest import Description
from training.data import Labelled
from training.evaluating.answers import Answers, answer
from training.evaluating.evaluate import agreement, evaluate, largest_difference
from training.evaluating.paired import paired
from training.evaluating.results import Results
from training.exporting.export import write_artifact
from training.operating.basis import basis
from training.operating.operate import operate
from training.preparing.prepare import Prepared
from training.recipe import Recipe
from training.scoring import baseline
from training.scoring.crossfit import baseline_scores


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
    blank = {name: b"" for name in description.shared_files if name not in files}
    write_artifact(draft, description, {**files, **blank})


def _compared(answers: Mapping[str, Answers]) -> tuple[dict[str, float], dict[str, float]]:
    others = {name: each for name, each in answers.items() if name != "fp32"}
    return (
        {name: agreement(each, answers["fp32"]) for name, each in others.items()},
        {name: largest_difference(each, answers["fp32"]) for name, each in others.items()},
    )


def _baseline(recipe: Recipe, description: Description, messages: Prepared, test: Labelled) -> Answers:
    """TF-IDF with a temperature and a threshold chosen in the same way, on the same messages."""
    model = baseline.fit_baseline(messages.train, messages.for_calibration.class_shares())
    if messages.calibration is not None:
        labels, scores = messages.calibration.labels, baseline.log_probabilities(model, messages.calibration.texts)
    else:
        labels = messages.train.labels
        scores = baseline_scores(messages.train, messages.folds)
    part = basis(messages.for_calibration, recipe.promise, recipe.temperature_share, recipe.seed)
    operated = operate(scores, labels, description.class_shares, recipe.promise, part)
    logits = baseline.log_probabilities(model, test.texts)
    urgency = urgencies(logits, operated.temperature, prior_shift(description.class_shares))
    return Answers(probabilities(logits, operated.temperature), urgency, urgency >= operated.point.threshold)
