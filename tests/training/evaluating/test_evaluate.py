import numpy as np
import pytest

from consumer.records import Decision, ModelVersion, Satisfaction
from training.evaluating.answers import Answers, of_decisions
from training.evaluating.evaluate import agreement, evaluate, largest_difference

pytestmark = pytest.mark.train

LABELS = np.array([0, 0, 1, 2, 4])
PROBABILITIES = np.array(
    [
        [0.6, 0.1, 0.1, 0.1, 0.1],
        [0.2, 0.1, 0.4, 0.2, 0.1],
        [0.1, 0.6, 0.1, 0.1, 0.1],
        [0.1, 0.1, 0.6, 0.1, 0.1],
        [0.5, 0.1, 0.1, 0.1, 0.2],
    ]
)
URGENCY = PROBABILITIES[:, :2].sum(axis=1)


def decision(row: np.ndarray, urgent: bool) -> Decision:
    return Decision(
        satisfaction=list(Satisfaction)[int(row.argmax())],
        probabilities=tuple(row.tolist()),
        urgency=float(row[:2].sum()),
        urgent=urgent,
        threshold=0.3,
        reason="model",
        truncated=False,
        model=ModelVersion("m", "1", "fp32"),
    )


def test_the_two_ways_to_answer_are_counted_apart():
    """
    Argmax misses the second of one star and answers the five stars; the operating point does neither.
    """
    found = evaluate(Answers(PROBABILITIES, URGENCY, np.array([True, True, True, False, False])), LABELS)

    assert found.rows == 5
    assert found.accuracy == pytest.approx(3 / 5)
    assert found.loss == pytest.approx(-np.log([0.6, 0.2, 0.6, 0.6, 0.2]).mean())
    assert (found.operating_point.recall, found.operating_point.needless) == (1.0, 0.0)
    assert (found.argmax.recall, found.argmax.unsatisfied, found.argmax.needless) == (0.5, 1.0, 0.5)


def test_decisions_are_measured_as_they_were_answered():
    """
    `urgent` is taken from the decision, never worked out anew.
    """
    urgent = [True, False, True, True, False]
    decisions = [decision(row, answer) for row, answer in zip(PROBABILITIES, urgent, strict=True)]

    assert evaluate(of_decisions(decisions), LABELS) == evaluate(
        Answers(PROBABILITIES, URGENCY, np.array(urgent)), LABELS
    )


def test_two_models_agree_where_class_and_decision_are_the_same():
    """
    A flipped decision counts, even with the same class; the largest difference is of probabilities.
    """
    ours = [decision(PROBABILITIES[0], True), decision(PROBABILITIES[2], True)]
    theirs = [decision(PROBABILITIES[0] + [0.05, -0.05, 0, 0, 0], True), decision(PROBABILITIES[2], False)]

    one, other = of_decisions(ours), of_decisions(theirs)
    assert agreement(one, other) == 0.5
    assert largest_difference(one, other) == pytest.approx(0.05)
