"""A classifier of random weights to measure speed with: its checkpoint, its graphs, and an artifact that is served."""

import hashlib
import os
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import click
import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic  # type: ignore[import-untyped]
from transformers import DebertaV2ForSequenceClassification, DebertaV2Tokenizer

from benchmarks.texts import MAX_LENGTH, SAMPLE
from consumer.manifest import ClassShares, Description, Served, TrainingData
from consumer.records import Satisfaction
from training.exporting.export import checkpoint_files, write_artifact
from training.exporting.graphs import fp32_onnx
from training.exporting.int8 import int8_onnx, int8_weights_onnx, products_apart
from training.fitting.model import config_from_scratch
from training.run_folder import FP32_FILE, INT8_BF16_FILE, INT8_FILE, PRECISIONS

ROOT = Path(__file__).parents[1]
OPTIMUM = ROOT / ".venv-optimum" / "bin" / "python"
EVEN = (0.2, 0.2, 0.2, 0.2, 0.2)
SIZES: Mapping[str, Mapping[str, int]] = {
    "base": {
        "vocab_size": 128_100,
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
    },
    "tiny": {
        "vocab_size": 10_000,
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 128,
    },
}


def model(size: str) -> DebertaV2ForSequenceClassification:
    torch.manual_seed(0)
    sizes = dict(SIZES[size])
    made = DebertaV2ForSequenceClassification(config_from_scratch(sizes, sizes.pop("vocab_size")))
    made.train(mode=False)
    return made


def artifact(folder: Path, size: str, max_length: int = MAX_LENGTH, *, with_bf16: bool = False) -> Path:
    """What `shikyu run` serves, in fp32, int8 and, `with_bf16`, int8-bf16; with the sample's tokenizer."""
    random = model(size)
    fp32 = fp32_onnx(random)
    made = {"fp32": fp32, "int8": int8_onnx(fp32)}
    if with_bf16:
        made["int8-bf16"] = int8_weights_onnx(fp32)
    files = {
        **checkpoint_files(random, DebertaV2Tokenizer.from_pretrained(SAMPLE)),
        **{PRECISIONS[name]: content for name, content in made.items()},
        "eval_results.json": b"{}\n",
        "README.md": b"# Random weights\n",
    }
    served = {name: Served(files=(PRECISIONS[name],), temperature=1.0, threshold=0.4, servable=True) for name in made}
    description = Description(
        name=f"random-{size}",
        version="1",
        base_model="random weights",
        labels=tuple(Satisfaction),
        max_length=max_length,
        class_shares=ClassShares(training=EVEN, live=EVEN),
        precisions=served,  # type: ignore[arg-type]  # its keys are precisions
        training_data=TrainingData(fingerprint=hashlib.sha256(b"").hexdigest(), rows=0, class_counts=(0, 0, 0, 0, 0)),
        versions={},
        created_at=datetime.now(UTC),
    )
    write_artifact(folder, description, files)
    return folder


def environment() -> dict[str, str]:
    return {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT), "TOKENIZERS_PARALLELISM": "false"}


def checkpoint(folder: Path, size: str, with_optimum: bool) -> DebertaV2ForSequenceClassification:
    """What transformers loads, and optimum's graphs of it."""
    random = model(size)
    random.save_pretrained(folder)
    DebertaV2Tokenizer.from_pretrained(SAMPLE).save_pretrained(folder)
    if with_optimum:
        script = [str(OPTIMUM), str(ROOT / "benchmarks" / "optimum_files.py"), str(folder)]
        done = subprocess.run(script, capture_output=True, text=True, env=environment(), check=False)
        if done.returncode:
            raise click.ClickException(f"optimum made no files of the checkpoint:\n{done.stderr[-2000:]}")
    return random


def graphs(folder: Path, random: DebertaV2ForSequenceClassification) -> None:
    """Ours of it, beside it; and int8 with one scale a batch, which is never served."""
    fp32 = fp32_onnx(random)
    (folder / FP32_FILE).write_bytes(fp32)
    (folder / INT8_FILE).write_bytes(int8_onnx(fp32))
    (folder / INT8_BF16_FILE).write_bytes(int8_weights_onnx(fp32))
    plain = products_apart(fp32)
    onnx.helper.set_model_props(plain, {"onnx.quant.pre_process": "onnxruntime.quant"})  # or it warns that it is not
    quantize_dynamic(plain, folder / "model_one_scale.onnx", per_channel=True, weight_type=QuantType.QInt8)
