"""
Hugging Face's own exporter as a yardstick: its graphs are served here too, and answer as ours.

It pins transformers 4.57, so it has an environment of its own, which `make test` makes from locks/optimum.txt.
"""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from consumer.onnx_backend import OnnxBackend
from tests.tiny_artifact import random_model
from tests.tiny_padded import KINDS, VOCABULARY, random_padded
from training.exporting.graphs import fp32_onnx
from training.exporting.same_logits import logits, random_texts

pytestmark = pytest.mark.train

ROOT = Path(__file__).parents[3]
MODELS = {
    "deberta-v2": lambda: random_model(VOCABULARY),
    **{kind: lambda kind=kind: random_padded(kind) for kind in KINDS},
}
LARGEST_DIFFERENCE = 2e-5


@pytest.fixture(scope="module")
def models(optimum, tmp_path_factory):
    """Each kind's model with the file that optimum made of its checkpoint."""
    root = tmp_path_factory.mktemp("checkpoints")
    made = {kind: make() for kind, make in MODELS.items()}
    for kind, model in made.items():
        model.save_pretrained(root / kind)
    script = ROOT / "tests" / "training" / "optimum_export.py"
    offline = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run([optimum, script, *root.iterdir()], capture_output=True, text=True, env=offline, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return {kind: (model, (root / kind / "optimum" / "model.onnx").read_bytes()) for kind, model in made.items()}


@pytest.mark.parametrize("kind", list(MODELS))
def test_optimum_s_graph_is_served_and_answers_as_ours(models, kind):
    """Padded DeBERTa by optimum as packed DeBERTa by shikyu, and both as transformers 5."""
    model, theirs = models[kind]
    config = model.config.to_dict()
    texts = random_texts(model, [1, 2, 300, 37, 128])

    expected = logits(model, texts)
    by_optimum = OnnxBackend(theirs, config, 1).logits(texts)
    by_shikyu = OnnxBackend(fp32_onnx(model), config, 1).logits(texts)

    assert np.abs(by_optimum - by_shikyu).max() <= LARGEST_DIFFERENCE
    assert np.abs(by_optimum - expected).max() <= LARGEST_DIFFERENCE
    assert np.abs(expected[0] - expected[1]).max() > 0.01, "all texts look alike, so nothing was shown"
