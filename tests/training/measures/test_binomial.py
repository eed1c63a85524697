import math

import numpy as np
import pytest

from training.measures.binomial import (
    as_few_misses,
    as_many_misses,
    interval,
    share_at_least,
    share_at_most,
    share_wherever_cut,
)

pytestmark = pytest.mark.train


def at_most(k: int, n: int, p: float) -> float:
    return sum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k + 1))


@pytest.mark.parametrize(("hits", "of"), [(1, 10), (9, 10), (57, 60)])
def test_a_bound_is_the_share_at_which_the_count_becomes_too_unlikely(hits, of):
    """
    At the lower one, as many hits come in 5 cases of 100; at the upper one, as few.
    """
    assert 1 - at_most(hits - 1, of, share_at_least(hits, of, 0.95)) == pytest.approx(0.05)
    assert at_most(hits, of, share_at_most(hits, of, 0.95)) == pytest.approx(0.05)


def test_none_and_all_bound_one_side_only():
    """
    Nothing seen rules out neither end of the scale it stands at.
    """
    assert interval(0, 20, 0.95)[0] == 0.0
    assert interval(20, 20, 0.95)[1] == 1.0


def test_tests_count_the_misses_at_hand_on_their_own_side():
    """
    Two misses of ten at a recall of 0.9: no more than two, and no fewer.
    """
    assert as_few_misses(2, 10, 0.9) == pytest.approx(at_most(2, 10, 0.1))
    assert as_many_misses(2, 10, 0.9) == pytest.approx(1 - at_most(1, 10, 0.1))


def test_a_threshold_chosen_by_looking_keeps_the_bound_that_allows_for_it():
    """
    Cut where the scores look best: Massart's bound holds in 95 cases of 100, Clopper and Pearson's does not.
    """
    size, draws = 100, 2000
    scores = np.sort(np.random.default_rng(0).random((draws, size)), axis=1)  # the true recall at t is 1 - t
    hits = size - np.arange(size)
    looks_best = (hits / size - (1 - scores)).argmax(axis=1)
    true, seen = 1 - scores[np.arange(draws), looks_best], hits[looks_best]

    honest = np.array([share_wherever_cut(int(each), size, 0.95) for each in seen]) <= true
    naive = np.array([share_at_least(int(each), size, 0.95) for each in seen]) <= true

    assert honest.mean() >= 0.95
    assert naive.mean() < 0.9
