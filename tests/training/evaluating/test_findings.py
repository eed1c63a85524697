import json

import numpy as np
import pytest

from training.data import Labelled
from training.evaluating.answers import Answers
from training.evaluating.findings import columns_of, findings

pytestmark = pytest.mark.train
SOURCES = {"own": 1.0, "public": 1.0}

ROWS = 100
LABELS = np.arange(ROWS) % 5


def answers() -> Answers:
    """Right but for the last ten, whose stars it takes for one more or less."""
    probabilities = np.full((ROWS, 5), 0.05)
    probabilities[np.arange(ROWS), np.where(np.arange(ROWS) < 90, LABELS, np.abs(LABELS - 1))] = 0.8
    urgency = probabilities[:, :2].sum(axis=1)
    return Answers(probabilities, urgency, urgency >= 0.5)


def test_one_set_of_answers_gives_every_figure_as_json():
    """
    What the consumer decided, classes, curves and slices; no figure is NaN, which JSON has no word for.
    """
    found = findings(answers(), LABELS, {"channel": ["web"] * ROWS})
    told = json.loads(json.dumps(found.as_json(), allow_nan=False))

    assert told["accuracy"] == 0.9
    assert told["recall"]["value"] == told["operating_point"]["recall"] == 1.0
    assert told["needless"]["value"] == pytest.approx(told["operating_point"]["needless"])
    assert told["needless"]["low"] < told["needless"]["value"] < told["needless"]["high"]
    assert told["confusion"]["mean_absolute_error_stars"]["value"] == pytest.approx(0.1)
    assert told["curves"]["very_unsatisfied"] == 20
    assert [each["value"] for each in told["slices"]] == ["web"]
    answered, rows = told["per_class"]["answered"], told["per_class"]["rows"]
    assert rows == [20] * 5
    assert answered[0] == 20
    assert sum(answered[2:]) / sum(rows[2:]) == pytest.approx(told["operating_point"]["needless"])


def test_slices_are_told_by_columns_sources_and_length():
    """
    Where all messages come from one place, that place is no slice.
    """
    tokens = np.array([4, 40])
    texts, labels, files = ("a", "b"), np.array([0, 1]), np.array([0, 0])

    mixed = Labelled(texts, labels, files, {"shop": ("x", "y")}, np.array([0, 1]), SOURCES)

    assert columns_of(mixed, tokens) == {"shop": ("x", "y"), "source": ["own", "public"], "tokens": ["1-8", "33-64"]}
    assert set(columns_of(Labelled(texts, labels, files, {}, np.array([0, 0]), SOURCES), tokens)) == {"tokens"}


def test_a_column_that_is_called_like_one_of_ours_is_told_beside_it():
    """
    Neither takes the other's place.
    """
    texts, labels, files, tokens = ("a", "b"), np.array([0, 4]), np.array([0, 1]), np.array([5, 40])
    columns = {"source": ("mail", "web"), "tokens": ("few", "many")}
    mixed = Labelled(texts, labels, files, columns, np.array([0, 1]), SOURCES)

    assert columns_of(mixed, tokens) == {
        "source (column)": ("mail", "web"),
        "tokens (column)": ("few", "many"),
        "source": ["own", "public"],
        "tokens": ["1-8", "33-64"],
    }
