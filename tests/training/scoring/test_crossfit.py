import numpy as np
import pytest

from consumer.errors import SettingsError
from training.data import Labelled
from training.data.folds import fold_rows
from training.scoring.crossfit import baseline_scores

pytestmark = pytest.mark.train

MESSAGES = Labelled(
    tuple(f"{word} number {number}" for number in range(6) for word in ("awful", "bad", "plain", "good", "great")),
    np.array([0, 1, 2, 3, 4] * 6),
    np.repeat([0, 1, 2], 10),
)


@pytest.mark.parametrize("whole_files", [False, True])
def test_every_message_is_in_one_fold_and_never_in_the_rest_of_its_own(whole_files):
    """
    What a model is scored on, it has not seen.
    """
    folds = fold_rows(MESSAGES, 3, seed=0, whole_files=whole_files)

    assert sorted(np.concatenate([rows for _, rows in folds])) == list(range(30))
    for rest, rows in folds:
        assert sorted([*rest, *rows]) == list(range(30))
        assert np.bincount(MESSAGES.labels[rows]).tolist() == [2] * 5


def test_whole_files_are_never_split_between_folds():
    """
    Who wrote the messages of a fold wrote none of the rest.
    """
    for rest, rows in fold_rows(MESSAGES, 3, seed=0, whole_files=True):
        assert not set(MESSAGES.files[rest]) & set(MESSAGES.files[rows])
    with pytest.raises(SettingsError, match="4 folds of whole files"):
        fold_rows(MESSAGES, 4, seed=0, whole_files=True)


def test_the_baseline_is_scored_on_the_same_folds():
    """
    Each row gets the log-probabilities of a model that had not seen it.
    """
    scores = baseline_scores(MESSAGES, fold_rows(MESSAGES, 3, seed=0, whole_files=True))

    np.testing.assert_allclose(np.exp(scores).sum(axis=1), 1.0, rtol=1e-5)
    assert (scores.argmax(axis=1) == MESSAGES.labels).all()
