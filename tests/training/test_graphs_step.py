from pathlib import Path

import pytest

pytest.importorskip("torch")

from tests.training.interrupted import SIZES, TEXTS
from training import recipe as recipes
from training.fitting import tokenizer
from training.fitting.model import classifier, config_from_scratch, save
from training.run_folder import RunFolder
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
