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
from training.data import STARS
from training.fitting.order import Draw


def counted(classes: NDArray[np.int64]) -> NDArray[np.int64]:
    """(5,): how many rows of each class there are."""
    return np.bincount(classes, minlength=len(STARS))


def evenly(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """(5,): as many rows in all, shared out evenly over the classes that have any; the first get what is left over."""
    present = np.flatnonzero(counts)
    share, over = divmod(int(counts.sum()), len(present))
    even = np.zeros_like(counts)
    even[present] = share
    even[present[:over]] += 1
    return even


def seen(targets: NDArray[np.float32], draw: Draw) -> NDArray[np.float32]:
    """(rows, 5): each row's targets times how often an epoch has it."""
    often = draw.counts / np.maximum(counted(draw.classes), 1)
    times: NDArray[np.float64] = often[draw.classes][:, None]
    return (targets * times).astype(np.float32)


def class_weights(targets: NDArray[np.float32]) -> NDArray[np.float32]:
    """(classes,): as much for each class in all as for any other, 1 for a row on average."""
    counts = targets.sum(axis=0, dtype=np.float64)
    weights: NDArray[np.float64] = counts.sum() / (len(counts) * counts)
    return weights.astype(np.float32)


def class_shares(targets: NDArray[np.float32]) -> NDArray[np.float64]:
    """(classes,): those that a loss sees, of rows that may weigh more and less."""
    sums = targets.sum(axis=0, dtype=np.float64)
    shares: NDArray[np.float64] = sums / sums.sum()
    return shares


def spoken_for(targets: NDArray[np.float32], way: str) -> NDArray[np.float64]:
    """(classes,): the class shares of which the logits speak after a fit that saw the targets, balanced in this way."""
    if way in ("weights", "prior"):
        return np.full(targets.shape[1], 1 / targets.shape[1])
    return class_shares(targets)


def log_prior(targets: NDArray[np.float32]) -> NDArray[np.float32]:
    """
    (classes,): added to the logits of training alone, so that they come out as if the classes were even.

    Logit adjustment (Menon et al., arXiv:2007.07314).
    """
    logs: NDArray[np.float64] = np.log(class_shares(targets))
    return logs.astype(np.float32)


def moved(own: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float32]:
    """
    (classes,): added to logits that speak for the class shares `own`, they speak for `other`.

    A class of which one of them has nothing, as a fold of whole files may, is left where it is.
    """
    known = (own > 0) & (other > 0)
    shift = np.zeros(len(own), dtype=np.float32)
    shift[known] = np.log(other[known] / own[known])
    return shift


def head_bias(model: nn.Module, classes: int) -> nn.Parameter:
    """Of the layer that makes the logits. SettingsError when it has none."""
    heads = [each for each in model.modules() if isinstance(each, nn.Linear) and each.out_features == classes]
    if not heads or heads[-1].bias is None:
        raise SettingsError("The base model's head has no bias to keep the class shares in: take another base model.")
    return heads[-1].bias


def add_to_head(model: nn.Module, shift: NDArray[np.float32]) -> None:
    with torch.no_grad():
        bias = head_bias(model, len(shift))
        bias.add_(torch.from_numpy(shift).to(bias.device))
