"""Fits the model that is shipped and, with calibration in folds, one for each fold that has not seen it."""

from consumer.records import Satisfaction
from training import splits
from training.data import Labelled
from training.feasible import require_arguments, require_exportable
from training.learn import Start, learn, start
from training.model import replaced_classes, save
from training.run_folder import MODEL, fold
from training.steps.job import Job


def fit(job: Job) -> None:
    require_arguments(job.recipe)
    config = require_exportable(job.recipe)
    messages = splits.read(job.folder)
    if replaced := replaced_classes(config):
        job.say(f"start: the base model told {', '.join(replaced)} apart; from here on it is {', '.join(Satisfaction)}")
    begin = start(job.recipe, messages.train.texts, job.folder.checkpoints("start"))
    job.say(f"start: {len(begin.tokenizer)} tokens in the vocabulary")
    _fit(job, begin, MODEL, messages.train)
    for number, (rest, _) in enumerate(messages.folds):
        _fit(job, begin, fold(number), messages.train.take(rest))


def _fit(job: Job, begin: Start, name: str, messages: Labelled) -> None:
    job.say(f"fit: {len(messages)} messages")
    save(learn(job.recipe, begin, messages, job.folder.checkpoints(name)), begin.tokenizer, job.folder.model(name))
