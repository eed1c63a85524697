"""Scores the calibration messages, and chooses on them each precision's temperature and threshold."""

from training.exporting.describe import class_shares, describe
from training.operating.basis import basis
from training.operating.chosen import calibrated, chosen
from training.operating.gate import flips
from training.operating.operate import operated
from training.operating.served import served
from training.preparing import splits
from training.preparing.prepare import Prepared
from training.reporting.told import chosen_lines
from training.run_folder import FIT, FLIPS, OPERATING_POINT, fold
from training.scoring.crossfit import Calibration, held_out, in_folds
from training.steps.job import Job


def operate(job: Job) -> None:
    messages = splits.read(job.folder)
    calibration = _scored(job, messages)
    for precision, scored in calibration.scored.items():
        job.folder.write_scores("calibration", precision, scored.logits)
    shares = class_shares(job.recipe, calibration)
    part = basis(messages.for_calibration, job.recipe.promise, job.recipe.temperature_share, job.recipe.seed)
    points = operated(calibration, shares, job.recipe.promise, part)
    for line in chosen_lines(points):
        job.say(line)
    precisions = served(points, calibration.labels, job.recipe.gate)
    exact = points["fp32"].decided
    others = {name: each.decided for name, each in points.items() if name != "fp32"}
    job.folder.write_json(FLIPS, {name: flips(each, exact, calibration.labels) for name, each in others.items()})
    revision = job.folder.read_json(FIT, "fit")["base_revision"]
    description = describe(job.recipe, messages, calibration, shares, precisions, revision)
    job.folder.write_json(
        OPERATING_POINT,
        {
            "description": description.model_dump(mode="json"),
            "chosen": chosen(points, calibration.labels, shares, job.recipe.promise, part),
            "calibration": calibrated(calibration, points, shares, part),
        },
    )


def _scored(job: Job, messages: Prepared) -> Calibration:
    max_length = job.recipe.model.max_length
    if messages.calibration is not None:
        return held_out(job.folder.graph_files(), messages.calibration, max_length)
    files = (job.folder.graph_files(fold(number)) for number in range(len(messages.folds)))
    return in_folds(files, messages.train, messages.folds, max_length)
