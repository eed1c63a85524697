"""Writes the artifact under its final name, whole or not at all."""

from training.exporting.export import write_artifact
from training.reporting.recipe_lines import as_run
from training.run_folder import CARD, EVAL_RESULTS, FIT, RECIPE
from training.steps.evaluate import description_of
from training.steps.job import Job


def export(job: Job) -> None:
    made = {
        EVAL_RESULTS: job.folder.read(EVAL_RESULTS, "evaluate"),
        CARD: job.folder.read(CARD, "report"),
        FIT: job.folder.read(FIT, "fit"),
        RECIPE: as_run(job.recipe, job.folder.settings()).encode(),
    }
    files = {**job.folder.graph_files(), **made}
    write_artifact(job.artifact, description_of(job.folder), files, replace=job.replace)
    job.say(f"artifact: {job.artifact}")
