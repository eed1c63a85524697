import numpy as np
import pytest

from training.evaluating.answers import Answers
from training.evaluating.paired import paired
from training.operating.operating_point import needless_at_recall

pytestmark = pytest.mark.train

ROWS = 1000
GENERATOR = np.random.default_rng(0)
LABELS = GENERATOR.integers(0, 5, ROWS)


def answers(noise: float, seed: int) -> Answers:
    """A model that sees the stars through noise."""
    seen = LABELS + np.random.default_rng(seed).normal(0, noise, ROWS)
    powers = np.exp(-((seen[:, None] - np.arange(5)) ** 2))
    probabilities = powers / powers.sum(axis=1, keepdims=True)
    urgency = probabilities[:, :2].sum(axis=1)
    return Answers(probabilities, urgency, urgency >= 0.4)


def test_a_model_gains_nothing_over_itself():
    """
    Pair by pair there is no difference, so there is no interval either.
    """
    one = answers(1.0, 1)

    found = paired(one, one, LABELS, 0.95)

    for figure in (found.accuracy, found.recall, found.needless, found.needless_at_recall):
        assert (figure.value, figure.low, figure.high) == (0.0, 0.0, 0.0)


def test_the_better_model_is_ahead_beyond_chance():
    """
    The first less the second: more right, fewer needless answers, and chance alone does not explain it.
    """
    good, bad = answers(0.7, 1), answers(1.5, 2)

    found = paired(good, bad, LABELS, 0.95)

    quiet = LABELS >= 2
    assert found.accuracy.value == pytest.approx((good.predicted == LABELS).mean() - (bad.predicted == LABELS).mean())
    assert found.needless.value == pytest.approx(good.urgent[quiet].mean() - bad.urgent[quiet].mean())
    assert found.recall.value == pytest.approx(good.urgent[LABELS == 0].mean() - bad.urgent[LABELS == 0].mean())
    assert found.accuracy.low > 0
    assert found.needless_at_recall.high < 0
    back = paired(bad, good, LABELS, 0.95)
    assert back.needless_at_recall.value == pytest.approx(-found.needless_at_recall.value)


def test_pairs_make_the_interval_narrower():
    """
    Two models that make the same mistakes differ by less than chance would let each of them.
    """
    one = answers(1.0, 1)
    other = Answers(one.probabilities.copy(), one.urgency, one.urgent)
    other.probabilities[:10] = np.roll(other.probabilities[:10], 1, axis=1)

    together = paired(one, other, LABELS, 0.95).accuracy
    apart = paired(one, answers(1.0, 2), LABELS, 0.95).accuracy

    assert together.high - together.low < 0.3 * (apart.high - apart.low)


def test_needless_at_recall_is_counted_by_hand():
    """
    Of 20 very unsatisfied one may be missed at 95 %: the threshold is the second lowest.
    """
    labels = np.array([0] * 20 + [1] + [3] * 4)
    urgency = np.array([*np.linspace(0.5, 0.975, 20), 1.0, 0.4, 0.5, 0.525, 0.6])

    assert needless_at_recall(urgency, labels, 0.95) == 0.5
    assert needless_at_recall(urgency, labels, 0.9) == 0.25  # (1 - 0.9) * 20 is 1.9999999999999996
    assert needless_at_recall(urgency, labels, 0.96) == 0.75
    assert needless_at_recall(urgency, labels, 1.0) == 0.75


def test_its_interval_is_the_bootstraps_of_the_messages():
    """
    Weights of rows are the rows drawn again: the same figures, one resample at a time.
    """
    good, bad = answers(0.7, 1), answers(1.5, 2)
    generator, draws = np.random.default_rng(3), []
    for _ in range(1000):
        rows = generator.integers(0, ROWS, ROWS)
        draws.append(
            needless_at_recall(good.urgency[rows], LABELS[rows], 0.9)
            - needless_at_recall(bad.urgency[rows], LABELS[rows], 0.9)
        )

    found = paired(good, bad, LABELS, 0.9).needless_at_recall

    assert (found.low, found.high) == pytest.approx(np.quantile(draws, [0.025, 0.975]).tolist(), abs=0.015)
