import json

import pytest

from consumer.errors import SettingsError
from training import recipe as recipes
from training.prepare import prepare

pytestmark = pytest.mark.train

NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def messages(folder, name: str, words: str, count: int) -> None:
    rows = [
        {"text": f"{words} {NUMBERS[number]} {stars * words}", "stars": stars}
        for number in range(count)
        for stars in range(1, 6)
    ]
    (folder / name).write_text("\n".join(json.dumps(row) for row in rows))


def recipe(**sections) -> recipes.Recipe:
    return recipes.Recipe.model_validate({"name": "a", "output": "out", **sections})


def test_training_messages_that_stand_in_the_test_are_dropped(tmp_path):
    """
    The test set stays whole; its copies go from training, and are counted.
    """
    messages(tmp_path, "train-1.jsonl", "apple", 10)
    messages(tmp_path, "train-2.jsonl", "pear", 2)
    messages(tmp_path, "test.jsonl", "pear", 2)

    prepared = prepare(recipe(data={"train": ["train-*.jsonl"], "test": ["test.jsonl"]}), tmp_path)

    assert prepared.dropped == 10
    assert len(prepared.everything) == 50
    assert prepared.test is not None
    assert len(prepared.test) == 10


def test_calibration_is_kept_from_training(tmp_path):
    """
    A share of every class by default; none when it is scored in folds; files of its own when named.
    """
    messages(tmp_path, "train.jsonl", "apple", 10)
    messages(tmp_path, "other.jsonl", "pear", 3)
    train = {"train": ["train.jsonl"]}

    held = prepare(recipe(data=train, calibration={"share": 0.3}), tmp_path)
    folds = prepare(recipe(data=train, calibration={"folds": 5}), tmp_path)
    named = prepare(recipe(data={**train, "calibration": ["other.jsonl"]}), tmp_path)

    assert held.calibration is not None
    assert named.calibration is not None
    assert (len(held.train), held.calibration.class_counts()) == (35, [3] * 5)
    assert not set(held.train.texts) & set(held.calibration.texts)
    assert (len(folds.train), folds.calibration) == (50, None)
    assert (len(named.train), len(named.calibration)) == (50, 15)


def test_a_calibration_share_too_small_for_every_class_is_refused(tmp_path):
    """
    Without one-star messages there is nothing to promise about.
    """
    messages(tmp_path, "train.jsonl", "apple", 3)

    with pytest.raises(SettingsError, match="calibration messages hold none with 1 stars"):
        prepare(recipe(data={"train": ["train.jsonl"]}, calibration={"share": 0.1}), tmp_path)
