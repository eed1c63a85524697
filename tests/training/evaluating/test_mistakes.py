import json

import numpy as np
import pytest

from training.evaluating.answers import Answers
from training.evaluating.mistakes import mistakes

pytestmark = pytest.mark.train

LABELS = np.array([0, 0, 4, 4, 1])
PREDICTED = np.array([4, 0, 0, 0, 2])
CONFIDENCE = np.array([0.6, 0.9, 0.7, 0.8, 0.5])


def answers() -> Answers:
    probabilities = np.repeat(((1 - CONFIDENCE) / 4)[:, None], 5, axis=1)
    probabilities[np.arange(5), PREDICTED] = CONFIDENCE
    urgency = probabilities[:, :2].sum(axis=1)
    return Answers(probabilities, urgency, urgency >= 0.5)


def test_the_most_confident_mistake_is_first():
    """
    What the model was sure of and wrong about; what it got right is not there.
    """
    found = mistakes(answers(), LABELS)

    assert [each.row for each in found.labels] == [4, 3, 1, 5]
    assert (found.labels[0].label, found.labels[0].predicted) == ("very_satisfied", "very_unsatisfied")
    assert found.labels[0].confidence == pytest.approx(0.8)
    assert [each.row for each in found.missed] == [1]
    assert [each.row for each in found.needless] == [4, 3]


def test_texts_are_there_for_who_asks_alone():
    """
    Row numbers may go anywhere, customers' words may not.
    """
    found, texts = mistakes(answers(), LABELS), [f"canary {row}" for row in range(1, 6)]
    placed = found.as_json(texts, lambda row: f"june.csv, line {row + 2}")

    assert "canary" not in json.dumps(found.as_json())
    assert found.as_json(texts)["labels"][0]["text"] == "canary 4"
    assert placed["labels"][0]["where"] == "june.csv, line 5"


def test_a_list_is_as_long_as_somebody_reads():
    """
    The worst of them, that is.
    """
    assert [each.row for each in mistakes(answers(), LABELS, most=1).labels] == [4]
