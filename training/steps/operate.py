"""Scores the calibration messages, and chooses on them each precision's temperature and threshold."""

from consumer.cpu_backend import require_computable
from training.exporting.describe import class_shares, describe
from training.operating.basis import basis, require_promise
from training.operating.chosen import calibrated, chosen
from training.operating.gate import flips
from training.operating.operate import decided, operated
from training.operating.served import served
from training.preparing import splits
from training.preparing.prepare import Prepared
from training.reporting.told import chosen_lines, saves_little_lines
from training.run_folder import FIT, FLIPS, OPERATING_POINT, fold
from training.scoring.crossfit import Calibration, held_out, in_folds
from training.steps.job import NOT_HERE, Job


def operate(job: Job) -> None:
    require_computable(job.recipe.export.precisions, NOT_HERE)
    messages = splits.read(job.folder)
    # Slices may be asked for here alone: refused before anything is scored or written.
    require_promise(messages.for_calibration, job.recipe.promise, job.recipe.temperature_share)
    calibration, shipped = _scored(job, messages)
    for precision, scored in calibration.scored.items():
        job.folder.write_scores("calibration", precision, scored.logits)
    shares = class_shares(job.recipe, calibration)
    part = basis(messages.for_calibration, job.recipe.promise, job.recipe.temperature_share, job.recipe.seed)
    points = operated(calibration, shares, job.recipe.promise, part)
    how = chosen(points, calibration.labels, shares, job.recipe.promise, part)
    for line in (*chosen_lines(points, calibration.labels), *saves_little_lines(how)):
        job.say(line)
    by = decided(shipped.scored, points, shares)
    precisions = served(points, by, calibration.labels, job.recipe.gate)
    others = {name: flips(each, by["fp32"], calibration.labels) for name, each in by.items() if name != "fp32"}
    job.folder.write_json(FLIPS, others)
    revision = job.folder.read_json(FIT, "fit")["base_revision"]
    description = describe(job.recipe, messages, calibration, shares, precisions, revision)
    job.folder.write_json(
        OPERATING_POINT,
        {
            "description": description.model_dump(mode="json"),
            "chosen": how,
            "calibration": calibrated(calibration, points, shares, part),
        },
    )


def _scored(job: Job, messages: Prepared) -> tuple[Calibration, Calibration]:
    """
    What temperature and threshold are chosen on, and the same messages by the model that ships.

    In folds the two differ. The shipped one has seen the labels, so it says nothing of its recall; how far its int8 is
    from its fp32, only its own graphs can say.
    """
    shipped = held_out(job.folder.graph_files(), messages.for_calibration, job.recipe.model.max_length)
    if messages.calibration is not None:
        return shipped, shipped
    files = (job.folder.graph_files(fold(number)) for number in range(len(messages.folds)))
    return in_folds(files, messages.train, messages.folds, job.recipe.model.max_length), shipped
