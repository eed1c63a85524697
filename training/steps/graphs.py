"""From each fitted model the files that are served: one ONNX file a precision, and what goes with them."""

import shutil
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from training.exporting.describe import model_files
from training.exporting.graphs import fp16_onnx, fp32_onnx
from training.exporting.int8 import int8_onnx, int8_weights_onnx
from training.exporting.kept import TEXTS_TO_COUNT, Kept, kept_for
from training.exporting.same_logits import require_same_logits
from training.fitting.model import load
from training.preparing import splits
from training.run_folder import FP16_FILE, FP32_FILE, INT8_BF16_FILE, INT8_FILE, MODEL
from training.scoring.score import score
from training.steps.job import Job

QUANTIZED = {"int8": (INT8_FILE, int8_onnx), "int8-bf16": (INT8_BF16_FILE, int8_weights_onnx)}


def graphs(job: Job) -> None:
    names = sorted(job.folder.models(), key=lambda name: name != MODEL)
    # Another recipe's precisions, an older model's, or a file that was cut off, would be served with these.
    shutil.rmtree(job.folder.root / "graphs", ignore_errors=True)
    kept = None
    for name in names:
        model, tokenizer = load(job.folder.model(name))
        files, fp32 = model_files(model, tokenizer), fp32_onnx(model)
        largest = require_same_logits(model, fp32, job.recipe.model.max_length)
        job.say(f"graphs: fp32's logits are within {largest:.1e} of the fitted {name}'s")
        made = {FP32_FILE: fp32}
        if "fp16" in job.recipe.export.precisions:
            made[FP16_FILE] = fp16_onnx(fp32)
        for precision, (file, quantized) in QUANTIZED.items():
            if precision in job.recipe.export.precisions:
                # The folds' models stand for the one that ships, so what it keeps they keep.
                kept = kept or _kept(job, files, fp32)
                made[file] = quantized(fp32, kept.names)
        for file, content in {**files, **made}.items():
            job.folder.write(f"graphs/{name}/{file}", content)


def _kept(job: Job, files: Mapping[str, bytes], fp32: bytes) -> Kept:
    texts = _texts(job)

    def infer(graph: bytes, most: int) -> NDArray[np.float32]:
        return score({**files, INT8_FILE: graph}, INT8_FILE, texts[:most], job.recipe.model.max_length).logits

    kept = kept_for(fp32, infer, job.recipe.gate.min_agreement)
    job.say(
        f"graphs: rounded to int8, {kept.agreement:.1%} of {kept.texts} texts get fp32's label; {len(kept.names)} of "
        f"{kept.of} matrices stay fp32"
    )
    return kept


def _texts(job: Job) -> Sequence[str]:
    """Not calibration's, on which the gate measures what is chosen here; in folds there are no others."""
    messages = splits.read(job.folder)
    chosen = messages.train if messages.validation is None else messages.validation
    rows = np.random.default_rng(job.recipe.seed).permutation(len(chosen))[:TEXTS_TO_COUNT]
    return list(chosen.take(rows).texts)
