"""The recipes that come with shikyu can be run as they stand."""

import re
import tomllib
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from training import recipe as recipes
from training.data import find, read
from training.feasible import require_arguments, require_exportable
from training.preparing.prepare import prepare
from training.recipe import SCRATCH, Recipe

pytestmark = pytest.mark.train

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
RECIPES = sorted((ROOT / "recipes").rglob("*.toml"))
BLOCK = re.compile(r"^```toml\n(.*?)^```", re.MULTILINE | re.DOTALL)
TO_MEASURE = ROOT / "recipes" / "measure"


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_can_be_run(path):
    """
    Its settings, its training arguments, and its model where that needs no network.
    """
    recipe = recipes.read(path)

    require_arguments(recipe)
    if recipe.model.base == SCRATCH:
        require_exportable(recipe)
    elif TO_MEASURE not in path.parents:
        assert recipe.model.revision is not None, "a branch moves"


def test_the_page_names_those_that_are_for_users():
    """
    Those that measure are for who works on shikyu, and stand apart.
    """
    assert [path.name for path in RECIPES if path.parent != TO_MEASURE and f"recipes/{path.name}" not in PAGE] == []


@pytest.mark.parametrize("block", BLOCK.findall(PAGE), ids=lambda block: block.splitlines()[0])
def test_every_piece_of_a_recipe_on_the_page_is_one(block):
    """
    A setting that is taught and gone is worse than none.
    """
    piece = tomllib.loads(block)
    data = piece.get("data", {})
    whole = data if data.get("sources") else {"train": ["messages.csv"], **data}

    require_arguments(Recipe.model_validate({"name": "a", "output": "o", **piece, "data": whole}))


def test_the_page_s_own_recipe_can_be_run(tmp_path):
    """
    And reads the messages that the page shows, by the names that it gives the files.
    """
    recipe_toml = next(block for block in BLOCK.findall(PAGE) if 'name = "my-model"' in block)
    (tmp_path / "recipe.toml").write_text(recipe_toml, encoding="utf-8")
    [messages] = re.findall(r"^```csv\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "messages.csv").write_text(messages, encoding="utf-8")

    recipe = recipes.read(tmp_path / "recipe.toml")

    require_arguments(recipe)
    assert recipe.model.revision is not None
    assert read(find(tmp_path, recipe.data.train)).class_counts() == [1, 0, 1, 0, 1]


def test_public_reviews_beside_one_s_own_messages_do_not_calibrate():
    """
    In the recipe and in the page's example: the promise is about the messages that the test has.
    """
    example = next(tomllib.loads(block)["data"] for block in BLOCK.findall(PAGE) if "Yelp" in block)
    shown = Recipe.model_validate({"name": "a", "output": "o", "data": example})

    for recipe in (recipes.read(ROOT / "recipes" / "gpus.toml"), shown):
        assert [source.calibrates for source in recipe.data.sources] == [True, False]
        assert [bool(source.test) for source in recipe.data.sources] == [True, False]


def test_the_reference_is_the_reference():
    """
    By the numbers it was published with.
    """
    recipe = recipes.read(ROOT / "recipes" / "reference.toml")

    assert (recipe.model.base, recipe.model.max_length) == ("microsoft/deberta-v3-base", 128)
    assert recipe.fit.arguments == {
        "num_train_epochs": 2,
        "per_device_train_batch_size": 8,
        "per_device_eval_batch_size": 8,
        "learning_rate": 2e-5,
        "warmup_steps": 200,
        "logging_steps": 500,
        "eval_strategy": "steps",
        "eval_steps": 5000,
        "save_strategy": "steps",
        "save_steps": 5000,
    }


def test_the_reference_reads_its_data_set(monkeypatch, tmp_path):
    """
    As the Hub's branch of Parquet files has it, in a folder of the same name; stars less one are the labels.
    """
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    for split, count in (("train", 20), ("validation", 20), ("test", 10)):
        rows = [(f"{split} {row}", f"An {split} review {row} of {7 * row} words", row % 5) for row in range(count)]
        table = {"id": [a for a, _, _ in rows], "text": [b for _, b, _ in rows], "label": [c for _, _, c in rows]}
        path = tmp_path / "SetFit" / "amazon_reviews_multi_en" / "default" / split / "0000.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(pa.table({**table, "label_text": [str(label) for label in table["label"]]}), path)

    messages = prepare(recipes.read(ROOT / "recipes" / "reference.toml"), tmp_path)

    assert messages.calibration is not None
    assert messages.validation is not None
    assert (len(messages.validation), len(messages.calibration)) == (10, 10)
    assert messages.test is not None
    assert messages.test.texts[0] == "An test review 0 of 0 words"
    assert messages.test.labels.tolist() == [0, 1, 2, 3, 4] * 2
