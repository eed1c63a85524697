"""
Texts to measure speed with: of the lengths that real reviews have, and made of the sample messages' words.

    python -m benchmarks.texts --reviews FOLDER

counts the lengths of a folder's test reviews anew and writes benchmarks/lengths.json, which holds no text. Where the
variable REVIEWS names a folder, as in `make bench REVIEWS=folder`, all benchmarks take the lengths of its reviews.
"""

import gzip
import json
import os
import random
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import cycle, islice
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

MAX_LENGTH = 128
LENGTHS = Path(__file__).parent / "lengths.json"
SAMPLE = Path(__file__).parents[1] / "artifacts" / "sample"
MESSAGES = Path(__file__).parents[1] / "training" / "sample"
WORDS_LEARNED_FROM, VOCABULARY = 20_000, 12_000
MOST_DIFFERENT = 5000


@cache
def lengths() -> NDArray[np.float64]:
    """(128,): the share of texts with 1, 2, … tokens, special ones among them; the last has all that are cut off."""
    folder = os.environ.get("REVIEWS")
    counts = counted(Path(folder)) if folder else json.loads(LENGTHS.read_bytes())["texts"]
    return np.array(counts) / sum(counts)


def alike(tokens: int) -> NDArray[np.float64]:
    """(tokens,): as `lengths`, when every text has so many."""
    shares = np.zeros(tokens)
    shares[-1] = 1
    return shares


def counted(reviews: Path) -> list[int]:
    """By a tokenizer that has learned from the training reviews."""
    from training.fitting import tokenizer

    train = [text for text, _ in zip(_texts(reviews / "train.jsonl.gz"), range(WORDS_LEARNED_FROM), strict=False)]
    words = tokenizer.train(train, VOCABULARY)
    found = [len(words(text)["input_ids"]) for text in _texts(reviews / "test.jsonl.gz")]
    counts: list[int] = np.bincount(np.minimum(found, MAX_LENGTH), minlength=MAX_LENGTH + 1)[1:].tolist()
    return counts


def texts(shares: NDArray[np.float64], count: int, seed: int) -> list[str]:
    """
    `count` texts, each of exactly so many of the sample artifact's tokens, as `shares` has them: even quantiles of it.

    So any count has the same mean, and `seed` chooses words and order. After MOST_DIFFERENT of them, they come again.
    """
    from consumer.tokenization import Tokenizer

    words = Tokenizer((SAMPLE / "tokenizer.json").read_bytes(), len(shares))
    known = sorted(
        {word for path in sorted(MESSAGES.glob("*.jsonl")) for text in _lines(path) for word in text.split()}
    )
    by_size = sorted(
        (len(each.ids) - words.special_tokens, word) for each, word in zip(words.encode(known), known, strict=True)
    )
    generator = random.Random(seed)  # noqa: S311 - guards no secret
    chosen = quantiles(shares, min(count, MOST_DIFFERENT))
    generator.shuffle(chosen)
    made = [_text(length - words.special_tokens, by_size, generator) for length in chosen]
    return list(islice(cycle(made), count))


def quantiles(shares: NDArray[np.float64], count: int) -> list[int]:
    """So many lengths, the shortest first, that are as common among them as `shares` says."""
    found: list[int] = (1 + np.searchsorted(np.cumsum(shares), (np.arange(count) + 0.5) / count)).tolist()
    return found


def _text(length: int, by_size: Sequence[tuple[int, str]], generator: random.Random) -> str:
    """Of so many tokens, from words with theirs, the smallest first."""
    chosen: list[str] = []
    while length > 0:
        size, word = by_size[generator.randrange(bisect_right(by_size, length, key=lambda each: each[0]))]
        chosen.append(word)
        length -= size
    return " ".join(chosen)


def _texts(path: Path) -> Iterator[str]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)["text"]


def _lines(path: Path) -> list[str]:
    return [json.loads(line)["text"] for line in path.read_text(encoding="utf-8").splitlines()]


@click.command()
@click.option("--reviews", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
def main(reviews: Path) -> None:
    """Count the lengths of a folder's test reviews."""
    LENGTHS.write_text(json.dumps({"max_length": MAX_LENGTH, "texts": counted(reviews)}) + "\n")


if __name__ == "__main__":
    main()
