from functools import cache

import numpy as np
import pytest

from consumer.errors import LimitError, SettingsError
from training.measures.binomial import share_at_least
from training.operating.operating_point import allowed_misses, lowest_answered
from training.operating.worst_slice import require_slices, worst_slice

pytestmark = pytest.mark.train

DRAWS = 10_000


def test_the_threshold_is_that_of_the_slice_that_needs_the_lowest():
    """
    Every slice is told with its own, lowest first, and in each the promise's share is answered.
    """
    generator = np.random.default_rng(0)
    urgency = np.concatenate([generator.beta(8, 1, 200), generator.beta(3, 1, 100), generator.random(300)])
    labels = np.array([0] * 300 + [4] * 300)
    slices = ["en"] * 200 + ["de"] * 100 + ["en", "de"] * 150

    point, own = worst_slice(urgency, labels, slices, 0.9, 0.95)

    assert [each.value for each in own] == ["de", "en"]
    assert point.threshold == own[0].threshold < own[1].threshold
    assert (own[0].size, own[1].size) == (100, 200)
    for value in ("de", "en"):
        inside = (np.array(slices) == value) & (labels == 0)
        assert (urgency[inside] >= point.threshold).mean() >= 0.9


def test_the_threshold_is_no_lower_than_the_messages_of_other_slices_let_it_be():
    """
    The gap that it lies in the middle of is that of all messages, not only of the slice that holds it down.
    """
    hard, easy = np.linspace(0.5, 0.6, 29), np.linspace(0.8, 0.9, 29)
    urgency = np.concatenate([[0.1], hard, [0.4], easy])
    labels, slices = np.array([4] + [0] * 29 + [4] + [0] * 29), ["hard"] * 30 + ["easy"] * 30

    point, own = worst_slice(urgency, labels, slices, 0.9, 0.95)

    assert point.threshold == own[0].threshold == pytest.approx((0.4 + 0.5) / 2)
    assert own[1].threshold == pytest.approx((0.6 + 0.8) / 2)


@pytest.mark.parametrize("easier", [1.0, 1.5])
def test_the_worst_slices_promise_holds_as_often_as_it_says(easier):
    """
    In 10,000 draws of four slices, equal or not, all of them have their true recall in 95 of 100 and more, uncorrected.
    """
    generator, recall, sizes = np.random.default_rng(1), 0.9, (100, 150, 200, 80)
    powers = (1.0, easier, easier, easier)  # u ** (1 / power): the share 1 - t ** power lies at t or above
    lowest = np.min(
        [
            lowest_answered(generator.random((DRAWS, size)) ** (1 / power), allowed_misses(size, recall, 0.95))
            for size, power in zip(sizes, powers, strict=True)
        ],
        axis=0,
    )

    kept = np.all([1 - lowest**power >= recall for power in powers], axis=0).mean()

    assert kept >= 0.95


@pytest.mark.parametrize(("easy_from", "most"), [(0.3, 0.98), (0.08, 1.0)])
def test_what_is_promised_of_every_slice_holds_as_often_as_it_says(easy_from, most, monkeypatch):
    """
    Of a small hard slice and a larger easy one, whose own promise is higher: in 95 of 100 draws, and no idle bound
    where the hard one decides. Where the easy one does by chance, its promise is still none of the hard one's.
    """
    for function in (allowed_misses, share_at_least):  # scipy's, the same in every draw
        monkeypatch.setattr(f"training.operating.operating_point.{function.__name__}", cache(function))
    generator, draws, error = np.random.default_rng(2), 3000, 3 * (0.05 * 0.95 / 3000) ** 0.5
    labels, slices = np.array([0] * 29 + [4] * 100 + [0] * 45 + [4]), ["hard"] * 129 + ["easy"] * 46

    kept = 0
    for _ in range(draws):
        urgency = generator.random(175)  # of the hard slice, the share 1 - t lies at t or above
        urgency[29:129] *= 0.2
        urgency[129:] = easy_from + 0.001 * urgency[129:]
        urgency[-1] = easy_from - 0.001
        point, _ = worst_slice(urgency, labels, slices, 0.9, 0.95)
        kept += 1 - point.threshold >= point.promised

    assert 0.95 - error <= kept / draws <= most


def test_slices_too_small_are_named_with_what_each_needs():
    """
    One without a single very unsatisfied message too; those that have enough are not named.
    """
    labels = np.array([0] * 40 + [0] * 10 + [4] * 5)
    slices = ["big"] * 40 + ["small"] * 10 + ["none"] * 5

    with pytest.raises(LimitError) as error:
        worst_slice(np.linspace(0, 1, 55), labels, slices, 0.9, 0.95)

    assert "2 of 3 slices" in str(error.value)
    assert 'label 29 in all of each (still 29 of "none", 19 of "small")' in str(error.value)
    assert "big" not in str(error.value)


def test_a_slice_needs_messages_for_the_temperature_too():
    """
    With half of them for it, twice as many; just enough is enough.
    """
    labels = np.zeros(58, dtype=np.int64)

    require_slices(labels, ["one"] * 58, 0.9, 0.95, 0.5)
    require_slices(labels[:29], ["one"] * 29, 0.9, 0.95)
    with pytest.raises(LimitError, match="label 58 in all of each"):
        require_slices(labels[:57], ["one"] * 57, 0.9, 0.95, 0.5)


def test_fifty_slices_are_not_too_many():
    """
    Whether they are large enough is another question.
    """
    require_slices(np.zeros(50 * 29, dtype=np.int64), [f"s{row}" for row in range(50)] * 29, 0.9, 0.95)


def test_a_column_with_a_value_for_every_message_is_refused_and_not_told():
    """
    It could be the customers' names.
    """
    slices = [f"canary {row}" for row in range(60)]

    with pytest.raises(SettingsError, match="60 different values") as error:
        require_slices(np.zeros(60, dtype=np.int64), slices, 0.9, 0.95)

    assert "canary" not in str(error.value)


def test_a_slices_value_is_told_without_its_tricks():
    """
    It comes out of the messages' file: what moves the cursor is written by number, and a long one is cut short.
    """
    with pytest.raises(LimitError) as error:
        require_slices(np.array([0, 0]), ["\x1b[2Jde", "x" * 60], 0.9, 0.95)

    assert "\\u{1b}[2Jde" in str(error.value)
    assert "x" * 41 not in str(error.value)
