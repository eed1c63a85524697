"""How long messages are in the tokens of the model to come, before there is one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from training.data.labelled import taken
from training.data.texts import in_batches
from training.fitting import loading, model, tokenizer
from training.progress import Say
from training.recipe import SCRATCH, Model

MOST_MEASURED = 20_000  # a share of them is less than a point off (95 %), and a million would take minutes
MOST_CHARACTERS = 100_000  # far more than any model reads, and one text may be a book
BARS_WITHIN = 8  # of the histogram, up to max_length
BEYOND = (1.5, 2, 4, 8)  # times max_length; what is longer still stands in the last bar


@dataclass(frozen=True, slots=True)
class Lengths:
    """
    Of `rows` messages, special tokens included; `cut` is the share that is longer than `max_length`.

    `counts[i]` have more than `edges[i]` tokens and at most as many as the next edge says, or more in the last.
    """

    rows: int
    max_length: int
    median: int
    nine_in_ten: int
    ninety_nine_in_hundred: int
    longest: int
    cut: float
    edges: tuple[int, ...]
    counts: tuple[int, ...]


def tokenizer_of(recipe: Model, texts: Sequence[str], seed: int, say: Say = lambda _: None) -> PreTrainedTokenizerBase:
    """
    The base model's own, or from scratch one learned from the texts; of more than MOST_MEASURED, from so many of them.

    `say` hears what the Hub is asked, which may keep one waiting. SettingsError or SurroundingsError where there can
    be none.
    """
    if recipe.base != SCRATCH:
        loading.reach(recipe.base, say, again=True)  # else a Hub that does not answer is waited for, for minutes
        return model.checkpoint_tokenizer(recipe.base, recipe.revision)
    return tokenizer.train(some(texts, seed), recipe.vocab_size, lower_case=recipe.lower_case)


def lengths(words: PreTrainedTokenizerBase, texts: Sequence[str], max_length: int, seed: int) -> Lengths | None:
    """Of all the texts, or of MOST_MEASURED drawn at random. None of no text."""
    if not len(texts):
        return None
    tokens = _tokens(words, some(texts, seed))
    median, nine, ninety_nine = np.quantile(tokens, (0.5, 0.9, 0.99), method="higher").tolist()
    within = np.linspace(0, max_length, BARS_WITHIN + 1).round()
    edges = np.array([*within, *(max_length * times for times in BEYOND)], dtype=np.int64)
    counts = np.histogram(np.minimum(tokens, edges[-1]) - 0.5, edges)[0]
    return Lengths(
        rows=len(tokens),
        max_length=max_length,
        median=median,
        nine_in_ten=nine,
        ninety_nine_in_hundred=ninety_nine,
        longest=int(tokens.max()),
        cut=float((tokens > max_length).mean()),
        edges=tuple(edges.tolist()),
        counts=tuple(counts.tolist()),
    )


def some(texts: Sequence[str], seed: int) -> Sequence[str]:
    """All of them, or MOST_MEASURED drawn at random, in their order."""
    if len(texts) <= MOST_MEASURED:
        return texts
    return taken(texts, np.sort(np.random.default_rng(seed).permutation(len(texts))[:MOST_MEASURED]))


def _tokens(words: PreTrainedTokenizerBase, texts: Sequence[str]) -> NDArray[np.int64]:
    found: list[int] = []
    for batch in in_batches(texts):
        found += map(len, words([text[:MOST_CHARACTERS] for text in batch])["input_ids"])
    return np.array(found, dtype=np.int64)
