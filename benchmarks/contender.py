"""
One contender in a process of its own, which loads once and then answers what it is asked, line by line.

    python benchmarks/contender.py KIND FOLDER CORES

runs in any environment: pipelines stand in their own, and nothing of shikyu's is imported but for what runs our graph.
A line in is {"windows": [[text, ...], ...], "max_tokens": ...}; a line out {"seconds": ...}, from texts to
probabilities, tokenizing included. One window is answered before the next is looked at. A pipeline takes it for its
batch; those that run our graph cut it into batches as the consumer does, of at most so many tokens, and compute one on
each core. CORES are those that a container's limit leaves. The first line out names the versions.
"""

import importlib
import importlib.metadata
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Answer = Callable[[list[str], int], Any]
MAX_LENGTH = 128


def transformers_pipeline(folder: Path, cores: int) -> Answer:
    """What most people write first."""
    import torch
    from transformers import pipeline

    torch.set_num_threads(cores)
    pipe = pipeline("text-classification", str(folder), device="cpu", top_k=None)
    return lambda texts, _: pipe(texts, batch_size=len(texts), truncation=True, max_length=MAX_LENGTH)


def optimum_pipeline(folder: Path, _: int, file: str) -> Answer:
    """The same call, on ONNX Runtime."""
    from optimum.onnxruntime import ORTModelForSequenceClassification  # type: ignore[import-not-found]
    from transformers import AutoTokenizer, pipeline

    # ONNX Runtime's own number of threads, which is what users have: told one, it keeps none of them on its core.
    model = ORTModelForSequenceClassification.from_pretrained(folder / "optimum", file_name=file)
    words = AutoTokenizer.from_pretrained(folder)
    pipe = pipeline("text-classification", model=model, tokenizer=words, top_k=None)
    return lambda texts, _: pipe(texts, batch_size=len(texts), truncation=True, max_length=MAX_LENGTH)


def shikyu(folder: Path, cores: int, file: str, engine: str = "consumer.onnx_backend:OnnxBackend") -> Answer:
    """The consumer's own tokenizer and backend."""
    from consumer.ahead import ahead
    from consumer.batching import batches
    from consumer.decide import probabilities
    from consumer.tokenization import Tokenizer

    module, name = engine.split(":")
    made = getattr(importlib.import_module(module), name)
    words = Tokenizer((folder / "tokenizer.json").read_bytes(), MAX_LENGTH)
    backend = made((folder / file).read_bytes(), json.loads((folder / "config.json").read_bytes()), cores)

    def answer(texts: list[str], max_tokens: int) -> Any:
        tokens = words.encode(texts)
        cut = batches([len(each.ids) for each in tokens], max_tokens, len(tokens), backend.at_once)
        batch_of = [[tokens[place] for place in batch] for batch in cut]
        started = ahead(lambda batch: backend.start([each.ids for each in batch]), batch_of, backend.at_once)
        return [probabilities(finish(), 1.0) for _, finish in started]

    return answer


KINDS: dict[str, tuple[Callable[..., Answer], tuple[str, ...], tuple[str, ...]]] = {
    "pipeline": (transformers_pipeline, (), ("transformers", "torch")),
    "optimum fp32": (optimum_pipeline, ("model.onnx",), ("optimum", "transformers", "onnxruntime")),
    "optimum int8": (optimum_pipeline, ("model_quantized.onnx",), ("optimum", "transformers", "onnxruntime")),
    "packed, one scale a batch": (shikyu, ("model_one_scale.onnx",), ("shikyu", "onnxruntime")),
    "shikyu fp32": (shikyu, ("model.onnx",), ("shikyu", "onnxruntime")),
    "shikyu int8": (shikyu, ("model_quantized.onnx",), ("shikyu", "onnxruntime")),
    "shikyu int8-bf16": (
        shikyu,
        ("model_int8_bf16.onnx", "consumer.openvino_backend:OpenVinoBackend"),
        ("shikyu", "openvino"),
    ),
}


def main(kind: str, folder: Path, cores: int) -> None:
    make, more, packages = KINDS[kind]
    answer = make(folder, cores, *more)
    # Libraries write where they like; lines out go where they are read.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    print(json.dumps({name: importlib.metadata.version(name) for name in packages}), file=out, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        began = time.perf_counter()
        for texts in asked["windows"]:
            answer(texts, asked["max_tokens"])
        print(json.dumps({"seconds": time.perf_counter() - began}), file=out, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
