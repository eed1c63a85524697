"""Writes the fitted model as a plain ONNX for other servers."""

from pathlib import Path

from consumer.manifest import TOKENIZER_FILE
from training.exporting.standard import standard as files_of
from training.exporting.standard import write_standard
from training.fitting.model import load
from training.steps.evaluate import description_of
from training.steps.job import Job


def standard(job: Job, repository: Path) -> None:
    tokenizer_json, description = job.folder.graph_files()[TOKENIZER_FILE], description_of(job.folder)
    model, _ = load(job.folder.model())
    files = files_of(model, tokenizer_json, description)
    job.say(f"standard: {write_standard(repository, description.name, files, replace=job.replace)}")
