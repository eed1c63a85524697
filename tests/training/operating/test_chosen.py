import re

import numpy as np
import pytest

from consumer.decide import probabilities
from consumer.manifest import ClassShares
from tests.training.made_up_run import of_no_texts
from training import recipe as recipes
from training.operating.basis import Basis
from training.operating.chosen import calibrated
from training.operating.operate import operate, operated
from training.reporting.told import chosen_lines
from training.scoring.crossfit import Calibration

pytestmark = pytest.mark.train

FIFTHS = (0.2, 0.2, 0.2, 0.2, 0.2)
SHARES = ClassShares(training=FIFTHS, live=FIFTHS)


def lines(basis: Basis, **promise: object) -> list[str]:
    labels = np.arange(1000) % 5
    logits = np.random.default_rng(0).normal(0, 1, (1000, 5)) + 2 * np.exp(-((np.arange(5) - labels[:, None]) ** 2))
    asked = recipes.Promise.model_validate({"recall": 0.9, **promise})
    return chosen_lines({"fp32": operate(logits.astype(np.float32), labels, SHARES, asked, basis)}, labels)


@pytest.mark.parametrize("promise", [{}, {"by": "cost", "cost_missed": 5, "cost_needless": 1}])
def test_a_temperature_that_saw_the_promises_messages_is_told(promise):
    """
    The bounds are of thresholds alone, so they hold but nearly; where it saw others, nothing is said.
    """
    apart, same = Basis(np.arange(500), np.arange(500, 1000)), Basis.all_for_both(1000)

    assert "nearly" not in lines(apart, **promise)[0]
    assert "nearly: the temperature was fitted on the same messages" in lines(same, **promise)[0]


def test_what_is_answered_of_two_stars_is_told():
    """
    No promise says it, and a weight of less has them pay for it.
    """
    told = lines(Basis.all_for_both(1000))[0]

    (share,) = re.findall(r"from 200 of them; (.+)% of 2 stars answered$", told)
    assert 0 < float(share) < 100


def test_a_slices_value_is_shown_without_its_tricks():
    """
    A terminal obeys what stands in a customer's column.
    """
    rows, values = np.arange(1000), ("\x1b[2Jde", "e" * 60) * 500

    told = lines(Basis(rows, rows, values), slices="shop")

    assert len(told) == 3
    assert "\\u{1b}[2Jde" in "".join(told)
    assert "\x1b" not in "".join(told)
    assert "e" * 41 not in "".join(told)


def test_urgency_is_calibrated_for_what_it_counts():
    """
    Logits that say how probable each class is, at even shares: with two stars counting a tenth they still do.
    """
    draw = np.random.default_rng(0)
    logits = draw.normal(0, 1.5, (4000, 5)).astype(np.float32)
    said = probabilities(logits, 1.0)
    labels = (said.cumsum(axis=1) < draw.random((4000, 1))).sum(axis=1)
    even = np.bincount(labels, minlength=5) / 4000
    shares = ClassShares(training=tuple(even), live=tuple(even), unsatisfied_weight=0.1)
    calibration = Calibration(labels, {"fp32": of_no_texts(logits)})
    basis = Basis.all_for_both(4000)
    points = operated(calibration, shares, recipes.Promise(recall=0.9), basis)

    found = calibrated(calibration, points, shares, basis)["fp32"]["after"]["urgency"]["error"]

    assert found["high"] < 0.03
