"""Puts the test messages through the artifact as the consumer would load it."""

import json
import tempfile
from pathlib import Path

from consumer.cpu_backend import require_computable
from consumer.manifest import Description
from training.data import Labelled
from training.evaluating.decided import agreed, line
from training.evaluating.figures import eval_results, evaluation, prediction_results
from training.evaluating.measure import measure
from training.evaluating.mistakes import mistakes
from training.evaluating.reference_metrics import of_logits
from training.evaluating.results import Results
from training.preparing import splits
from training.reporting.told import made_lines
from training.run_folder import (
    EVAL_RESULTS,
    EVALUATION,
    MISTAKES,
    OPERATING_POINT,
    PREDICTION_RESULTS,
    RunFolder,
)
from training.steps.job import NOT_HERE, Job


def evaluate(job: Job) -> None:
    description = description_of(job.folder)
    require_computable((name for name, each in description.precisions.items() if each.servable), NOT_HERE)
    messages = splits.read(job.folder)
    on_calibration = of_logits(job.folder.read_scores("calibration", "fp32"), messages.for_calibration.labels, "eval")
    with tempfile.TemporaryDirectory(prefix="shikyu-train-") as temporary:
        draft = Path(temporary) / "draft"
        results = measure(job.recipe, description, job.folder.graph_files(), messages, draft)
        judged = {} if messages.judged is None else {"decisions": agreed(draft, messages.judged)}
    job.folder.write_json(EVAL_RESULTS, {**eval_results(description, messages, results, on_calibration), **judged})
    for name in (EVALUATION, PREDICTION_RESULTS, MISTAKES):
        (job.folder.root / name).unlink(missing_ok=True)
    if messages.test is not None:
        _keep(job.folder, description, messages.test, results)
    for said in [*made_lines(description, results), *map(line, judged.values())]:
        job.say(said)


def description_of(folder: RunFolder) -> Description:
    """The manifest that `operate` made ready."""
    return Description.model_validate_json(json.dumps(folder.read_json(OPERATING_POINT, "operate")["description"]))


def _keep(folder: RunFolder, description: Description, test: Labelled, results: Results) -> None:
    assert results.served is not None
    folder.write_json(EVALUATION, evaluation(description, test, results))
    folder.write_json(PREDICTION_RESULTS, prediction_results(description, test, results))
    found = mistakes(results.answers[results.served], test.labels)
    folder.write_json(MISTAKES, found.as_json(test.raw, test.where))
