"""
A tiny artifact with random weights, for tests and for trying things out: it answers at once, and means nothing.

    python -m tests.tiny_artifact FOLDER

makes it anew (needs the train extra); tests/artifacts/tiny is one, for what must run without torch.
"""

import hashlib
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import DebertaV2Config, DebertaV2ForSequenceClassification, DebertaV2Tokenizer

from consumer.decide import urgencies
from consumer.manifest import ClassShares, Description, Served, TrainingData
from consumer.onnx_backend import OnnxBackend
from consumer.records import Satisfaction
from consumer.tokenization import Tokenizer
from training.exporting import export, graphs
from training.exporting.int8 import int8_onnx
from training.fitting import tokenizer
from training.fitting.model import DEBERTA_V3
from training.run_folder import FP32_FILE, INT8_FILE

TEXTS = (
    "The parcel arrived on Tuesday, two days early. Thank you!",
    "You charged my card twice and nobody answers the phone. I want my money back today.",
    "How do I change the address of my order?",
    "This is the third broken heater. There is smoke, and my children sleep in that room!",
    "Works as described, nothing special, the price was fair.",
    "I am cancelling everything. Worst service I have ever had, and you simply do not care.",
    "Great shoes, lovely colour. The box was a little damaged, but who minds?",
    "Oh wonderful, another update that breaks the login. Well done.",
    "Still waiting for the refund of 49.90 that was promised on 3 May.",
    "My invoice number is 2024-117; please send it again as a PDF.",
)
EVEN = (0.2, 0.2, 0.2, 0.2, 0.2)


def config(vocab_size: int, **changes: Any) -> DebertaV2Config:
    """DeBERTa-v3's shape, small, with weights wide enough that its logits differ from text to text."""
    shape: dict[str, Any] = {
        **DEBERTA_V3,
        "vocab_size": vocab_size,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "num_labels": len(Satisfaction),
        "pooler_dropout": 0,
        "pooler_hidden_act": "gelu",
        "initializer_range": 0.2,
    }
    return DebertaV2Config(**{**shape, "pooler_hidden_size": changes.get("hidden_size", 32), **changes})


@torch.no_grad()
def random_model(vocab_size: int, seed: int = 0, **changes: Any) -> DebertaV2ForSequenceClassification:
    """Biases and layer norms are random too: left at nought and one, whoever forgets or swaps them is not seen."""
    torch.manual_seed(seed)
    model = DebertaV2ForSequenceClassification(config(vocab_size, **changes)).eval()
    for name, weight in model.named_parameters():
        if weight.ndim == 1:
            weight += torch.randn_like(weight) * (0.3 if name.endswith("LayerNorm.weight") else 0.2)
    return model


def tiny_tokenizer() -> DebertaV2Tokenizer:
    return tokenizer.train(TEXTS, vocab_size=200)


def make(folder: Path, *, name: str = "tiny", version: str = "1", max_length: int = 64, replace: bool = False) -> Path:
    """An artifact of under 300 kB, with both precisions; about half of plain texts come out urgent."""
    words = tiny_tokenizer()
    model = random_model(
        len(words), hidden_size=16, intermediate_size=32, position_buckets=32, max_position_embeddings=128
    )
    files = export.checkpoint_files(model, words)
    fp32 = graphs.fp32_onnx(model)
    models = {"fp32": (FP32_FILE, fp32), "int8": (INT8_FILE, int8_onnx(fp32))}
    ids = [each.ids for each in Tokenizer(files["tokenizer.json"], max_length).encode(TEXTS)]
    served = {}
    for precision, (file, content) in models.items():
        logits = OnnxBackend(content, model.config.to_dict(), threads=1).logits(ids)
        middle = float(np.median(urgencies(logits, 1.0, [0.0] * 5)))
        served[precision] = Served(files=(file,), temperature=1.0, threshold=middle, servable=True)
        files[file] = content
    files |= {"eval_results.json": b"{}\n", "README.md": b"# tiny\n\nRandom weights, for tests.\n"}
    description = Description(
        name=name,
        version=version,
        base_model="random weights",
        labels=tuple(Satisfaction),
        max_length=max_length,
        class_shares=ClassShares(training=EVEN, live=EVEN),
        precisions=served,
        training_data=TrainingData(
            fingerprint=hashlib.sha256("\n".join(TEXTS).encode()).hexdigest(), rows=0, class_counts=(0, 0, 0, 0, 0)
        ),
        versions={},
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    export.write_artifact(folder, description, files, replace=replace)
    return folder


if __name__ == "__main__":
    made = make(Path(sys.argv[1]), replace=True)
    print(made, sum(file.stat().st_size for file in made.iterdir()), "bytes")
