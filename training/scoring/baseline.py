"""What a day's work without a transformer gives: TF-IDF and logistic regression, on the same messages."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from training.data import Labelled
from training.data.labelled import at_most

MOST_ROWS = 200_000  # as many as the reference run's; the memory it takes grows with the pairs of words there are


def fit_baseline(data: Labelled, shares: Sequence[float] | None = None, seed: int = 0) -> Pipeline:
    """
    Words and pairs of words, sublinear counts, five classes.

    It speaks for the class `shares` where they are given, as the transformer beside it does, and learns from all
    messages as they are.
    """
    data = learned(data, seed)
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=min(2, max(1, len(data) // 1000)))
    model = make_pipeline(vectorizer, LogisticRegression(max_iter=2000, random_state=seed))
    model.fit(data.texts, data.labels)
    if shares is not None:
        model[-1].intercept_ += np.log(shares) - np.log(data.class_shares())
    return model


def learned(data: Labelled, seed: int = 0) -> Labelled:
    """The messages it is fitted on: all of them, or of each class its share of MOST_ROWS."""
    return at_most(data, MOST_ROWS, seed)


def log_probabilities(model: Any, texts: Sequence[str]) -> NDArray[np.float32]:
    """(rows, 5), in the place of logits, so that the same calibration and operating point follow."""
    logits: NDArray[np.float32] = np.log(model.predict_proba(texts) + 1e-12).astype(np.float32)
    return logits
