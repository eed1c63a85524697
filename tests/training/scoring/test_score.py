import tracemalloc

import numpy as np
import pytest

from consumer.batching import batches
from consumer.records import Tokens
from training.scoring.score import MAX_BATCH_RECORDS, MAX_BATCH_TOKENS, scored

pytestmark = pytest.mark.train

TOKENS_EACH = 100


def tokenize(texts) -> list[Tokens]:
    return [Tokens(np.arange(int(text), dtype=np.int64), False, 1 / int(text)) for text in texts]


def told_by_the_batch(tokens):
    """So that a test sees which batch a text was in; no served model's answers depend on it."""
    sizes = [len(each.ids) for each in tokens]
    found = np.array(
        [[size, sum(sizes), max(sizes), len(sizes), place] for place, size in enumerate(sizes)], np.float32
    )
    return lambda: found


def test_a_text_is_scored_in_the_batch_that_all_texts_together_give():
    """
    Whatever the windows that they are tokenized in; lengths and unknown shares stand in the texts' order.
    """
    texts = [str(length) for length in np.random.default_rng(0).integers(1, 200, 3500)]
    tokens = tokenize(texts)
    expected = np.empty((len(texts), 5), dtype=np.float32)
    for rows in batches([len(each.ids) for each in tokens], MAX_BATCH_TOKENS, MAX_BATCH_RECORDS):
        expected[rows] = told_by_the_batch([tokens[row] for row in rows])()

    found = scored(texts, tokenize, told_by_the_batch)

    np.testing.assert_array_equal(found.logits, expected)
    assert found.lengths.tolist() == [len(each.ids) for each in tokens]
    assert found.unknown_shares.tolist() == [each.unknown_share for each in tokens]


def test_tokens_are_held_for_a_window_and_not_for_all_texts():
    """
    20,000 texts of 100 tokens are 16 MB of them; a million would be 800.
    """
    texts = [str(TOKENS_EACH)] * 20_000
    tracemalloc.start()

    scored(texts, tokenize, told_by_the_batch)

    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 8 * TOKENS_EACH * len(texts) / 2
