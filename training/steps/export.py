"""Writes the artifact under its final name, whole or not at all."""

from training.exporting.export import write_artifact
from training.run_folder import CARD, EVAL_RESULTS
from training.steps.evaluate import description_of
from training.steps.job import Job


def export(job: Job) -> None:
    made = {EVAL_RESULTS: job.folder.read(EVAL_RESULTS, "evaluate"), CARD: job.folder.read(CARD, "report")}
    files = {**job.folder.graph_files(), **made}
    write_artifact(job.artifact, description_of(job.folder), files, replace=job.replace)
    job.say(f"artifact: {job.artifact}")
