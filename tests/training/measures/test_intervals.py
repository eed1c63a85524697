import numpy as np
import pytest
from scipy.stats import binomtest

from training.measures.intervals import bootstrap, ratio, wilson

pytestmark = pytest.mark.train


@pytest.mark.parametrize(("hits", "of"), [(0, 5), (5, 5), (1, 20), (570, 600)])
def test_wilsons_interval_is_scipys(hits, of):
    """
    At the ends, where others' reach beyond 0 and 1, it stops there.
    """
    found, expected = wilson(hits, of), binomtest(hits, of).proportion_ci(method="wilson")

    assert (found.value, found.low, found.high) == pytest.approx((hits / of, expected.low, expected.high))
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_a_share_of_none_is_no_share():
    """
    Not 0: nothing was missed, and nothing was answered.
    """
    assert wilson(0, 0) is None


def test_drawing_the_counts_is_drawing_the_messages():
    """
    The interval is what a bootstrap of the rows themselves gives, within what chance leaves.
    """
    counts = np.array([180, 20, 50])
    rows = np.repeat([0, 1, 2], counts)
    generator = np.random.default_rng(1)
    by_rows = [(lambda some: (some == 1).sum() / (some <= 1).sum())(generator.choice(rows, 250)) for _ in range(4000)]

    (found,) = bootstrap(lambda cells: ratio(cells[:, 1:2], cells[:, :2].sum(axis=1, keepdims=True)), counts)

    assert found.value == 0.1
    assert (found.low, found.high) == pytest.approx(np.quantile(by_rows, [0.025, 0.975]).tolist(), abs=0.005)


def test_the_interval_holds_the_truth_as_often_as_it_says():
    """
    Of 400 samples with a known share, 95 % of the intervals hold it, less three standard errors of that.
    """
    generator = np.random.default_rng(2)
    held = 0
    for seed in range(400):
        hits = int(generator.binomial(300, 0.3))
        (found,) = bootstrap(lambda cells: cells[:, :1] / cells.sum(axis=1, keepdims=True), [hits, 300 - hits], seed)
        held += found.low <= 0.3 <= found.high

    assert 0.95 - 3 * np.sqrt(0.95 * 0.05 / 400) <= held / 400 <= 0.98


def test_the_same_seed_gives_the_same_interval():
    """
    A report made again is the same report.
    """

    def share(cells: np.ndarray) -> np.ndarray:
        return cells[:, :1] / cells.sum(axis=1, keepdims=True)

    assert bootstrap(share, [3, 7]) == bootstrap(share, [3, 7])
    assert bootstrap(share, [30_001, 71_234]) != bootstrap(share, [30_001, 71_234], seed=1)
