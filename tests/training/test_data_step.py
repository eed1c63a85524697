import pytest

from tests.training.made_up_run import recipe
from training.steps.data import kept_from

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
