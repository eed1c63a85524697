"""What is impossible is refused before a message is read."""

import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

from consumer.errors import SettingsError, SurroundingsError
from training import recipe as recipes
from training.feasible import require_arguments, require_exportable
from training.fitting.model import config_from_scratch
from training.recipe import Recipe

pytestmark = pytest.mark.train

SIZES = "[model.config]\nhidden_size = 32\nnum_hidden_layers = 1\nnum_attention_heads = 2\n"


def recipe(folder: Path, rest: str) -> Recipe:
    path = folder / "recipe.toml"
    path.write_text(f'name = "a"\noutput = "o"\n[data]\ntrain = ["x"]\n{rest}')
    return recipes.read(path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("[fit.arguments]\nlearning_rat = 1", "did you mean learning_rate?"),
        ("[pretrain.arguments]\nnum_epochs = 1", "[pretrain.arguments] holds 'num_epochs'"),
        ('[fit.arguments]\nnum_train_epochs = "three"', "num_train_epochs is 'three'"),
        (f"[fit.arguments]\nmax_steps = {10**30}", "max_steps is a number of 100 bits"),
    ],
)
def test_an_option_that_transformers_would_not_take_is_named(tmp_path, options, message):
    """
    Misspelt, of the wrong kind or too large, of pretraining as of the fit.
    """
    with pytest.raises(SettingsError) as refused:
        require_arguments(recipe(tmp_path, options))

    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (f"{SIZES}num_hiden_layers = 2", "did you mean num_hidden_layers?"),
        ("[model.config]\nhidden_size = 32", "lacks num_hidden_layers, num_attention_heads"),
        (f'{SIZES}intermediate_size = "64"', "makes no DeBERTa-v2"),
        (f"{SIZES.replace('32', '10' * 30)}", "makes no DeBERTa-v2"),
        (f"{SIZES.replace('heads = 2', 'heads = 0')}", "makes no DeBERTa-v2"),
        (f"{SIZES.replace('layers = 1', 'layers = 0')}", "num_hidden_layers is 0, not 1 or more"),
        (f"{SIZES}position_buckets = 2", "position_buckets is 2; it must be 0, or from 4"),
        (f'{SIZES}hidden_act = "relu"', "hidden_act is 'relu', not 'gelu'"),
        (f"{SIZES.replace('32', '8')}", "hidden_size is 8, and int8 needs at least 16"),
    ],
)
def test_a_model_that_could_not_be_made_or_exported_is_named(tmp_path, model, message):
    """
    By the option of its configuration that cannot be.
    """
    with pytest.raises(SettingsError) as refused:
        require_exportable(recipe(tmp_path, model))

    assert message in str(refused.value)


def test_int8_bf16_of_another_architecture_is_refused(tmp_path):
    """Before the fit, and not when its graph is to be loaded."""
    config_of = {"model_type": "bert", "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "config.json").write_text(json.dumps(config_of))
    asked = f'[model]\nbase = "{tmp_path / "base"}"\n[export]\nprecisions = ["fp32", "int8-bf16"]'

    with pytest.raises(SettingsError, match=r"int8-bf16 is made of DeBERTa-v2 and v3, not of bert: take it out"):
        require_exportable(recipe(tmp_path, asked))


def test_int8_bf16_of_a_width_that_its_engine_would_not_round_is_refused(tmp_path):
    """Loading it would refuse that after the fit."""
    sizes = SIZES.replace("32", "40")

    with pytest.raises(SettingsError, match=r"hidden_size is 40, and int8-bf16 needs a multiple of 16"):
        require_exportable(recipe(tmp_path, f'[export]\nprecisions = ["fp32", "int8-bf16"]\n{sizes}'))


def test_int8_bf16_where_it_cannot_be_scored_is_refused(tmp_path, monkeypatch):
    """Its temperature and threshold are of its own scores."""
    monkeypatch.setitem(sys.modules, "consumer.openvino_backend", None)

    with pytest.raises(SurroundingsError, match=r"pip install '\.\[openvino\]', or leave it out of export\.prec"):
        require_exportable(recipe(tmp_path, f'[export]\nprecisions = ["fp32", "int8-bf16"]\n{SIZES}'))


def test_a_model_that_can_be_exported_is_told_with_its_sizes(tmp_path):
    """
    Whatever its arguments are: those are asked about on their own.
    """
    config = require_exportable(recipe(tmp_path, SIZES + "[fit.arguments]\nlearning_rat = 1"))

    assert (config.hidden_size, config.num_hidden_layers) == (32, 1)


def test_a_base_model_without_weights_is_named(tmp_path):
    """
    Its configuration says that it could be exported, and there is nothing to fit.
    """
    (tmp_path / "base").mkdir()
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config_from_scratch(sizes, 100).save_pretrained(tmp_path / "base")

    with pytest.raises(SettingsError, match=r"base' has no model.safetensors"):
        require_exportable(recipe(tmp_path, f'[model]\nbase = "{tmp_path / "base"}"\n'))


def test_a_base_model_of_an_impossible_configuration_is_named(tmp_path):
    """
    One without heads is a division by zero to whoever asks for their size.
    """
    (tmp_path / "base").mkdir()
    config = {"model_type": "deberta-v2", "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 0}
    (tmp_path / "base" / "config.json").write_text(json.dumps({**config, "relative_attention": True}))

    with pytest.raises(SettingsError, match=r"base' could not be exported: its configuration makes no model"):
        require_exportable(recipe(tmp_path, f'[model]\nbase = "{tmp_path / "base"}"\n'))
