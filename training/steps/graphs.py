"""From each fitted model the files that are served: one ONNX file a precision, and what goes with them."""

from training.describe import model_files
from training.model import load
from training.steps.job import Job


def graphs(job: Job) -> None:
    for name in job.folder.models():
        for file, content in model_files(*load(job.folder.model(name)), job.recipe.export.precisions).items():
            job.folder.write(f"graphs/{name}/{file}", content)
