import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from training.evaluating.curves import MOST_POINTS, curves

pytestmark = pytest.mark.train

GENERATOR = np.random.default_rng(0)
LABELS = GENERATOR.integers(0, 5, 3000)
URGENCY = np.clip(0.7 - 0.1 * LABELS + GENERATOR.normal(0, 0.2, 3000), 0, 1)


def test_two_stars_are_on_neither_side():
    """
    The areas are scikit-learn's for one star against three to five, and two stars move nothing.
    """
    chosen = LABELS != 1
    found = curves(URGENCY, LABELS)
    changed = curves(np.where(chosen, URGENCY, 1.0), LABELS)

    assert found == changed
    assert found.very_unsatisfied + found.three_to_five_stars == chosen.sum()
    assert found.roc.area == pytest.approx(roc_auc_score(LABELS[chosen] == 0, URGENCY[chosen]))
    assert found.precision_recall.area == pytest.approx(average_precision_score(LABELS[chosen] == 0, URGENCY[chosen]))


def test_a_curve_is_thinned_but_keeps_its_ends():
    """
    A page with a million points shows no more than one with a few hundred.
    """
    found = curves(URGENCY, LABELS)

    for curve in (found.roc, found.precision_recall):
        assert len(curve.x) == len(curve.y) <= MOST_POINTS
        assert list(curve.x) == sorted(curve.x)
        assert (curve.x[0], curve.x[-1]) == (0.0, 1.0)
    assert (found.roc.y[0], found.roc.y[-1]) == (0.0, 1.0)
    assert found.precision_recall.y[0] == 1.0
