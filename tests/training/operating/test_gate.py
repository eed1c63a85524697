"""What a precision may lose, and what is told of it."""

import json

import numpy as np
import pytest

from training.operating.gate import Decided, flips, measured, passed
from training.recipe import Gate

pytestmark = pytest.mark.train

LABELS = np.array([0, 1, 2, 3, 4, 4])
EXACT = Decided(
    np.array([0.9, 0.6, 0.4, 0.2, 0.1, 0.0]), np.array([True, True, False, False, False, False]), LABELS.copy()
)
SAME = EXACT._replace(urgency=EXACT.urgency + 0.01)
FLIPPED = EXACT._replace(urgent=np.array([True, False, True, False, False, False]))
RENAMED = EXACT._replace(predicted=np.array([1, 1, 2, 3, 4, 4]))


def gate(rounded):
    return measured(rounded, EXACT, LABELS, Gate())


def test_counts_what_is_decided_otherwise():
    """Agreement of labels, flips of decisions, the largest difference, and what more is answered needlessly."""
    assert gate(FLIPPED) | {"largest_urgency_difference": 0} == {
        "label_agreement": 1.0,
        "decision_flips": 2,
        "largest_urgency_difference": 0,
        "more_needless": pytest.approx(1 / 4),
        "min_agreement": 0.99,
        "max_more_needless": 0.01,
    }
    assert gate(SAME)["largest_urgency_difference"] == pytest.approx(0.01)
    assert gate(RENAMED)["label_agreement"] == pytest.approx(5 / 6)


@pytest.mark.parametrize(
    ("rounded", "limits", "fit"),
    [
        (SAME, Gate(), True),
        (RENAMED, Gate(), False),
        (RENAMED, Gate(min_agreement=0.8), True),
        (RENAMED, Gate(min_agreement=5 / 6), True),
        (FLIPPED, Gate(), False),
        (FLIPPED, Gate(max_more_needless=0.25), True),
    ],
)
def test_passes_within_the_recipe_s_limits_alone(rounded, limits, fit):
    """Labels that agree do not make up for needless answers, nor the other way round."""
    assert passed(gate(rounded), limits) is fit


def test_flips_name_rows_for_the_run_s_folder():
    """Numbers alone: the row's text stands in the splits."""
    assert flips(SAME, EXACT, LABELS) == []
    assert [each["row"] for each in flips(FLIPPED, EXACT, LABELS)] == [1, 2]
    (row,) = flips(RENAMED, EXACT, LABELS)
    assert json.loads(json.dumps(row)) == {
        "row": 0,
        "label": 0,
        "urgency": [0.9, 0.9],
        "urgent": [True, True],
        "predicted": [0, 1],
    }
