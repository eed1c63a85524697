"""
What is done about classes that are rarer than others in the training messages.

A model may learn better from even classes, and then answers as if they were even; and calibration messages of their
own may have other shares than those that were learned from. So the shares of calibration are put into its head when it
is fitted: its probabilities, its temperature and the live class shares mean the same whatever was done here.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from consumer.errors import SettingsError


def class_weights(targets: NDArray[np.float32]) -> NDArray[np.float32]:
    """(classes,): as much for each class in all as for any other, 1 for a row on average."""
    counts = targets.sum(axis=0, dtype=np.float64)
    weights: NDArray[np.float64] = counts.sum() / (len(counts) * counts)
    return weights.astype(np.float32)


def log_prior(targets: NDArray[np.float32]) -> NDArray[np.float32]:
    """
    (classes,): added to the logits of training alone, so that they come out as if the classes were even.

    Logit adjustment (Menon et al., arXiv:2007.07314).
    """
    shares = targets.mean(axis=0, dtype=np.float64)
    logs: NDArray[np.float64] = np.log(shares / shares.sum())
    return logs.astype(np.float32)


def moved(own: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float32]:
    """(classes,): added to logits that speak for the class shares `own`, they speak for `other`."""
    shift: NDArray[np.float64] = np.log(other) - np.log(own)
    return shift.astype(np.float32)


def put_back(targets: NDArray[np.float32], *, resampled: bool) -> NDArray[np.float32]:
    """(classes,): what the logits lack of the rows' own shares, after a fit that saw the classes evenly."""
    own = log_prior(targets)
    if not resampled:
        return own
    classes = targets.argmax(axis=1)
    drawn = np.stack([targets[classes == label].mean(axis=0) for label in np.unique(classes)])
    shift: NDArray[np.float32] = own - log_prior(drawn)
    return shift


def head_bias(model: nn.Module, classes: int) -> nn.Parameter:
    """Of the layer that makes the logits. SettingsError when it has none."""
    heads = [each for each in model.modules() if isinstance(each, nn.Linear) and each.out_features == classes]
    if not heads or heads[-1].bias is None:
        raise SettingsError(
            "The base model's head has no bias to keep the class shares in: take another base model, or say [fit] "
            'balance = "none" and calibrate on messages that are drawn from train.'
        )
    return heads[-1].bias


def add_to_head(model: nn.Module, shift: NDArray[np.float32]) -> None:
    with torch.no_grad():
        bias = head_bias(model, len(shift))
        bias.add_(torch.from_numpy(shift).to(bias.device))
