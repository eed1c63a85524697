import numpy as np
import pytest

from tests.training.made_up_run import recipe
from training.data import Labelled
from training.preparing.prepare import Prepared
from training.steps.data import kept_from, told

pytestmark = pytest.mark.train


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, "20% of train"),
        ({"calibration": {"share": 0.3}}, "30% of train"),
        ({"data": {"train": ["t.csv"], "validation_share": 0.1}}, "50% of validation"),
        ({"data": {"train": ["t.csv"], "validation": ["v.csv"]}}, "50% of validation"),
        ({"data": {"train": ["t.csv"], "calibration": ["c.csv"]}}, ""),
        ({"calibration": {"folds": 5}}, ""),
    ],
)
def test_too_few_for_the_promise_are_told_with_what_they_are_part_of(changed, told):
    """
    Whoever labels twenty more has four more that calibrate.
    """
    assert told in kept_from(recipe(**changed))
    assert bool(kept_from(recipe(**changed))) == bool(told)


def labelled(rows: int = 5) -> Labelled:
    return Labelled(("a text",) * rows, np.arange(rows) % 5, np.zeros(rows, dtype=np.int32))


def test_what_was_taken_out_is_told_in_a_line():
    """
    Each split's messages, and how many stood in two.
    """
    made = Prepared(labelled(), labelled(), labelled(), labelled(), 4, [], labelled(), 5, 6)

    line = told(made)

    assert line.startswith("data: train 5 [1, 1, 1, 1, 1], validation 5 [1, 1, 1, 1, 1], calibration 5")
    assert "4 training messages dropped that stand in the test too, 5 that stand in validation or calibration" in line
    assert line.endswith("6 of these two dropped that stand in the test, or in both")
