import numpy as np
import pytest

from benchmarks.halves import kept_on_halves
from training.operating.operating_point import allowed_misses

pytestmark = pytest.mark.train


def test_theory_says_how_often_a_promise_shows_as_kept_on_another_half():
    """
    As often as in fresh draws, whatever the scores' distribution.
    """
    drawn = np.random.default_rng(5)
    allowed = allowed_misses(500, 0.95, 0.95)
    thresholds = np.partition(drawn.random((4000, 500)), allowed, axis=1)[:, allowed]
    kept = ((drawn.random((4000, 500)) >= thresholds[:, None]).mean(axis=1) >= 0.95).mean()

    found = kept_on_halves(drawn.random(1000) ** 3, 0.95, 0.95)

    assert found.predicted == pytest.approx(kept, abs=0.02)
    assert found.low < found.predicted < found.high


def test_a_half_that_is_missed_more_often_than_promised_is_counted():
    """
    A threshold that answers too few shows.
    """
    found = kept_on_halves(np.random.default_rng(5).random(1000), 0.95, 0.95)
    careless = kept_on_halves(np.random.default_rng(5).random(1000), 0.95, 0.01)

    assert careless.observed < 0.2 < found.observed
    assert careless.recall < found.recall
