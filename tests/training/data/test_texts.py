import numpy as np
import pyarrow as pa
import pytest

from training.data.texts import Texts, in_batches

pytestmark = pytest.mark.train

WORDS = [f"word {number}" for number in range(7)]
IN_CHUNKS = pa.chunked_array([WORDS[:3], WORDS[3:4], [], WORDS[4:]], pa.string())


def test_rows_come_in_their_order_whatever_the_chunks():
    """
    As of a list: one by one, from the end, in slices, all of them.
    """
    texts = Texts(IN_CHUNKS)

    assert len(texts) == 7
    assert [texts[row] for row in range(7)] == list(texts) == WORDS
    assert (texts[-1], texts[-7]) == (WORDS[-1], WORDS[0])
    assert list(texts[2:5]) == WORDS[2:5]
    assert list(texts[::-1]) == WORDS[::-1]


def test_rows_may_be_taken_in_any_order_and_again():
    """
    A split takes of what a filter took; nothing is copied.
    """
    taken = Texts(IN_CHUNKS).take(np.array([6, 0, 3, 3])).take(np.array([3, 0]))

    assert list(taken) == [WORDS[3], WORDS[6]]
    assert taken[0] == WORDS[3]


def test_a_row_that_is_not_there_is_an_error():
    """
    As of a list, or a loop over it would never end.
    """
    with pytest.raises(IndexError):
        Texts(IN_CHUNKS)[7]


def test_they_are_equal_to_the_same_texts():
    """
    Whatever holds these, in memory or in a file; and to no others.
    """
    assert Texts(IN_CHUNKS) == Texts.of(WORDS) == WORDS
    assert Texts(IN_CHUNKS) != WORDS[:6]
    assert Texts(IN_CHUNKS) != [*WORDS[:6], "other"]
    assert Texts.of(texts := Texts(IN_CHUNKS)) is texts


def test_batches_hold_every_text_once():
    """
    The last is what is left.
    """
    assert list(in_batches(Texts(IN_CHUNKS), 3)) == [WORDS[:3], WORDS[3:6], WORDS[6:]]
    assert list(in_batches([], 3)) == []
