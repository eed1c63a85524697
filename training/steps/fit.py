"""Fits the model that is shipped and, with calibration in folds, one for each fold that has not seen it."""

from consumer.records import Satisfaction
from training import processes
from training.data import splits
from training.data.labelled import Labelled
from training.feasible import require_arguments, require_exportable
from training.fitting import checkpoints
from training.fitting.learn import Start, learn, start
from training.fitting.model import replaced_classes, save
from training.run_folder import MODEL, TRAIN_RESULTS, fold
from training.steps.job import Job

START = "start"


def fit(job: Job) -> None:
    require_arguments(job.recipe)
    config = require_exportable(job.recipe)
    messages = splits.read(job.folder)
    if replaced := replaced_classes(config):
        job.say(f"start: the base model told {', '.join(replaced)} apart; from here on it is {', '.join(Satisfaction)}")
    begin = start(job.recipe, messages.train.texts, job.folder.checkpoints(START), job.say)
    job.say(f"start: {len(begin.tokenizer)} tokens in the vocabulary")
    _fit(job, begin, MODEL, messages.train, messages.validation)
    for number, (rest, _) in enumerate(messages.folds):
        _fit(job, begin, fold(number), messages.train.take(rest), messages.validation)
    if processes.is_main():
        _finish(job, [START, MODEL, *map(fold, range(len(messages.folds)))])


def _fit(job: Job, begin: Start, name: str, messages: Labelled, validation: Labelled | None) -> None:
    job.say(f"fit: {len(messages)} messages")
    fitted = learn(
        job.recipe, begin, messages, job.folder.checkpoints(name), validation, job.say, shipped=name == MODEL
    )
    if processes.is_main():
        with checkpoints.writing(job.folder.model(name)):
            save(fitted, begin.tokenizer, job.folder.model(name))


def _finish(job: Job, names: list[str]) -> None:
    """The figures of the shipped model; checkpoints go, unless the recipe has named how to keep them."""
    job.folder.write(TRAIN_RESULTS, (job.folder.checkpoints(MODEL) / TRAIN_RESULTS).read_bytes())
    if not any(name.startswith("save_") for name in job.recipe.fit.arguments):
        for name in names:
            checkpoints.clear(job.folder.checkpoints(name))
