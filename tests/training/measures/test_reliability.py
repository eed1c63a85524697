import numpy as np
import pytest
from scipy.special import softmax

from training.measures.reliability import BINS, reliability

pytestmark = pytest.mark.train

EVEN = np.ones(5)


def sampled(seed: int, heat: float = 1.0, rows: int = 1500) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities, and labels drawn from them; with `heat` under 1 the probabilities are too sure of themselves."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, 1.5, (rows, 5))
    true = softmax(logits * heat, axis=1)
    labels = (true.cumsum(axis=1)[:, :-1] < generator.random((rows, 1))).sum(axis=1)
    return softmax(logits, axis=1), labels


def urgency(probabilities) -> np.ndarray:
    return probabilities[:, :2].sum(axis=1)


def test_the_plain_error_is_the_textbooks():
    """
    Fifteen messages, one a bin: the mean distance of each probability from what came.
    """
    probabilities, labels = sampled(0, rows=BINS)

    found = reliability(probabilities, urgency(probabilities), labels, EVEN)

    assert found.urgency.plain == pytest.approx(np.abs(urgency(probabilities) - (labels < 2)).mean())
    assert found.top_label.plain == pytest.approx(
        np.abs(probabilities.max(axis=1) - (probabilities.argmax(axis=1) == labels)).mean()
    )
    happened = np.eye(5)[labels]
    assert found.class_wise.plain == pytest.approx(np.abs(probabilities - happened).mean())
    assert found.brier == pytest.approx(((probabilities - happened) ** 2).sum(axis=1).mean())
    assert found.brier_urgency == pytest.approx(((urgency(probabilities) - (labels < 2)) ** 2).mean())


def test_right_probabilities_are_not_blamed_for_chance():
    """
    Their plain error is well above 0; less than three quarters of it are left, and the interval begins at 0.
    """
    probabilities, labels = sampled(1)

    found = reliability(probabilities, urgency(probabilities), labels, EVEN)

    for each in (found.top_label, found.class_wise, found.urgency):
        assert each.plain > 0.015
        assert each.error.value < 0.75 * each.plain
        assert each.error.low == 0.0


def test_probabilities_too_sure_of_themselves_are_found_out():
    """
    The interval holds their known error, and not 0.
    """
    probabilities, labels = sampled(2, heat=0.6)

    found = reliability(probabilities, urgency(probabilities), labels, EVEN)

    assert found.top_label.error.low <= 0.13 <= found.top_label.error.high
    assert found.urgency.error.low <= 0.078 <= found.urgency.error.high
    assert found.top_label.error.low > 0.08


@pytest.mark.parametrize(("heat", "errors"), [(1.0, (0.0, 0.0, 0.0)), (0.6, (0.129, 0.055, 0.078))])
def test_the_interval_holds_the_true_error_about_as_often_as_it_says(heat, errors):
    """
    Of 40 draws of 300 messages; the true errors are those of 300,000. How often it is, LOG.md has from more draws.
    """
    held = np.zeros(3)
    for seed in range(40):
        probabilities, labels = sampled(1000 + seed, heat, rows=300)
        found = reliability(probabilities, urgency(probabilities), labels, EVEN)
        intervals = [each.error for each in (found.top_label, found.class_wise, found.urgency)]
        held += [each.low <= error <= each.high for each, error in zip(intervals, errors, strict=True)]

    assert (held >= 0.8 * 40).all()


def test_points_lie_on_the_diagonal_where_probabilities_are_right():
    """
    Bins of equally many messages, from the least sure to the surest.
    """
    probabilities, labels = sampled(3, rows=6000)

    points = reliability(probabilities, urgency(probabilities), labels, EVEN).urgency_points

    assert [each.rows for each in points] == [400] * BINS
    assert [each.predicted for each in points] == sorted(each.predicted for each in points)
    assert all(abs(each.predicted - each.happened) < 4 * 0.5 / 20 for each in points)


@pytest.mark.parametrize(("rows", "count"), [(499, 5), (500, 15)])
def test_few_messages_make_few_points(rows, count):
    """
    Each of a hundred or so: of a dozen, chance would scatter them.
    """
    probabilities, labels = sampled(3, rows=rows)

    found = reliability(probabilities, urgency(probabilities), labels, EVEN)

    assert len(found.urgency_points) == len(found.top_label_points) == count


def test_urgency_is_judged_as_live_traffic_would():
    """
    Shifted to live shares it is wrong for the messages at hand, and right for those it speaks of.
    """
    probabilities, labels = sampled(4, rows=6000)
    here = np.bincount(labels, minlength=5) / len(labels)
    live_per_row = np.array([0.05, 0.05, 0.1, 0.3, 0.5]) / here
    shifted = probabilities * live_per_row
    live = urgency(shifted / shifted.sum(axis=1, keepdims=True))

    assert reliability(probabilities, live, labels, live_per_row).urgency.error.low == 0.0
    assert reliability(probabilities, live, labels, EVEN).urgency.plain > 0.2
