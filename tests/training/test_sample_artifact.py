from pathlib import Path

import pytest

from consumer.artifact import read_manifest, verify
from training import recipe as recipes
from training.preparing.prepare import prepare

pytestmark = pytest.mark.train

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "training" / "sample" / "recipe.toml"
ARTIFACT = ROOT / "artifacts" / "sample"
MOST_BYTES = 8_000_000


def test_the_committed_artifact_was_made_from_the_messages_beside_it():
    """
    When a message changes, `make sample-model` is due.
    """
    messages = prepare(recipes.read(RECIPE), RECIPE.parent).everything

    assert read_manifest(ARTIFACT).training_data.fingerprint == messages.fingerprint()


def test_it_tells_what_was_run_and_its_recipe_is_still_that():
    """
    Else it would be a model that nobody can make again.
    """
    assert {"recipe.toml", "fit.json"} <= set(read_manifest(ARTIFACT).shared_files)
    made, now = (recipes.read(path) for path in (ARTIFACT / "recipe.toml", RECIPE))
    assert made.model_dump(exclude={"output"}) == now.model_dump(exclude={"output"})


def test_it_is_whole_in_both_precisions_and_small():
    """
    The demo needs no torch, and a clone stays light.
    """
    for precision in ("fp32", "int8"):
        assert verify(ARTIFACT, precision).served.servable
    assert sum(path.stat().st_size for path in ARTIFACT.iterdir()) <= MOST_BYTES


def test_no_test_message_stands_in_the_training_messages():
    """
    The 300 were written apart, so that their figures mean something.
    """
    assert prepare(recipes.read(RECIPE), RECIPE.parent).dropped == 0
