import numpy as np
import pytest

from consumer.errors import SettingsError
from tests.training.data.made_up_messages import text
from training.preparing import lengths as module
from training.preparing.lengths import lengths, some, tokenizer_of
from training.recipe import Model

pytestmark = pytest.mark.train

TEXTS = [text("lengths", number, 1) for number in range(40)]


def words(texts: list[str]) -> dict[str, list[list[int]]]:
    """A tokenizer's fake: a token a word, and one at each end."""
    return {"input_ids": [[0] * (len(text.split()) + 2) for text in texts]}


def of_words(*counts: int) -> list[str]:
    return [" ".join("x" * count) for count in counts]


def test_what_is_longer_than_max_length_is_cut():
    """
    Special tokens count, and a text of just so many is read whole.
    """
    found = lengths(words, of_words(1, 6, 7, 98), max_length=8, seed=0)

    assert (found.rows, found.median, found.longest, found.cut) == (4, 9, 100, 0.5)
    assert found.nine_in_ten == found.ninety_nine_in_hundred == 100


def test_the_histogram_holds_every_message_and_shows_what_is_cut():
    """
    The bars up to max_length are read whole; the last holds all that is longer.
    """
    found = lengths(words, of_words(*range(1, 100)), max_length=16, seed=0)

    read = found.edges.index(16)
    assert sum(found.counts) == 99
    assert sum(found.counts[read:]) / 99 == found.cut
    assert found.edges[-1] == 8 * 16
    assert len(found.counts) == len(found.edges) - 1


def test_of_many_messages_some_are_drawn_at_random(monkeypatch):
    """
    The same ones for the same seed, and it is told how many.
    """
    monkeypatch.setattr(module, "MOST_MEASURED", 10)

    assert lengths(words, of_words(*range(1, 100)), 8, seed=0).rows == 10
    assert list(some(TEXTS, 1)) == list(some(TEXTS, 1)) != list(some(TEXTS, 2))
    assert set(some(TEXTS, 1)) < set(TEXTS)


def test_of_no_message_there_is_no_length():
    """
    A split may be empty while it is looked at.
    """
    assert lengths(words, [], 8, seed=0) is None


def test_from_scratch_the_tokenizer_is_the_one_the_fit_would_learn():
    """
    Of the same texts: the same tokens.
    """
    from training.fitting.tokenizer import train

    own, fitted = tokenizer_of(Model(vocab_size=100), TEXTS, 0), train(TEXTS, 100)

    assert own(TEXTS)["input_ids"] == fitted(TEXTS)["input_ids"]
    assert lengths(own, TEXTS, 8, 0).cut > 0


@pytest.mark.parametrize(
    ("model", "texts", "message"),
    [(Model(base="/nowhere/at/all"), TEXTS, "cannot be loaded"), (Model(), [], "too few for a vocabulary")],
)
def test_where_there_can_be_no_tokenizer_it_says_why(model, texts, message):
    """
    A base that is not there, or texts too few.
    """
    with pytest.raises(SettingsError, match=message):
        tokenizer_of(model, texts, 0)


def test_a_book_is_not_tokenized_to_its_end(monkeypatch):
    """
    Nor would a model read it.
    """
    monkeypatch.setattr(module, "MOST_CHARACTERS", 20)

    assert lengths(words, of_words(1000), 8, 0).longest == 12


def test_the_tokens_are_counted_a_batch_at_a_time():
    """
    So that those of a million texts are never in memory together.
    """
    sizes = []

    def counting(texts: list[str]) -> dict[str, list[list[int]]]:
        sizes.append(len(texts))
        return words(texts)

    lengths(counting, of_words(*[3] * 2500), 8, 0)

    assert sizes == [1000, 1000, 500]
    assert np.sum(sizes) == 2500
