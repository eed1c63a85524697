"""Texts of one set that stand in another too, word for word or nearly."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

ROWS_AT_ONCE = 512
# Parts that many texts share tell no copy from another, and comparing by them takes minutes on 30,000 texts.
COMMON_SHARE, COMMON_COUNT = 0.01, 50


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Row `row` of the first set is row `other` of the second, `similarity` (0 to 1) near."""

    row: int
    other: int
    similarity: float


def duplicates(texts: Sequence[str], others: Sequence[str], similarity: float = 0.8) -> list[Duplicate]:
    """
    The nearest neighbour in `others` of each of `texts` that has one: cosine of counts of rarer character 5-grams.

    Letters' case, digits and white space do not count; an exact copy has similarity 1.
    """
    if not texts or not others:
        return []
    common = max(COMMON_COUNT, int(COMMON_SHARE * len(others)))
    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(5, 5), use_idf=False, preprocessor=plain, max_df=common)
    there = vectorizer.fit_transform(others)
    found: list[Duplicate] = []
    for start in range(0, len(texts), ROWS_AT_ONCE):
        # Texts shorter than five letters have no 5-gram: they are compared as they are, below.
        cosine = vectorizer.transform(texts[start : start + ROWS_AT_ONCE]) @ there.T
        nearest, most = np.asarray(cosine.argmax(axis=1)).ravel(), cosine.max(axis=1).toarray().ravel()
        rows = np.flatnonzero(most >= similarity)
        found += [Duplicate(start + int(row), int(nearest[row]), float(most[row])) for row in rows]
    exact = {plain(other): number for number, other in enumerate(others)}
    seen = {duplicate.row for duplicate in found}
    found += [
        Duplicate(row, exact[plain(text)], 1.0)
        for row, text in enumerate(texts)
        if row not in seen and plain(text) in exact
    ]
    return sorted(found, key=lambda duplicate: duplicate.row)


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"\d", "0", text.casefold())).strip()
