"""Scores of messages by models that were fitted without them, in every precision that was made."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consumer.records import Satisfaction
from training.data import Labelled
from training.data.folds import Folds
from training.run_folder import PRECISIONS
from training.scoring import baseline
from training.scoring.score import Scored, score


@dataclass(frozen=True, slots=True)
class Calibration:
    """What temperature and threshold are chosen on: `scored` by precision, rows as in `labels`."""

    labels: NDArray[np.int64]
    scored: Mapping[str, Scored]


def held_out(files: Mapping[str, bytes], messages: Labelled, max_length: int) -> Calibration:
    """By the very model that is shipped, on messages that were kept from it."""
    return Calibration(
        messages.labels,
        {
            precision: score(files, model_file, messages.texts, max_length)
            for precision, model_file in PRECISIONS.items()
            if model_file in files
        },
    )


def in_folds(files: Iterable[Mapping[str, bytes]], messages: Labelled, folds: Folds, max_length: int) -> Calibration:
    """
    By as many models as there are folds, each fitted on the others; `files` are theirs, in the folds' order.

    Every message counts, where messages are few; the shipped model has seen them all and is a little better than those
    measured. The promise then assumes that its scores are distributed like theirs. Tokenizer, word vectors and masked
    words are of all the texts, so what a fold's model has not seen is their labels.
    """
    parts = [held_out(each, messages.take(rows), max_length) for each, (_, rows) in zip(files, folds, strict=True)]
    order = np.argsort(np.concatenate([rows for _, rows in folds]))
    return Calibration(
        messages.labels, {name: _joined([part.scored[name] for part in parts], order) for name in parts[0].scored}
    )


def baseline_scores(messages: Labelled, folds: Folds) -> NDArray[np.float32]:
    """(rows, 5) of TF-IDF and logistic regression, on the same folds."""
    logits = np.empty((len(messages), len(Satisfaction)), dtype=np.float32)
    for rest, rows in folds:
        model = baseline.fit_baseline(messages.take(rest))
        logits[rows] = baseline.log_probabilities(model, messages.take(rows).texts)
    return logits


def _joined(parts: list[Scored], order: NDArray[np.int64]) -> Scored:
    return Scored(
        np.concatenate([part.logits for part in parts])[order],
        np.concatenate([part.lengths for part in parts])[order],
        np.concatenate([part.unknown_shares for part in parts])[order],
    )
