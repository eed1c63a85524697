import math
from functools import cache

import numpy as np
import pytest

from consumer.errors import LimitError
from training.measures.binomial import as_few_misses, share_at_least
from training.operating.operating_point import (
    allowed_misses,
    best_recall,
    needless_of,
    operating_point,
    recall_of,
    require_enough,
    size_needed,
    taken_of,
    total_needed,
)

pytestmark = pytest.mark.train

DRAWS = 10_000


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


def test_what_fewer_messages_could_promise_is_told():
    """
    The way out for whoever can label no more: it really is within reach, and a thousandth more is not.
    """
    with pytest.raises(LimitError, match=r"promise less \(at most 0\.941\)"):
        require_enough(50, 0.95, 0.95)
    assert allowed_misses(50, best_recall(50, 0.95) - 1e-9, 0.95) == 0
    assert allowed_misses(50, 0.942, 0.95) < 0


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5])
def test_messages_for_the_temperature_are_asked_for_beside(share):
    """
    With all that is asked for, those left are enough; with one less they are not.
    """
    total = total_needed(0.95, 0.95, share)

    assert total - taken_of(total, share) == 59
    assert require_enough(total, 0.95, 0.95, share) == 0
    with pytest.raises(LimitError, match=f"label 1 more .{total} in all"):
        require_enough(total - 1, 0.95, 0.95, share)


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


@pytest.mark.parametrize(("size", "recall"), [(59, 0.95), (200, 0.9), (500, 0.95), (2000, 0.95)])
def test_the_promise_holds_as_often_as_it_says_and_is_not_idle(size, recall, monkeypatch):
    """
    In 10,000 draws with known truth, the true recall is kept as often as theory says: 95 to 98 times in 100.

    At the very threshold that would be served, in the gap below the order statistic, with other messages around it; and
    what is promised beyond the recall that was asked for holds as often.
    """
    for function in (allowed_misses, share_at_least):  # scipy's, the same in every draw
        monkeypatch.setattr(f"training.operating.operating_point.{function.__name__}", cache(function))
    theory = 1 - binomial_at_most(allowed_misses(size, recall, 0.95), size, 1 - recall)
    generator, labels = np.random.default_rng(size), np.array([0] * size + [4] * 400)

    asked = promised = 0
    for _ in range(DRAWS):
        urgency = generator.random(size + 400)  # uniform, so that the true recall at t is 1 - t
        urgency[size:] *= 0.2
        point = operating_point(urgency, labels, recall, 0.95)
        asked += 1 - point.threshold >= recall
        promised += 1 - point.threshold >= point.promised

    error = 3 * math.sqrt(0.05 * 0.95 / DRAWS)
    assert 0.95 - error <= promised / DRAWS <= asked / DRAWS <= 0.98
    assert asked / DRAWS == pytest.approx(theory, abs=error)


@pytest.mark.parametrize("size", [59, 93, 181, 400])
def test_the_threshold_is_that_of_testing_one_after_the_other(size):
    """
    Learn-then-Test by fixed sequence: from the lowest threshold up, until the first whose binomial test fails.
    """
    scores = np.random.default_rng(size).beta(4, 1, size)

    passed = 0.0
    for threshold in np.sort(scores):
        if as_few_misses(int((scores < threshold).sum()), size, 0.95) > 0.05:
            break
        passed = threshold

    point = operating_point(scores, np.zeros(size, dtype=np.int64), 0.95, 0.95)
    assert ((scores >= point.threshold) == (scores >= passed)).all()
