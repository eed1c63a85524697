"""What the validation messages say of a checkpoint: the figure that counts, by which the best one is chosen."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transformers import EvalPrediction

from consumer.decide import urgencies
from training.operating.operating_point import needless_at_recall

NEEDLESS = "needless_at_recall"
NAMES = (NEEDLESS, "accuracy", "loss")  # the Trainer itself adds the loss
SMALLER_IS_BETTER = (NEEDLESS, "loss")


def judge(
    recall: float,
    model_shares: Sequence[float],
    own_shares: Sequence[float],
    live_shares: Sequence[float],
    unsatisfied_weight: float = 1.0,
) -> Callable[[EvalPrediction], Mapping[str, float]]:
    """
    For the Trainer's compute_metrics: (rows, 5) logits and (rows, 5) targets to figures.

    `needless_at_recall` is the share of 3 to 5 stars answered where `recall` of 1 star are, by the urgency for
    `live_shares` that counts the unsatisfied by their weight; accuracy is for the messages' `own_shares`. The logits
    speak for `model_shares`, and the Trainer's own loss is of them as they are.
    """
    to_own = np.log(own_shares) - np.log(model_shares)
    to_live = np.log(np.array(live_shares) * (1, unsatisfied_weight, 1, 1, 1)) - np.log(model_shares)

    def figures(prediction: EvalPrediction) -> Mapping[str, float]:
        logits, labels = _logits(prediction.predictions), np.asarray(prediction.label_ids).argmax(axis=1)
        return {
            NEEDLESS: needless_at_recall(urgencies(logits, 1.0, to_live.tolist()), labels, recall),
            "accuracy": float(((logits + to_own).argmax(axis=1) == labels).mean()),
        }

    return figures


def _logits(predictions: Any) -> NDArray[np.float32]:
    """Some models answer with more than their logits, which come first."""
    logits: NDArray[np.float32] = predictions[0] if isinstance(predictions, tuple) else predictions
    return logits
