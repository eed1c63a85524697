"""What scores and texts looked like where the model was measured, so that drift has something to differ from."""

from collections.abc import Mapping
from typing import cast

import numpy as np
from numpy.typing import NDArray

from consumer.decide import prior_shift, probabilities, urgencies
from consumer.drift.features import CLASS_EDGES, UNKNOWN_EDGES, Edges, counted
from consumer.manifest import ByClass, ClassHistogram, ClassShares, Reference, ReferenceScores, Served
from training.scoring.score import Scored

URGENCY_EDGES = np.linspace(0.0, 1.0, 21)  # to draw; drift has edges of its own
BINS = 20


def reference(
    labels: NDArray[np.int64],
    scored: Mapping[str, Scored],
    precisions: Mapping[str, Served],
    shares: ClassShares,
) -> Reference:
    """
    From calibration texts, all of which have a class of `labels` (rows,): their texts, and by precision their scores.

    Bins hold about as many messages each, once classes occur as in live traffic: there, drift is looked for.
    """
    sizes = np.bincount(labels, minlength=len(shares.live))
    weights = (np.array(shares.live) / np.maximum(sizes, 1))[labels]
    texts = next(iter(scored.values()))
    return Reference(
        token_length=_counted(texts.lengths, labels, _edges(texts.lengths, weights, texts.lengths.max() + 1)),
        unknown_share=_counted(texts.unknown_shares, labels, UNKNOWN_EDGES),
        precisions={
            name: _scores(each, precisions[name].temperature, labels, weights, shares)  # type: ignore[misc]
            for name, each in scored.items()
        },
    )


def _scores(
    scored: Scored, temperature: float, labels: NDArray[np.int64], weights: NDArray[np.float64], shares: ClassShares
) -> ReferenceScores:
    urgency = urgencies(scored.logits, temperature, prior_shift(shares))
    taken_for = probabilities(scored.logits, temperature).argmax(axis=1)
    return ReferenceScores(
        satisfaction=_counted(taken_for, labels, CLASS_EDGES),
        urgency=_counted(urgency, labels, _edges(urgency, weights, 1.0)),
    )


def _edges(values: NDArray[np.generic], weights: NDArray[np.float64], last: float) -> Edges:
    """From 0 to `last`, at weighted quantiles; where many values are equal there are fewer."""
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weights[order])
    places = np.searchsorted(below, below[-1] * np.arange(1, BINS) / BINS)
    inner = np.unique(values[order][places].astype(np.float64))
    return np.concatenate([[0.0], inner[(inner > 0) & (inner < last)], [float(last)]])


def _counted(values: NDArray[np.generic], labels: NDArray[np.int64], edges: Edges) -> ClassHistogram:
    rows = tuple(tuple(counted(edges, values[labels == label]).tolist()) for label in range(len(CLASS_EDGES) - 1))
    return ClassHistogram(edges=tuple(edges.tolist()), counts=cast("ByClass", rows))
