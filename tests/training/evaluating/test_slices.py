import json

import numpy as np
import pytest

from training.evaluating.slices import FEWEST, OTHERS, length_buckets, slices

pytestmark = pytest.mark.train

ROWS = 200
LABELS = np.arange(ROWS) % 5
VERY = LABELS == 0


def found(columns: dict[str, list[str]], urgent: np.ndarray, predicted: np.ndarray = LABELS) -> dict[str, object]:
    return {f"{each.column}={each.value}": each for each in slices(columns, predicted, urgent, LABELS)}


def test_a_slice_counts_its_own_messages():
    """
    Recall of its very unsatisfied, needless answers to its 3 to 5 stars, accuracy of all.
    """
    half = ["shoes" if row < 100 else "books" for row in range(ROWS)]
    urgent = VERY & (np.arange(ROWS) < 100) | (LABELS == 3) & (np.arange(ROWS) >= 100)
    predicted = np.where(np.arange(ROWS) < 50, (LABELS + 1) % 5, LABELS)

    each = found({"category": half}, urgent, predicted)
    shoes, books = each["category=shoes"], each["category=books"]

    assert (shoes.rows, shoes.very_unsatisfied) == (100, 20)
    assert (shoes.recall.value, shoes.needless.value, shoes.accuracy.value) == (1.0, 0.0, 0.5)
    assert (books.recall.value, books.needless.value, books.accuracy.value) == (0.0, pytest.approx(1 / 3), 1.0)
    assert shoes.recall.low < 0.9


def test_the_worst_is_first_and_a_few_bad_messages_are_not():
    """
    One miss of four may be chance; 25 of 30 answered is not.
    """
    value = np.where(np.arange(ROWS) < 20, "few", np.where(np.arange(ROWS) < 170, "bad", "good"))
    urgent = VERY & ~np.isin(np.arange(ROWS), [0, 20, 25, 30, 35, 40])

    order = [each.value for each in slices({"channel": value.tolist()}, LABELS, urgent, LABELS)]

    assert order == ["bad", "few", "good"]


def test_a_slice_without_very_unsatisfied_messages_comes_last():
    """
    It has no recall to be bad at, and no number stands for it.
    """
    value = ["quiet" if label == 4 else "loud" for label in LABELS]

    *_, last = slices({"channel": value}, LABELS, VERY, LABELS)

    assert (last.value, last.very_unsatisfied, last.recall) == ("quiet", 0, None)
    assert json.loads(json.dumps(last.as_json(), allow_nan=False))["recall"] is None


def test_rare_values_are_told_together():
    """
    A column of order numbers makes one slice, not a thousand.
    """
    value = ["web" if row < 100 else f"order {row}" for row in range(ROWS)]

    each = found({"channel": value}, VERY)

    assert set(each) == {"channel=web", f"channel={OTHERS}"}
    assert each[f"channel={OTHERS}"].rows == 100
    assert FEWEST > 1


def test_lengths_are_told_in_buckets():
    """
    A bucket's ends belong to it.
    """
    assert length_buckets(np.array([2, 8, 9, 128, 129, 513])) == [
        "1-8",
        "1-8",
        "9-16",
        "65-128",
        "129-256",
        "over 512",
    ]
