from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest

pytest.importorskip("torch")

from tests.training.interrupted import SIZES, TEXTS
from training import recipe as recipes
from training.data import Labelled
from training.exporting.int8 import KEPT
from training.exporting.kept import Kept
from training.fitting import tokenizer
from training.fitting.model import classifier, config_from_scratch, save
from training.run_folder import RunFolder
from training.steps import graphs as step
from training.steps.graphs import graphs
from training.steps.job import Job

pytestmark = pytest.mark.train

RECIPE = 'name = "a"\noutput = "o"\n[data]\ntrain = ["x"]\n[model]\nmax_length = 8\n[export]\nprecisions = ["fp32"]\n'


def test_what_an_older_recipe_left_is_not_served(tmp_path):
    """
    A precision that is no longer asked for was another model's, and a file that was cut off is nobody's.
    """
    folder = RunFolder(tmp_path / "run")
    words = tokenizer.train(TEXTS, 60)
    save(classifier(config_from_scratch(SIZES, len(words)), None), words, folder.model())
    for stale in ("model/model_quantized.onnx", "model/.model.onnx.cut", "fold-0/model.onnx"):
        folder.write(f"graphs/{stale}", b"stale")
    (tmp_path / "recipe.toml").write_text(RECIPE)

    graphs(Job(recipes.read(tmp_path / "recipe.toml"), folder, tmp_path, Path("o"), print))

    files = {path.name for path in folder.graphs().iterdir()}
    assert files == {"model.onnx", "model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json"}
    assert not folder.graphs("fold-0").exists()


@pytest.mark.parametrize("validated", [True, False])
def test_what_stays_in_fp32_is_chosen_once_and_not_on_calibration_messages(tmp_path, monkeypatch, validated):
    """On validation's, or else training's; the folds' models keep what the one that ships keeps."""
    folder = RunFolder(tmp_path / "run")
    words = tokenizer.train(TEXTS, 60)
    for name in ("fold-0", "model"):
        save(classifier(config_from_scratch(SIZES, len(words)), None), words, folder.model(name))
    labels = np.arange(3)
    messages = {
        name: Labelled([f"{name} {n}" for n in range(3)], labels, np.zeros(3, np.int32))
        for name in ("train", "validation")
    }
    if not validated:
        messages["validation"] = None
    monkeypatch.setattr(step.splits, "read", lambda _: SimpleNamespace(**messages))
    asked = []

    def kept_for(fp32, infer, min_agreement):
        asked.append((infer(fp32, 2).shape, min_agreement))
        return Kept(("/pooler/Gemm_MatMul",), 9, 1.0, 3)

    monkeypatch.setattr(step, "kept_for", kept_for)
    chosen = []
    monkeypatch.setattr(step, "score", lambda *given, real=step.score: (chosen.extend(given[2]), real(*given))[1])
    (tmp_path / "recipe.toml").write_text(RECIPE.replace('["fp32"]', '["fp32", "int8"]'))

    graphs(Job(recipes.read(tmp_path / "recipe.toml"), folder, tmp_path, Path("o"), print))

    assert asked == [((2, 5), 0.99)]
    assert all(text.startswith("validation" if validated else "train") for text in chosen)
    for name in ("model", "fold-0"):
        made = onnx.load_from_string((folder.graphs(name) / "model_quantized.onnx").read_bytes())
        assert {each.key: each.value for each in made.metadata_props}[KEPT] == "/pooler/Gemm_MatMul"
