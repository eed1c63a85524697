"""Several base models on the same messages, each in a run folder of its own, so that one can be chosen by figures."""

import hashlib
import re
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from consumer.artifact import best_precision, read_manifest
from consumer.classify import Classifier, load
from consumer.decide import prior_shift, probabilities, urgencies
from consumer.errors import SettingsError, ShikyuError
from consumer.manifest import Description
from training import processes, run
from training.data import Labelled
from training.evaluating.answers import Answers
from training.evaluating.compared import Compared, Row
from training.evaluating.evaluate import evaluate
from training.evaluating.measure import write_draft
from training.evaluating.paired import needless_of_one
from training.feasible import require_exportable
from training.fitting.push_at_save import without_push
from training.preparing import splits
from training.preparing.prepare import Prepared
from training.recipe import SCRATCH
from training.run_folder import RunFolder
from training.scoring.score import score
from training.steps.evaluate import description_of
from training.steps.job import Job

LAST_STEP = "operate"
MOST_TIMED = 2000


def compare(job: Job, bases: Sequence[str]) -> list[Row]:
    """
    The fewest needless answers first, what failed last. What was done before is not done again.

    SettingsError in one of several processes: where one base failed in one of them, the others would wait for ever.
    """
    if processes.count() > 1:
        raise SettingsError(
            "compare fits one base after the other in one process: start it without torchrun or accelerate, or run the "
            "recipe with each base by itself."
        )
    rows = [_row(of_base(job, base), base) for base in dict.fromkeys(bases)]
    return sorted(rows, key=lambda row: row.compared.needless.value if row.compared else 2.0)


def of_base(job: Job, base: str) -> Job:
    """The same recipe from another base model, in the folder that is this base's alone."""
    was = job.recipe.model
    revision = was.revision if base == was.base else None  # the recipe's is of its own base
    own = {"base": base, "revision": revision, "config": was.config if base == SCRATCH else {}}
    fit = job.recipe.fit.model_copy(update={"arguments": without_push(job.recipe.fit.arguments)})
    recipe = job.recipe.model_copy(update={"model": was.model_copy(update=own), "fit": fit})
    # The name is for people; two checkpoints called the same in two places still have two folders.
    named = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(base).name).strip("-.")
    root = job.folder.root.with_name(f"{job.folder.root.name}.{named}-{hashlib.sha256(base.encode()).hexdigest()[:6]}")
    return Job(recipe, RunFolder(root), job.files, job.artifact, job.say, job.replace)


def _row(job: Job, base: str) -> Row:
    job.say(f"base: {base}")
    failure: ShikyuError | None
    try:
        require_exportable(job.recipe, job.say)
        with run.alone(job):
            for step in run.until(LAST_STEP):
                run.finish(job, step)
            return Row(base, job.folder.root, _compared(job))
    except ShikyuError as error:
        failure, reason = error, str(error)
    except Exception as error:  # noqa: BLE001 - one base's failure, of torch's memory maybe, is not the others'
        # Its own words could hold a message's.
        failure = None
        reason = f"{type(error).__name__}: run the recipe with this base model alone to see more."
    job.say(f"base: {base} failed: {reason}")
    return Row(base, job.folder.root, None, reason, failure)


def _compared(job: Job) -> Compared:
    description, recall = description_of(job.folder), job.recipe.promise.recall
    with tempfile.TemporaryDirectory(prefix="shikyu-train-") as temporary:
        draft = Path(temporary) / "draft"
        write_draft(draft, description, job.folder.graph_files())
        manifest = read_manifest(draft)
        precision = best_precision(manifest)
        reads = (*manifest.precisions[precision].files, *manifest.shared_files)  # type: ignore[index]
        size = sum(manifest.files[name].size for name in reads)
        split, messages, answers = judged(job.folder, description, splits.read(job.folder), precision)
        speed = messages_per_s(load(draft, precision), list(messages.raw[:MOST_TIMED]))
    needless, figures = needless_of_one(answers.urgency, messages.labels, recall), evaluate(answers, messages.labels)
    return Compared(
        precision,
        len(messages),
        recall,
        needless,
        figures.accuracy,
        figures.loss,
        speed,
        size,
        split,
    )


def judged(
    folder: RunFolder, description: Description, messages: Prepared, precision: str
) -> tuple[str, Labelled, Answers]:
    """
    The split that bases are compared on: validation, so that what the promise rests on is seen by no choice.

    Where there is none, the calibration messages, by the scores that the promise was made from.
    """
    served = description.precisions[precision]  # type: ignore[index]  # one of its own keys
    if messages.validation is None:
        split, own, logits = "calibration", messages.for_calibration, folder.read_scores("calibration", precision)
    else:
        split, own = "validation", messages.validation
        logits = score(folder.graph_files(), served.model_file, own.texts, description.max_length).logits
    urgency = urgencies(logits, served.temperature, prior_shift(description.class_shares))
    return split, own, Answers(probabilities(logits, served.temperature), urgency, urgency >= served.threshold)


def messages_per_s(classifier: Classifier, texts: Sequence[str]) -> float:
    """The faster of two passes, for a neighbour may have had the cores."""
    took_s = []
    for _ in range(2):
        started = time.perf_counter()
        classifier.classify(texts)
        took_s.append(time.perf_counter() - started)
    return len(texts) / min(took_s)
