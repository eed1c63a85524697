import numpy as np
import pytest

from tests.training.made_up_run import recipe
from training.data import Labelled
from training.preparing.prepare import Prepared
from training.steps.data import kept_from, told

pytestmark = pytest.mark.train


SOURCES = {
    "sources": [{"name": "own", "train": ["o.csv"]}, {"name": "public", "train": ["p.csv"], "calibrates": False}]
}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, "20% of train"),
        ({"calibration": {"share": 0.3}}, "30% of train"),
        ({"data": {"train": ["t.csv"], "validation_share": 0.1}}, "5% of train, so it takes 360 very"),
        ({"data": {"train": ["t.csv"], "validation": ["v.csv"]}}, "50% of validation"),
        ({"data": {"train": ["t.csv"], "calibration": ["c.csv"]}}, ""),
        ({"calibration": {"folds": 5}}, ""),
        ({"calibration": {"share": 0.125}}, "12.5% of train"),
        ({"data": {"train": ["t.csv"], "max_per_class": 50}}, "in train: raise max_per_class"),
        ({"data": SOURCES}, "20% of train of own, so it takes "),
    ],
)
def test_too_few_for_the_promise_are_told_with_what_they_are_part_of(changed, told):
    """
    Whoever labels twenty more has four more that calibrate.
    """
    assert told in kept_from(recipe(**changed))
    assert bool(kept_from(recipe(**changed))) == bool(told)


def labelled(rows: int = 5, public: int = 0) -> Labelled:
    """`public` of the rows are not one's own."""
    sources = (np.arange(rows) < public).astype(np.int16)
    weights = {"own": 1.0, "public": 1.0}
    return Labelled(("a text",) * rows, np.arange(rows) % 5, np.zeros(rows, dtype=np.int32), {}, sources, weights)


def test_what_was_taken_out_is_told_in_a_line():
    """
    Each split's messages, and how many stood in two.
    """
    made = Prepared(labelled(), labelled(), labelled(), labelled(), 4, [], labelled(), 5, 6)

    line = told(made)

    assert line.startswith("data: train 5 [1, 1, 1, 1, 1], validation 5 [1, 1, 1, 1, 1], calibration 5")
    assert "4 training messages dropped that stand in the test too, 5 that stand in validation or calibration" in line
    assert line.endswith("6 of these two dropped that stand in the test, or in both")


@pytest.mark.parametrize(
    ("calibration", "test", "warned"),
    [(20, 0, False), (21, 0, True), (0, 21, True), (60, 50, False), (100, 0, True)],
)
def test_calibration_of_other_sources_than_the_test_is_warned_of(calibration, test, warned):
    """
    By more than 20 points, either way; what is promised is about the sources that calibrate.
    """
    made = Prepared(labelled(), labelled(), labelled(100, calibration), labelled(100, test), 0, [])

    assert ("warning" in told(made)) == warned
    if calibration == 100:
        assert told(made).endswith(
            "warning: public is 100% of calibration and 0% of test, and the promise is about messages like those of "
            "calibration: [[data.sources]] calibrates = false is for sources that are only learned from"
        )


def test_without_a_test_there_is_nothing_to_differ_from():
    """
    In folds, train calibrates.
    """
    apart = Prepared(labelled(), labelled(100, 100), None, labelled(100), 0, [])

    assert "warning" in told(apart)
    assert "warning" not in told(Prepared(labelled(), labelled(100, 100), None, None, 0, []))
