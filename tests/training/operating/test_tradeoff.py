import numpy as np
import pytest

from consumer.errors import LimitError
from training.operating.tradeoff import by_capacity, by_cost

pytestmark = pytest.mark.train

LIVE = (0.1, 0.1, 0.2, 0.3, 0.3)


def scores(seed: int = 0, rows: int = 200) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    labels = np.arange(rows) % 5
    return np.round(generator.beta(5 - labels, 1 + labels), 2), labels


def expected_cost(urgency, labels, threshold, missed, needless) -> float:
    answered = [(urgency[labels == label] >= threshold).mean() for label in range(5)]
    return missed * LIVE[0] * (1 - answered[0]) + needless * sum(LIVE[label] * answered[label] for label in (2, 3, 4))


def looked_at(urgency, labels, threshold) -> float:
    return sum(LIVE[label] * (urgency[labels == label] >= threshold).mean() for label in range(5))


@pytest.mark.parametrize("missed", [0.1, 1.0, 20.0])
def test_no_other_threshold_costs_less(missed):
    """
    For the live shares, not for those of the messages at hand; against every threshold in a hundred.
    """
    urgency, labels = scores()

    threshold = by_cost(urgency, labels, LIVE, missed, 1.0)

    least = min(expected_cost(urgency, labels, each, missed, 1.0) for each in np.linspace(0, 1, 1001))
    assert expected_cost(urgency, labels, threshold, missed, 1.0) == pytest.approx(least)


def test_the_dearer_a_miss_the_lower_the_threshold():
    """
    More is looked at so that less is missed.
    """
    urgency, labels = scores()

    thresholds = [by_cost(urgency, labels, LIVE, missed, 1.0) for missed in (0.1, 1.0, 10.0, 100.0)]

    assert thresholds == sorted(thresholds, reverse=True)
    assert thresholds[0] > thresholds[-1]


@pytest.mark.parametrize("most", [0.05, 0.2, 0.5, 1.0])
def test_as_much_is_answered_as_there_is_time_for(most):
    """
    And the next lower threshold would be too much.
    """
    urgency, labels = scores()

    threshold = by_capacity(urgency, labels, LIVE, most)

    assert looked_at(urgency, labels, threshold) <= most + 1e-9
    if (urgency < threshold).any():
        assert looked_at(urgency, labels, urgency[urgency < threshold].max()) > most


def test_no_time_at_all_is_refused():
    """
    Even the most urgent message of a few is a share of live traffic.
    """
    urgency, labels = scores(rows=20)

    with pytest.raises(LimitError, match=r"look at 0\.01%"):
        by_capacity(urgency, labels, LIVE, 0.0001)
