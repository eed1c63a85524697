import math

import numpy as np
import pytest

from consumer.errors import LimitError
from training.operate import allowed_misses, needless_of, operating_point, recall_of, size_needed

pytestmark = pytest.mark.train


def binomial_at_most(k: int, n: int, p: float) -> float:
    return sum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k + 1))


@pytest.mark.parametrize(("size", "recall"), [(58, 0.95), (59, 0.95), (300, 0.95), (700, 0.9), (28, 0.9), (29, 0.9)])
def test_misses_are_as_many_as_the_binomial_allows_and_not_one_more(size, recall):
    """
    k is the largest with P[Binomial(n, 1 - recall) <= k] <= 0.05, counted here by hand.
    """
    k = allowed_misses(size, recall, 0.95)

    assert k < 0 or binomial_at_most(k, size, 1 - recall) <= 0.05
    assert binomial_at_most(k + 1, size, 1 - recall) > 0.05


def test_the_smallest_size_that_can_promise_is_the_one_that_is_told():
    """
    59 messages for 95 % with 95 % confidence is the textbook's figure; 58 are one too few.
    """
    assert size_needed(0.95, 0.95) == 59
    assert allowed_misses(59, 0.95, 0.95) == 0
    with pytest.raises(LimitError, match=r"58 very unsatisfied .* label 1 more \(59 in all\)"):
        operating_point(np.linspace(0.1, 0.9, 58), np.zeros(58, dtype=np.int64), 0.95, 0.95)


def test_the_threshold_lies_in_the_middle_of_the_gap_below_the_last_that_must_be_answered():
    """
    The neighbour below may have any label; k of the very unsatisfied lie below, no more.
    """
    dissatisfied = np.linspace(0.5, 0.99, 59)
    urgency = np.concatenate([dissatisfied, [0.1, 0.4]])
    labels = np.array([0] * 59 + [4, 2])

    point = operating_point(urgency, labels, 0.95, 0.95)

    assert point.allowed == 0
    assert point.threshold == pytest.approx((0.5 + 0.4) / 2)
    assert recall_of(urgency >= point.threshold, labels) == 1.0
    assert needless_of(urgency >= point.threshold, labels) == 0.0


def test_equal_scores_are_all_answered():
    """
    A tie at the order statistic goes to the customers: the promise is never undercut.
    """
    urgency = np.array([0.3] * 100 + [0.9] * 100)

    point = operating_point(urgency, np.zeros(200, dtype=np.int64), 0.9, 0.95)

    assert point.threshold < 0.3


def test_the_promise_holds_as_often_as_it_says_and_is_not_idle():
    """
    On scores with known truth, the true recall is at least 0.9 in at least 95 % of draws, less three standard errors.
    """
    generator = np.random.default_rng(0)
    draws, size, kept = 4000, 200, 0
    k = allowed_misses(size, 0.9, 0.95)
    for _ in range(draws):
        scores = generator.random(size)  # uniform, so that the true recall at t is 1 - t
        point = operating_point(scores, np.zeros(size, dtype=np.int64), 0.9, 0.95)
        kept += 1 - point.threshold >= 0.9
    theory = 1 - binomial_at_most(k, size, 0.1)

    error = 3 * math.sqrt(0.05 * 0.95 / draws)
    assert 0.95 - error <= kept / draws <= theory + 0.02
