"""What a day's work without a transformer gives: TF-IDF and logistic regression, on the same messages."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from training.data import Labelled


def fit_baseline(data: Labelled, seed: int = 0) -> Pipeline:
    """Words and pairs of words, sublinear counts, five classes."""
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=min(2, max(1, len(data) // 1000)))
    model = make_pipeline(vectorizer, LogisticRegression(max_iter=2000, random_state=seed))
    model.fit(data.texts, data.labels)
    return model


def log_probabilities(model: Any, texts: Sequence[str]) -> NDArray[np.float32]:
    """(rows, 5), in the place of logits, so that the same calibration and operating point follow."""
    logits: NDArray[np.float32] = np.log(model.predict_proba(texts) + 1e-12).astype(np.float32)
    return logits
