"""One poison text goes, and its neighbours stay; a broken model blames nobody."""

import numpy as np
import pytest

from consumer.errors import BackendError, RecordError
from consumer.isolate import isolate
from consumer.records import Tokens

POISON, NAN = 99, 77


def tokens(*ids: int) -> list[Tokens]:
    return [Tokens(np.array([each]), False, 0.0) for each in ids]


def infer(batch):
    if any(each.ids[0] == POISON for each in batch):
        raise RuntimeError("engine words that could quote the text")
    return np.array([[np.nan if each.ids[0] == NAN else each.ids[0]] * 5 for each in batch], dtype=np.float32)


@pytest.mark.parametrize("place", [0, 3, 6])
def test_poison_is_dead_and_its_neighbours_are_answered(place):
    """Wherever it stands in the batch, the poison alone has no logits, and every other row is its own."""
    ids = [1, 2, 3, 4, 5, 6]
    ids.insert(place, POISON)

    rows = isolate(infer, lambda: True, tokens(*ids))

    assert isinstance(rows[place], RecordError)
    assert rows[place].code == "inference-failed"
    assert [row[0] for n, row in enumerate(rows) if n != place] == [1, 2, 3, 4, 5, 6]


def test_logits_that_are_not_finite_are_nobodys_answer():
    """NaN is no decision: that record is dead-lettered, and its neighbours are not."""
    rows = isolate(infer, lambda: True, tokens(1, NAN, 2))

    assert rows[1].code == "inference-not-finite"
    assert (rows[0][0], rows[2][0]) == (1, 2)


def test_broken_backend_blames_no_record():
    """When a known-good text fails too, it is the backend."""
    with pytest.raises(BackendError, match="known-good text"):
        isolate(infer, lambda: False, tokens(1, POISON))


def test_a_known_good_text_without_memory_blames_no_record_either():
    """Whether the other one would have been well, nobody knows."""

    def starved():
        raise MemoryError

    with pytest.raises(BackendError, match="known-good text"):
        isolate(infer, starved, tokens(1, POISON))


def test_the_engines_words_stay_out_of_the_error():
    """An engine's message may quote what it was given."""
    [error] = isolate(infer, lambda: True, tokens(POISON))

    assert "quote" not in str(error)


def test_memory_error_is_not_the_records_fault():
    """Out of memory for one text alone, nothing is dead-lettered, though a shorter one is well."""

    def starved(batch):
        raise MemoryError

    with pytest.raises(BackendError, match="no memory for the model to answer a text of 1 tokens"):
        isolate(starved, lambda: True, tokens(1, 2))


def test_a_batch_that_memory_is_too_small_for_is_answered_in_parts():
    """As many texts at a time as there is some for."""

    def small(batch):
        if len(batch) > 2:
            raise MemoryError
        return infer(batch)

    rows = isolate(small, lambda: True, tokens(1, 2, 3, 4, 5))

    assert [row[0] for row in rows] == [1, 2, 3, 4, 5]


def test_one_texts_nan_that_spreads_over_its_batch_is_its_own():
    """A packed batch shares cells: its neighbours are asked again without it, and answered."""

    def spreading(batch):
        poisoned = any(each.ids[0] == NAN for each in batch)
        return np.array([[np.nan if poisoned else each.ids[0]] * 5 for each in batch], dtype=np.float32)

    rows = isolate(spreading, lambda: True, tokens(NAN, 1, 2, 3))

    assert isinstance(rows[0], RecordError)
    assert [row[0] for row in rows[1:]] == [1, 2, 3]
