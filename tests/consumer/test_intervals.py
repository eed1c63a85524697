"""Intervals without scipy, against scipy and against what they promise."""

import numpy as np
import pytest

from consumer.intervals import paired_difference, wilson


@pytest.mark.parametrize(("hits", "of"), [(0, 1), (1, 1), (0, 50), (3, 50), (25, 50), (50, 50), (17, 123_456)])
def test_wilson_is_scipy_s(hits, of):
    """Its interval of a binomial test, for small numbers and large."""
    stats = pytest.importorskip("scipy.stats")

    expected = stats.binomtest(hits, of).proportion_ci(confidence_level=0.95, method="wilson")

    assert wilson(hits, of) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_the_ends_hold_the_share_itself():
    """At 0 and 1 too, where rounding could leave it outside."""
    for hits, of in ((0, 7), (7, 7), (0, 3_000_000), (3_000_000, 3_000_000)):
        low, high = wilson(hits, of)
        assert 0 <= low <= hits / of <= high <= 1


@pytest.mark.parametrize(("rise", "fall", "of"), [(0.01, 0.01, 500), (0.02, 0.001, 2000), (0.2, 0.1, 60)])
def test_a_paired_difference_is_held_as_often_as_promised(rise, fall, of):
    """In 95 of 100 samples, nearly."""
    drawn = np.random.default_rng(0).multinomial(of, [rise, fall, 1 - rise - fall], size=2000)

    held = [low <= rise - fall <= high for low, high in (paired_difference(int(m), int(n), of) for m, n, _ in drawn)]

    assert 0.94 <= np.mean(held) <= 0.985


def test_a_paired_difference_is_mirrored():
    """More and fewer are the same, the other way about; nothing flipped is not nothing sure."""
    low, high = paired_difference(7, 2, 100)

    assert paired_difference(2, 7, 100) == pytest.approx((-high, -low))
    assert low < 0.05 < high
    assert paired_difference(0, 0, 100)[1] > 0
