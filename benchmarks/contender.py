"""
One contender in a process of its own, which loads once and then answers what it is asked, line by line.

    python benchmarks/contender.py KIND FOLDER

runs in any environment: pipelines stand in their own, and nothing of shikyu's is imported but for what runs our graph.
A line in is {"batches": [[text, ...], ...]}; a line out {"seconds": ...}, from texts to probabilities, tokenizing
included. The first line out names the versions.
"""

import importlib.metadata
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Infer = Callable[[list[str]], Any]
THREADS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def transformers_pipeline(folder: Path) -> Infer:
    """What most people write first."""
    import torch
    from transformers import pipeline

    torch.set_num_threads(THREADS)
    pipe = pipeline("text-classification", str(folder), device="cpu", top_k=None)
    return lambda texts: pipe(texts, batch_size=len(texts), truncation=True, max_length=128)


def optimum_pipeline(folder: Path, file: str) -> Infer:
    """The same call, on ONNX Runtime."""
    from optimum.onnxruntime import ORTModelForSequenceClassification  # type: ignore[import-not-found]
    from transformers import AutoTokenizer, pipeline

    model = ORTModelForSequenceClassification.from_pretrained(folder / "optimum", file_name=file)
    words = AutoTokenizer.from_pretrained(folder)
    pipe = pipeline("text-classification", model=model, tokenizer=words, top_k=None)
    return lambda texts: pipe(texts, batch_size=len(texts), truncation=True, max_length=128)


def shikyu(folder: Path, file: str) -> Infer:
    """The consumer's own tokenizer and backend."""
    from consumer.decide import probabilities
    from consumer.onnx_backend import OnnxBackend
    from consumer.tokenization import Tokenizer

    words = Tokenizer((folder / "tokenizer.json").read_bytes(), 128)
    backend = OnnxBackend((folder / file).read_bytes(), json.loads((folder / "config.json").read_bytes()))
    return lambda texts: probabilities(backend.logits([each.ids for each in words.encode(texts)]), 1.0)


def openvino(folder: Path, file: str) -> Infer:
    """Another engine on our packed graph in fp32, which it computes in bf16 where the processor has units for it."""
    import openvino as ov  # type: ignore[import-not-found]

    from consumer.decide import probabilities
    from consumer.packing import Distances, pack
    from consumer.tokenization import Tokenizer

    words = Tokenizer((folder / "tokenizer.json").read_bytes(), 128)
    distances = Distances.of(json.loads((folder / "config.json").read_bytes()))
    options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": THREADS}
    compiled = ov.Core().compile_model(str(folder / file), "CPU", options)
    names = [each.get_any_name() for each in compiled.inputs]

    def infer(texts: list[str]) -> Any:
        packed = pack([each.ids for each in words.encode(texts)], distances)
        return probabilities(compiled({name: packed[name] for name in names})[0], 1.0)

    return infer


KINDS: dict[str, tuple[Callable[..., Infer], tuple[str, ...], tuple[str, ...]]] = {
    "pipeline": (transformers_pipeline, (), ("transformers", "torch")),
    "optimum fp32": (optimum_pipeline, ("model.onnx",), ("optimum", "transformers", "onnxruntime")),
    "optimum int8": (optimum_pipeline, ("model_quantized.onnx",), ("optimum", "transformers", "onnxruntime")),
    "OpenVINO, packed": (openvino, ("model.onnx",), ("openvino",)),
    "packed, one scale a batch": (shikyu, ("model_one_scale.onnx",), ("shikyu", "onnxruntime")),
    "shikyu fp32": (shikyu, ("model.onnx",), ("shikyu", "onnxruntime")),
    "shikyu int8": (shikyu, ("model_quantized.onnx",), ("shikyu", "onnxruntime")),
}


def main(kind: str, folder: Path) -> None:
    make, more, packages = KINDS[kind]
    infer = make(folder, *more)
    # Libraries write where they like; lines out go where they are read.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    print(json.dumps({name: importlib.metadata.version(name) for name in packages}), file=out, flush=True)
    for line in sys.stdin:
        batches = json.loads(line)["batches"]
        began = time.perf_counter()
        for texts in batches:
            infer(texts)
        print(json.dumps({"seconds": time.perf_counter() - began}), file=out, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
