"""
`shikyu`, whole, but for a model that answers at once: what is left is all that stands around a model.

    python -m benchmarks.instant tokenizing run --config …          # every flag of `shikyu run`
    python -m benchmarks.instant plain run --config …               # and texts are not tokenized
"""

import sys
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from consumer import classify, cli
from consumer.records import Tokens


class Instant:
    """Logits that differ by text, so that both output topics get some."""

    at_once = 1

    def logits(self, token_ids: Sequence[NDArray[np.int64]]) -> NDArray[np.float32]:
        rows = np.zeros((len(token_ids), 5), np.float32)
        rows[[len(ids) % 2 == 0 for ids in token_ids], 0] = 5
        rows[:, 4] = 1
        return rows

    def start(self, token_ids: Sequence[NDArray[np.int64]]) -> Callable[[], NDArray[np.float32]]:
        return lambda: self.logits(token_ids)

    def give_back(self, token_ids: Sequence[NDArray[np.int64]]) -> None: ...


class Plain:
    """In the tokenizer's place: a text's length in characters, and none of its words."""

    special_tokens = 2

    def __init__(self, *_: object) -> None: ...

    def encode(self, texts: Sequence[str]) -> list[Tokens]:
        return [Tokens(NO_IDS[: 3 + len(text) % 64], False, 0.0) for text in texts]


NO_IDS = np.zeros(128, np.int64)


def main(how: str) -> int:
    classify._backend = lambda *_: Instant()  # noqa: SLF001 - a benchmark changes what a setting should not
    if how == "plain":
        classify.Tokenizer = Plain  # type: ignore[assignment,attr-defined]
    return cli.main(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
