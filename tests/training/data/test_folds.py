import numpy as np
import pytest

from consumer.errors import SettingsError
from training.data import Labelled
from training.data.folds import fold_rows

pytestmark = pytest.mark.train


def messages(texts, labels, files=None) -> Labelled:
    return Labelled(tuple(texts), np.array(labels), np.array(files or [0] * len(labels), dtype=np.int32))


def test_a_text_that_is_stored_twice_is_in_one_fold():
    """
    Else the fold's model has seen it with its label; each class stays spread, and other labels change nothing.
    """
    generator = np.random.default_rng(0)
    labels = np.tile(np.arange(5), 60)
    texts = [f"message {generator.integers(100)}" for _ in labels]

    for rest, rows in fold_rows(messages(texts, labels), 4, seed=0, whole_files=False):
        assert sorted([*rest, *rows]) == list(range(300))
        assert not {texts[row] for row in rows} & {texts[row] for row in rest}
        assert np.abs(np.bincount(labels[rows]) - 15).max() <= 3


def test_copies_of_one_class_leave_every_class_as_even_as_it_was():
    """
    Those that stand alone fill up what the copies leave.
    """
    labels = np.repeat(np.arange(5), 20)
    texts = [f"message {row if row % 20 >= 6 else row - row % 20 + row % 3}" for row in range(100)]

    for _, rows in fold_rows(messages(texts, labels), 5, seed=3, whole_files=False):
        assert np.bincount(labels[rows]).tolist() == [4] * 5


def test_without_copies_folds_are_those_that_models_were_made_with():
    """
    Each class in a random order, dealt out in turn.
    """
    labels = np.random.default_rng(5).integers(0, 5, 103)
    generator, dealt = np.random.default_rng(7), np.empty(103, dtype=np.int64)
    for label in range(5):
        rows = generator.permutation(np.flatnonzero(labels == label))
        dealt[rows] = np.arange(len(rows)) % 4

    found = fold_rows(messages(map(str, range(103)), labels), 4, seed=7, whole_files=False)

    for number, (rest, rows) in enumerate(found):
        assert rows.tolist() == np.flatnonzero(dealt == number).tolist()
        assert rest.tolist() == np.flatnonzero(dealt != number).tolist()


def test_between_whole_files_a_copy_is_left_out_of_the_rest():
    """
    Files stay whole, so that both are scored, each by a model that has learned from neither.
    """
    texts = [*(f"message {row}" for row in range(10)), "message 3", *(f"message {row}" for row in range(11, 20))]

    one, other = fold_rows(messages(texts, [0, 1, 2, 3, 4] * 4, [0] * 10 + [1] * 10), 2, seed=0, whole_files=True)

    assert (one[1].tolist(), other[1].tolist()) == ([*range(10)], [*range(10, 20)])
    assert (one[0].tolist(), other[0].tolist()) == ([*range(11, 20)], [0, 1, 2, 4, 5, 6, 7, 8, 9])


def test_a_class_that_stands_in_one_fold_alone_is_refused():
    """
    Files by mood: that fold's model would know four classes, and it would be found out after all fits.
    """
    by_mood = messages(map(str, range(25)), np.repeat(np.arange(5), 5), np.repeat(np.arange(5), 5).tolist())
    rare = messages(map(str, range(21)), [0] + [1, 2, 3, 4] * 5)

    with pytest.raises(SettingsError, match=r"Without fold 1 of 5, no message with 1 stars is left .* whole_files"):
        fold_rows(by_mood, 5, seed=0, whole_files=True)
    with pytest.raises(SettingsError, match=r"Without fold 1 of 2, no message with 1 stars is left .* label more"):
        fold_rows(rare, 2, seed=0, whole_files=False)


def test_every_fold_has_messages():
    """
    A fold of none has nothing to be scored; files that are left without messages count for none.
    """
    few = messages(map(str, range(10)), [0, 1, 2, 3, 4] * 2, [0, 2] * 5)

    with pytest.raises(SettingsError, match="3 folds need as many messages"):
        fold_rows(few, 3, seed=0, whole_files=False)
    with pytest.raises(SettingsError, match="3 folds of whole files"):
        fold_rows(few, 3, seed=0, whole_files=True)
    assert [len(rows) for _, rows in fold_rows(few, 2, seed=0, whole_files=True)] == [5, 5]
