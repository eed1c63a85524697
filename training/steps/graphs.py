"""From each fitted model the files that are served: one ONNX file a precision, and what goes with them."""

import shutil

from training.exporting.describe import model_files
from training.exporting.same_logits import require_same_logits
from training.fitting.model import load
from training.run_folder import FP32_FILE
from training.steps.job import Job


def graphs(job: Job) -> None:
    models = job.folder.models()
    # Another recipe's precisions, an older model's, or a file that was cut off, would be served with these.
    shutil.rmtree(job.folder.root / "graphs", ignore_errors=True)
    for name in models:
        model, tokenizer = load(job.folder.model(name))
        files = model_files(model, tokenizer, job.recipe.export.precisions)
        largest = require_same_logits(model, files[FP32_FILE], job.recipe.model.max_length)
        job.say(f"graphs: fp32's logits are within {largest:.1e} of the fitted model's")
        for file, content in files.items():
            job.folder.write(f"graphs/{name}/{file}", content)
