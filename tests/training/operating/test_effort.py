import numpy as np
import pytest

from training.measures.binomial import interval
from training.operating.effort import as_stated, estimated, exact

pytestmark = pytest.mark.train

LIVE = (0.05, 0.1, 0.15, 0.3, 0.4)


def test_the_reference_runs_table_is_reproduced_as_it_was_stated():
    """
    500 + 0.12 x 10,000 = 1,700 looked at, 475 of the 500 answered: 83 % of the work saved, 5 % missed.
    """
    stated = as_stated()

    assert (stated.messages, stated.very_unsatisfied) == (10_000, 500)
    assert stated.looked_at == pytest.approx(1700)
    assert stated.answered == pytest.approx(475)
    assert stated.work_saved == pytest.approx(0.83)
    assert stated.missed == pytest.approx(0.05)


def test_exact_arithmetic_counts_what_is_looked_at_class_by_class():
    """
    Two stars too, and no missed message as looked at.
    """
    found = exact(10_000, LIVE, (0.95, 0.8, 0.3, 0.1, 0.05))

    assert found.very_unsatisfied == pytest.approx(500)
    assert found.answered == pytest.approx(475)
    assert found.looked_at == pytest.approx(475 + 800 + 450 + 300 + 200)
    assert found.work_saved == pytest.approx(1 - 2225 / 10_000)
    assert found.missed == pytest.approx(0.05)


def test_volume_only_scales():
    """
    Shares stay, counts grow with the day.
    """
    small, large = (exact(messages, LIVE, (0.9, 0.5, 0.2, 0.1, 0.1)) for messages in (100, 100_000))

    assert large.looked_at == pytest.approx(1000 * small.looked_at)
    assert large.work_saved == pytest.approx(small.work_saved)


def test_intervals_hold_the_truth_at_least_as_often_as_they_say():
    """
    Few messages a class, rates near 0 and 1: where simpler intervals fail.
    """
    generator, rates, of = np.random.default_rng(0), np.array([0.95, 0.6, 0.2, 0.05, 0.01]), [40, 40, 60, 80, 100]
    true, draws = exact(1000, LIVE, rates), 400

    found = [estimated(1000, LIVE, generator.binomial(of, rates).tolist(), of) for _ in range(draws)]

    for name in ("looked_at", "answered", "work_saved", "missed"):
        intervals = [getattr(each, name) for each in found]
        inside = np.mean([each.low - 1e-9 <= getattr(true, name) <= each.high + 1e-9 for each in intervals])
        assert inside >= 0.95 - 3 * (0.05 * 0.95 / draws) ** 0.5, name
        assert all(each.low <= each.value <= each.high for each in intervals)


def test_the_looks_share_the_risk_among_the_classes():
    """
    Each class' interval fails in one case of a hundred, so that all hold in 95; what is answered has the whole risk.
    """
    answered, of = [38, 20, 10, 4, 1], [40, 40, 60, 80, 100]

    found = estimated(1000, LIVE, answered, of)

    low, high = 1000 * np.array(LIVE) @ [interval(*each, 0.99) for each in zip(answered, of, strict=True)]
    assert (found.looked_at.low, found.looked_at.high) == (pytest.approx(low), pytest.approx(high))
    assert found.work_saved.low == pytest.approx(1 - high / 1000)
    assert found.answered.low == pytest.approx(50 * interval(38, 40, 0.95)[0])
    assert found.missed.high == pytest.approx(1 - found.answered.low / 50)


def test_a_class_without_messages_has_no_rate():
    """
    It could be half of live traffic.
    """
    with pytest.raises(ValueError, match="label some of each"):
        estimated(1000, LIVE, [1, 0, 0, 0, 0], [1, 1, 0, 1, 1])
