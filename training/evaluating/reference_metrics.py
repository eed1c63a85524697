"""
The metrics of the reference run, under its names and by its arithmetic, so that anybody's run can be put beside it.

Everything here is by argmax of the model as it was fitted, before temperature and threshold: an operating point has
figures of its own, and none of them goes by these names.
"""

import numpy as np
from numpy.typing import NDArray

from training.evaluating.answers import Answers
from training.evaluating.evaluate import answered
from training.operating.calibrate import loss


def of_logits(logits: NDArray[np.float32], labels: NDArray[np.int64], prefix: str) -> dict[str, float | int]:
    """Accuracy and mean cross-entropy of (rows, 5) logits, named as transformers' Trainer does."""
    return {
        f"{prefix}_accuracy": float((logits.argmax(axis=1) == labels).mean()),
        f"{prefix}_loss": loss(logits, labels),
        f"{prefix}_samples": len(labels),
    }


def of_predictions(answers: Answers, labels: NDArray[np.int64], temperature: float) -> dict[str, float | int]:
    """
    `test_%_unsatisfied_replied` is the share of one star that is predicted one or two stars, and
    `test_%_satisfied_incorrectly_labels` that of three to five. The answers' `temperature` is taken out again.
    """
    by_argmax = answered(answers.predicted <= 1, labels)
    return {
        **of_logits(logits_of(answers, temperature), labels, "test"),
        "test_%_unsatisfied_replied": by_argmax.recall,
        "test_%_satisfied_incorrectly_labels": by_argmax.needless,
    }


def logits_of(answers: Answers, temperature: float) -> NDArray[np.float32]:
    """The model's own, up to what a softmax does not see."""
    smallest = np.finfo(np.float64).tiny
    logits: NDArray[np.float64] = temperature * np.log(np.maximum(answers.probabilities, smallest))
    return logits.astype(np.float32)
