"""Puts the test messages through the artifact as the consumer would load it."""

import json
import tempfile
from pathlib import Path

from consumer.manifest import Description
from training import splits
from training.card import card
from training.describe import results_json
from training.measure import measure
from training.run_folder import CARD, EVAL_RESULTS, OPERATING_POINT, RunFolder
from training.steps.job import Job
from training.told import made_lines


def evaluate(job: Job) -> None:
    messages, description = splits.read(job.folder), description_of(job.folder)
    with tempfile.TemporaryDirectory(prefix="shikyu-train-") as temporary:
        results = measure(job.recipe, description, job.folder.graph_files(), messages, Path(temporary) / "draft")
    job.folder.write_json(EVAL_RESULTS, results_json(description, messages, results))
    job.folder.write(CARD, card(job.recipe, description, messages, results).encode())
    for line in made_lines(description, results):
        job.say(line)


def description_of(folder: RunFolder) -> Description:
    """The manifest that `operate` made ready."""
    return Description.model_validate_json(json.dumps(folder.read_json(OPERATING_POINT, "operate")))
