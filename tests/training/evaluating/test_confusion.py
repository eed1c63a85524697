import json

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, mean_absolute_error, precision_recall_fscore_support

from training.evaluating.confusion import confusion

pytestmark = pytest.mark.train

GENERATOR = np.random.default_rng(0)
LABELS = GENERATOR.integers(0, 5, 400)
PREDICTED = np.clip(LABELS + GENERATOR.integers(-1, 2, 400), 0, 4)


def test_the_figures_are_scikit_learns():
    """
    Counts, precision, recall, F1 and stars off, each class apart.
    """
    found = confusion(PREDICTED, LABELS)
    precision, recall, f1, rows = precision_recall_fscore_support(LABELS, PREDICTED)

    assert found.counts == tuple(map(tuple, confusion_matrix(LABELS, PREDICTED).tolist()))
    assert [each.precision.value for each in found.classes] == pytest.approx(precision.tolist())
    assert [each.recall.value for each in found.classes] == pytest.approx(recall.tolist())
    assert [each.f1.value for each in found.classes] == pytest.approx(f1.tolist())
    assert [each.rows for each in found.classes] == rows.tolist()
    assert found.macro_f1.value == pytest.approx(f1.mean())
    assert found.accuracy.value == pytest.approx((LABELS == PREDICTED).mean())
    assert found.mean_absolute_error_stars.value == pytest.approx(mean_absolute_error(LABELS, PREDICTED))


def test_every_figure_lies_in_its_interval():
    """
    And the interval is narrower than the whole.
    """
    found = confusion(PREDICTED, LABELS)
    each = [figure for one in found.classes for figure in (one.precision, one.recall, one.f1)]

    for figure in [*each, found.accuracy, found.macro_f1, found.mean_absolute_error_stars]:
        assert figure.low < figure.value < figure.high
        assert figure.high - figure.low < 0.3


def test_a_class_that_is_never_predicted_has_precision_0():
    """
    As in scikit-learn, and JSON takes it: NaN it would not.
    """
    found = confusion(np.zeros(10, dtype=np.int64), np.arange(10) % 5)

    assert (found.classes[4].precision.value, found.classes[4].f1.value) == (0.0, 0.0)
    assert json.loads(json.dumps(found.as_json(), allow_nan=False))["classes"]["very_satisfied"]["rows"] == 2
