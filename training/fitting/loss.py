"""The loss: of soft targets, and of rows that may be any of several classes (allowed.py)."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from consumer.records import Satisfaction

CLASSES = len(Satisfaction)


def cross_entropy(log_prior: NDArray[np.float32] | None = None) -> Callable[..., Tensor]:
    """
    For the Trainer: targets (rows, 5) may weigh rows and classes, and `log_prior` (5,) is added to the logits.

    Of targets (rows, 10) the last five are allowed.wide's: weights of classes of which the row may be any.
    `num_items_in_batch` counts all targets of all rows that one step learns from, whichever process has them.
    """
    prior = None if log_prior is None else torch.from_numpy(log_prior)

    def loss(outputs: Any, labels: Tensor, num_items_in_batch: Tensor | None = None) -> Tensor:
        logits = outputs.logits.float()
        adjusted = logits if prior is None else logits + prior.to(logits.device)
        logs = torch.log_softmax(adjusted, dim=-1)
        losses = -(logs * labels[:, :CLASSES]).sum(-1)
        if labels.shape[1] > CLASSES:
            losses = losses + _of_any(logs, labels[:, CLASSES:])
        rows = None if num_items_in_batch is None else num_items_in_batch / labels.shape[1]
        total: Tensor = losses.mean() if rows is None else losses.sum() / rows
        return total

    return loss


def _of_any(logs: Tensor, weights: Tensor) -> Tensor:
    """(rows,): -log of the summed probabilities of the classes with a weight, times that; 0 for a row without any."""
    allowed = weights > 0
    rows = allowed.any(-1)  # of no class at all, the gradient would be no number
    some = logs[rows].masked_fill(~allowed[rows], -torch.inf)
    losses = torch.zeros_like(logs[:, 0])
    losses[rows] = -weights[rows].amax(-1) * torch.logsumexp(some, dim=-1)
    return losses
