import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from training.evaluating.answers import Answers
from training.evaluating.reference_metrics import logits_of, of_logits, of_predictions

pytestmark = pytest.mark.train

LABELS = np.array([0, 0, 0, 0, 1, 2, 3, 4, 4])
LOGITS = np.random.default_rng(0).normal(0, 3, (9, 5)).astype(np.float32)
TEMPERATURE = 1.7


def answers(urgent: bool) -> Answers:
    probabilities = softmax(LOGITS.astype(np.float64) / TEMPERATURE, axis=1)
    return Answers(probabilities, probabilities[:, :2].sum(axis=1), np.full(9, urgent))


def test_the_metrics_are_the_reference_runs():
    """
    By argmax of the fitted model's own logits: temperature and threshold are the operating point's affair.
    """
    predicted = LOGITS.argmax(axis=1)
    expected_loss = -log_softmax(LOGITS.astype(np.float64), axis=1)[np.arange(9), LABELS].mean()

    for urgent in (False, True):
        assert of_predictions(answers(urgent), LABELS, TEMPERATURE) == pytest.approx(
            {
                "test_accuracy": (predicted == LABELS).mean(),
                "test_loss": expected_loss,
                "test_samples": 9,
                "test_%_unsatisfied_replied": (predicted[LABELS == 0] <= 1).mean(),
                "test_%_satisfied_incorrectly_labels": (predicted[LABELS >= 2] <= 1).mean(),
            },
            abs=1e-6,
        )


def test_logits_come_back_out_of_probabilities():
    """
    Up to a number a row, which no softmax sees; a probability that rounded to 0 gives no infinite loss.
    """
    found = logits_of(answers(urgent=False), TEMPERATURE)
    certain = Answers(np.array([[1.0, 0.0, 0.0, 0.0, 0.0]]), np.ones(1), np.ones(1, dtype=bool))

    assert softmax(found, axis=1) == pytest.approx(softmax(LOGITS, axis=1), abs=1e-5)
    assert np.isfinite(logits_of(certain, 1.0)).all()


def test_other_splits_have_their_own_prefix():
    """
    As the Trainer names them.
    """
    assert set(of_logits(LOGITS, LABELS, "eval")) == {"eval_accuracy", "eval_loss", "eval_samples"}
