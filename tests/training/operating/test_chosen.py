import numpy as np
import pytest

from consumer.manifest import ClassShares
from training import recipe as recipes
from training.operating.basis import Basis
from training.operating.operate import operate
from training.reporting.told import chosen_lines

pytestmark = pytest.mark.train

FIFTHS = (0.2, 0.2, 0.2, 0.2, 0.2)
SHARES = ClassShares(training=FIFTHS, live=FIFTHS)


def lines(basis: Basis, **promise: object) -> list[str]:
    labels = np.arange(1000) % 5
    logits = np.random.default_rng(0).normal(0, 1, (1000, 5)) + 2 * np.exp(-((np.arange(5) - labels[:, None]) ** 2))
    asked = recipes.Promise.model_validate({"recall": 0.9, **promise})
    return chosen_lines({"fp32": operate(logits.astype(np.float32), labels, SHARES, asked, basis)})


@pytest.mark.parametrize("promise", [{}, {"by": "cost", "cost_missed": 5, "cost_needless": 1}])
def test_a_temperature_that_saw_the_promises_messages_is_told(promise):
    """
    The bounds are of thresholds alone, so they hold but nearly; where it saw others, nothing is said.
    """
    apart, same = Basis(np.arange(500), np.arange(500, 1000)), Basis.all_for_both(1000)

    assert "nearly" not in lines(apart, **promise)[0]
    assert "nearly: the temperature was fitted on the same messages" in lines(same, **promise)[0]


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
