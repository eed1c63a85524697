"""A batch as one padded grid."""

import numpy as np
import pytest

from consumer.padding import pad, padding_id


def test_shorter_texts_are_padded_behind_and_masked():
    """With the model's own id, and nothing of it seen."""
    padded = pad([np.array([5, 6, 7]), np.array([8])], pad_id=1)

    assert padded["input_ids"].tolist() == [[5, 6, 7], [8, 1, 1]]
    assert padded["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert padded["token_type_ids"].tolist() == [[0, 0, 0], [0, 0, 0]]
    assert {each.dtype for each in padded.values()} == {np.dtype(np.int64)}


@pytest.mark.parametrize("texts", [[], [np.array([], dtype=np.int64)]])
def test_a_batch_without_a_token_is_a_bug(texts):
    """Every text has its special tokens."""
    with pytest.raises(ValueError, match="This is a bug"):
        pad(texts, 0)


def test_the_padding_s_id_is_the_configuration_s():
    """RoBERTa's is 1, ModernBERT's beyond 50,000; none can be guessed."""
    assert padding_id({"pad_token_id": 50283}) == 50283
    with pytest.raises(ValueError, match="pad_token_id is None"):
        padding_id({})
