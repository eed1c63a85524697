"""
Where each token begins: vectors from which others it stands near, before a transformer has read anything.

Positive pointwise mutual information of tokens within a few places of each other, its rank cut by an SVD: what
word2vec comes to (Levy & Goldberg 2014, "Neural Word Embedding as Implicit Matrix Factorization", which weighs nearer
tokens more and rare contexts less, too). Minutes for a hundred thousand messages, where masked words take hours.
"""

from collections.abc import Iterable, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from sklearn.utils.extmath import randomized_svd

WINDOW = 5  # tokens to either side; one at distance d counts 1 / d
CONTEXT_SMOOTHING = 0.75  # a context's count to this power, so that rare ones weigh less
TEXTS_AT_ONCE = 10_000


def word_vectors(
    token_ids: Iterable[Sequence[int]], vocab_size: int, width: int, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """
    The tokens (n,) that stand beside others in the texts, and their vectors (n, width): mean 0 a column, deviation 1.

    Fewer tokens than `width`: the last columns are 0.
    """
    information = _information(_near(token_ids, vocab_size))
    tokens = np.flatnonzero(information.sum(axis=1))
    rank = min(width, len(tokens))
    vectors = np.zeros((len(tokens), width), dtype=np.float32)
    if rank:
        left, weights, _ = randomized_svd(information[tokens], rank, n_iter=3, random_state=seed)
        vectors[:, :rank] = left * np.sqrt(weights)
        vectors -= vectors.mean(axis=0)
        vectors /= vectors.std() or 1.0
    return tokens, vectors


def _near(token_ids: Iterable[Sequence[int]], vocab_size: int) -> csr_array:
    """(vocab, vocab): how often each token stands near each other one, nearer ones counting more."""
    counts, texts = csr_array((vocab_size, vocab_size), dtype=np.float32), iter(token_ids)
    while some := list(islice(texts, TEXTS_AT_ONCE)):
        tokens = np.concatenate([np.asarray(ids, dtype=np.int32) for ids in some])
        text = np.repeat(np.arange(len(some)), [len(ids) for ids in some])
        for distance in range(1, WINDOW + 1):
            together = text[:-distance] == text[distance:]
            pairs = tokens[:-distance][together], tokens[distance:][together]
            share = np.full(len(pairs[0]), 1 / distance, dtype=np.float32)
            counts = counts + coo_array((share, pairs), shape=counts.shape).tocsr()
    return counts + counts.T


def _information(counts: csr_array) -> csr_array:
    """log of how much more often two tokens stand near each other than by chance, where that is more."""
    near = counts.tocoo()
    token, context = counts.sum(axis=1), counts.sum(axis=0) ** CONTEXT_SMOOTHING
    rows, columns = near.coords
    gain = np.log(near.data * context.sum() / (token[rows] * context[columns]))
    more = gain > 0
    return csr_array((gain[more], (rows[more], columns[more])), shape=counts.shape)
