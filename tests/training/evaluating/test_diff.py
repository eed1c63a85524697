import json

import numpy as np
import pytest

from training.evaluating.answers import Answers
from training.evaluating.diff import difference, flip_lines, flips, mcnemar

pytestmark = pytest.mark.train

LABELS = np.array([0, 0, 1, 2, 3, 4])


def answers(predicted: list[int], urgent: list[int]) -> Answers:
    probabilities = np.full((6, 5), 0.1)
    probabilities[np.arange(6), predicted] = 0.6
    return Answers(probabilities, np.linspace(0.1, 0.9, 6), np.array(urgent, dtype=bool))


BEFORE = answers([0, 1, 1, 2, 0, 4], [1, 0, 0, 0, 1, 1])
AFTER = answers([0, 0, 1, 2, 3, 3], [1, 1, 1, 0, 0, 1])


def test_what_changed_is_counted_both_ways():
    """
    Labels and decisions apart; two stars answered or not is no mistake either way.
    """
    found = difference(BEFORE, AFTER, LABELS, 0.95)

    assert (found.same_label, found.same_decision) == (0.5, 0.5)
    assert (found.to_urgent, found.to_routine) == (2, 1)
    assert (found.right_label.only_first, found.right_label.only_second) == (1, 2)
    assert (found.right_decision.only_first, found.right_decision.only_second) == (0, 2)
    assert (found.first.operating_point.recall, found.second.operating_point.recall) == (0.5, 1.0)
    assert found.gained.recall.value == 0.5
    assert json.loads(json.dumps(found.as_json(), allow_nan=False))["gained"]["needless"]["value"] == pytest.approx(
        -1 / 3
    )


def test_flips_are_the_rows_that_changed():
    """
    A label or a decision, or both.
    """
    assert flips(BEFORE, AFTER).tolist() == [1, 2, 4, 5]
    assert flips(BEFORE, BEFORE).tolist() == []
    for line in map(json.loads, flip_lines(BEFORE, AFTER, np.zeros(len(BEFORE.urgent), dtype=np.int64), None)):
        assert line["decision_changed"] == (line["a"]["decision"] != line["b"]["decision"])


def test_mcnemars_test_is_exact():
    """
    One against nine, were it a coin's throws: 2 x (1 + 10) / 1024. Where nothing differs, nothing is shown.
    """
    first, second = np.array([True] + [False] * 9), np.array([False] + [True] * 9)

    found = mcnemar(first, second)

    assert (found.only_first, found.only_second) == (1, 9)
    assert found.p == pytest.approx(22 / 1024)
    assert mcnemar(first, first).p == 1.0
