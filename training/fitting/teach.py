"""
Teaching a small transformer what TF-IDF and logistic regression learn at once: soft labels on fragments of the texts.

From few messages a transformer built from scratch hardly finds out which words matter, and a linear model does in a
second. The teacher labels made-up pieces of the messages (runs of clauses, sometimes of two messages), so that the
student sees many more texts than there are messages (distillation, arXiv:1503.02531; on made-up texts, 1903.12136).
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline, make_union

from training.data import STARS, Labelled
from training.data.folds import fold_rows
from training.data.labelled import at_most
from training.scoring.baseline import MOST_ROWS, fit_baseline

CLAUSE_END = re.compile(r"(?<=[.!?…])\s+|\n+|(?<=[,;:—])\s+")


def fit_teacher(messages: Labelled) -> Pipeline:
    """Words, pairs of words, emphasis marks and parts of words; five classes. Of MOST_ROWS messages at most."""
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"(?u)\b\w+\b|[!?]+")  # noqa: S106 - tokens of text
    parts = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=2)
    teacher = make_pipeline(make_union(words, parts), LogisticRegression(C=4.0, max_iter=2000))
    some = at_most(messages, MOST_ROWS, seed=0)
    teacher.fit(some.texts, some.labels)
    return teacher


def taught(teacher: Any, texts: Sequence[str], sharpness: float) -> NDArray[np.float32]:
    """The teacher's probabilities (rows, 5), each to the power of `sharpness`: a linear model is too modest."""
    probabilities: NDArray[np.float64] = teacher.predict_proba(list(texts)) ** sharpness
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return probabilities.astype(np.float32)


def taught_in_folds(
    messages: Labelled, folds: int, sharpness: float, seed: int, shares: Sequence[float] | None = None
) -> NDArray[np.float32]:
    """
    (rows, 5), of each message by a teacher that has not seen its label.

    A teacher that has would only say it again, and not which messages read like others' (cross-fitting, Wolpert 1992).
    The teachers are what the model is measured beside: words and pairs of words, which do for many messages. They speak
    for the class `shares`, or for the messages' own.
    """
    said = np.empty((len(messages), len(STARS)), dtype=np.float32)
    for rest, rows in fold_rows(messages, folds, seed, whole_files=False):
        said[rows] = taught(fit_baseline(messages.take(rest), shares), messages.take(rows).texts, sharpness)
    return said


def fragments(texts: Sequence[str], count: int, seed: int) -> list[str]:
    """`count` runs of whole clauses, half of them with a run of another message behind."""
    generator = np.random.default_rng(seed)
    clauses = [[clause for clause in CLAUSE_END.split(text) if clause.strip()] for text in texts]
    made: list[str] = []
    while len(made) < count:
        run = _run(clauses, generator)
        made.append(f"{run} {_run(clauses, generator)}" if generator.random() < 0.5 else run)
    return made


def _run(clauses: Sequence[Sequence[str]], generator: np.random.Generator) -> str:
    chosen = clauses[int(generator.integers(len(clauses)))]
    length = int(generator.integers(1, len(chosen) + 1))
    start = int(generator.integers(len(chosen) - length + 1))
    return " ".join(chosen[start : start + length])
