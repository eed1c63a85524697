"""Scores of messages by models that were fitted without them, in every precision that was made."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consumer.errors import SettingsError
from consumer.records import Satisfaction
from training.data import Labelled
from training.evaluating import baseline
from training.evaluating.score import Scored, score
from training.exporting.graphs import PRECISIONS

Folds = Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]


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


def fold_rows(messages: Labelled, folds: int, seed: int, *, whole_files: bool) -> Folds:
    """(rest, fold) row numbers, each class spread evenly over the folds, or whole files in turn."""
    if whole_files:
        if len(np.unique(messages.files)) < folds:
            raise SettingsError(f"{folds} folds of whole files need as many files: name more, or split files.")
        fold = messages.files % folds
    else:
        generator = np.random.default_rng(seed)
        fold = np.empty(len(messages), dtype=np.int64)
        for label in np.unique(messages.labels):
            rows = generator.permutation(np.flatnonzero(messages.labels == label))
            fold[rows] = np.arange(len(rows)) % folds
    return [(np.flatnonzero(fold != number), np.flatnonzero(fold == number)) for number in range(folds)]


def baseline_scores(messages: Labelled, folds: Folds) -> NDArray[np.float32]:
    """(rows, 5) of TF-IDF and logistic regression, on the same folds."""
    logits = np.empty((len(messages), len(Satisfaction)), dtype=np.float32)
    for rest, rows in folds:
        model = baseline.fit_baseline(messages.take(rest))
        logits[rows] = baseline.log_probabilities(model, messages.take(rows).texts)
    return logits


def _joined(parts: list[Scored], order: NDArray[np.int64]) -> Scored:
    tokens = [each for part in parts for each in part.tokens]
    return Scored(np.concatenate([part.logits for part in parts])[order], [tokens[place] for place in order])
