import numpy as np
import pytest
import torch
from transformers import DebertaV2Model

from tests.training.interrupted import SIZES
from training.fitting.model import begin_with, config_from_scratch, token_width
from training.fitting.word_vectors import word_vectors

pytestmark = pytest.mark.train

FOOD, TOOLS = (0, 1, 2, 3), (4, 5, 6, 7)
NEVER_SEEN = 9


def texts():
    """Tokens 0 to 3 stand among themselves, 4 to 7 too; 8 stands with all."""
    drawn = np.random.default_rng(1)
    return [[*drawn.choice(group, 6), 8] for _ in range(300) for group in (FOOD, TOOLS)]


def vectors(given):
    made = np.zeros((10, 4))
    tokens, rows = word_vectors(given, 10, 4, seed=0)
    made[tokens] = rows
    return tokens, made / np.maximum(np.linalg.norm(made, axis=1, keepdims=True), 1e-9)


def test_tokens_that_keep_the_same_company_begin_near_each_other():
    """
    And far from the others.
    """
    _, unit = vectors(texts())

    alike = unit @ unit.T

    assert alike[np.ix_(FOOD, FOOD)].min() > 0.5
    assert alike[np.ix_(FOOD, TOOLS)].max() < 0


def test_a_token_that_stands_nowhere_has_no_vector():
    """
    So that it begins as it would without.
    """
    tokens, _ = vectors(texts())

    assert NEVER_SEEN not in tokens
    assert set(FOOD) <= set(tokens)


def test_vectors_are_centred_and_of_one_deviation_and_the_same_every_time():
    """
    Whatever the texts are, and although the SVD draws at random.
    """
    _, rows = word_vectors(texts(), 10, 4, seed=0)
    _, again = word_vectors(iter(texts()), 10, 4, seed=0)

    assert rows.mean(axis=0) == pytest.approx(np.zeros(4), abs=1e-6)
    assert rows.std() == pytest.approx(1.0, rel=1e-5)
    assert np.array_equal(rows, again)


def test_no_text_reaches_into_the_next():
    """
    The last word of one message is no neighbour of the first of another.
    """
    tokens, _ = word_vectors([[0], [1], [2]], 10, 4, seed=0)

    assert len(tokens) == 0


def test_more_columns_than_tokens_stay_empty():
    """
    A small vocabulary in a wide model.
    """
    _, rows = word_vectors(texts(), 10, 64, seed=0)

    assert rows.shape[1] == 64
    assert not rows[:, 9:].any()


def test_the_model_begins_with_them_as_large_as_its_own_weights():
    """
    Tokens without a vector keep what they were drawn with.
    """
    encoder = DebertaV2Model(config_from_scratch(SIZES, 10))
    drawn = encoder.embeddings.word_embeddings.weight.detach().clone()
    tokens, rows = word_vectors(texts(), 10, token_width(encoder), seed=0)

    begin_with(encoder, tokens, rows)

    weights = encoder.embeddings.word_embeddings.weight.detach()
    assert weights[tokens].numpy() == pytest.approx(rows * SIZES["initializer_range"])
    assert torch.equal(weights[NEVER_SEEN], drawn[NEVER_SEEN])
