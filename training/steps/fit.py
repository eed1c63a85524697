"""Fits the model that is shipped and, with calibration in folds, one for each fold without its labels."""

import json
import shutil
from typing import Any

from consumer.records import Satisfaction
from training import processes
from training.data.folds import fold_rows
from training.data.labelled import Labelled
from training.exporting.describe import base_model
from training.feasible import require_arguments, require_exportable
from training.fitting import checkpoints
from training.fitting.fit import ARGUMENTS
from training.fitting.learn import Start, learn, start
from training.fitting.loading import commit
from training.fitting.model import replaced_classes, save
from training.preparing import splits
from training.preparing.prepare import Prepared
from training.recipe import SCRATCH, Recipe
from training.run_folder import FIT, MODEL, TRAIN_RESULTS, RunFolder, fingerprint, fold
from training.steps.job import Job

START = "start"
BEGUN = "fit/begun"  # there while a fit is, or was interrupted


def fit(job: Job) -> None:
    require_arguments(job.recipe)
    config = require_exportable(job.recipe)
    messages = splits.read(job.folder)
    if processes.is_main():
        _begin(job)
    if replaced := replaced_classes(config):
        job.say(f"start: the base model told {', '.join(replaced)} apart; from here on it is {', '.join(Satisfaction)}")
    _require_teachers(job.recipe, messages)
    begin = start(job.recipe, messages.train.texts, job.folder.checkpoints(START), job.say)
    job.say(f"start: {len(begin.tokenizer)} tokens in the vocabulary")
    _fit(job, begin, MODEL, messages.train, messages)
    for number, (rest, _) in enumerate(messages.folds):
        _fit(job, begin, fold(number), messages.train.take(rest), messages)
    if processes.is_main():
        job.folder.write_json(FIT, _fitted(job.recipe, job.folder))
        job.folder.write(TRAIN_RESULTS, (job.folder.checkpoints(MODEL) / TRAIN_RESULTS).read_bytes())
        (job.folder.root / BEGUN).unlink()


def _require_teachers(recipe: Recipe, messages: Prepared) -> None:
    """SettingsError where a fold has too few messages for its teachers: before the first whole fit, not behind it."""
    if recipe.teach.folds is not None:
        for rest, _ in messages.folds:
            fold_rows(messages.train.take(rest), recipe.teach.folds, recipe.seed, whole_files=False)


def tidy(job: Job) -> None:
    """Removes the checkpoints of a fit that is done, unless the recipe has named how to keep them."""
    if not any(name.startswith("save_") for name in job.recipe.fit.arguments):
        for work in job.folder.checkpoints().parent.glob("*/"):
            checkpoints.clear(work)


def _begin(job: Job) -> None:
    """Without the models of an earlier fit, whose folds would be exported with this one's; its own it goes on from."""
    settings = job.recipe.model_dump(mode="json", include={"seed", "model", "pretrain", "teach", "fit"})
    made_from, begun = fingerprint(job.folder.messages(), settings).encode(), job.folder.root / BEGUN
    if not begun.is_file() or begun.read_bytes() != made_from:
        shutil.rmtree(job.folder.model().parent, ignore_errors=True)
        job.folder.write(BEGUN, made_from)


def _fit(job: Job, begin: Start, name: str, learned: Labelled, messages: Prepared) -> None:
    which = "" if name == MODEL else f"{name} of {len(messages.folds)}, "
    beside = "" if messages.decided is None else f", and {len(messages.decided)} with a decision alone"
    job.say(f"fit: {which}{len(learned)} messages{beside}")
    fitted = learn(
        job.recipe,
        begin,
        learned,
        job.folder.checkpoints(name),
        messages.for_calibration,
        messages.validation,
        job.say,
        shipped=name == MODEL,
        decided=messages.decided,
    )
    if processes.is_main():
        with checkpoints.writing(job.folder.model(name)):
            save(fitted, begin.tokenizer, job.folder.model(name))


def _fitted(recipe: Recipe, folder: RunFolder) -> dict[str, Any]:
    """What decided beyond the recipe: the commit that a base model was of, and what became of its arguments."""

    def arguments(name: str) -> Any:
        return json.loads((folder.checkpoints(name) / ARGUMENTS).read_bytes())

    scratch = recipe.model.base == SCRATCH
    return {
        "base_model": base_model(recipe),
        "base_revision": None if scratch else commit(recipe.model.base, recipe.model.revision),
        "pretrain": arguments(START) if scratch and recipe.pretrain.of_masked_words else None,
        "fit": arguments(MODEL),
    }
