"""
`shikyu`, whole, but for a model that answers at once: what is left is all that stands around a model.

    python -m benchmarks.instant tokenizing run --config …          # every flag of `shikyu run`
    python -m benchmarks.instant plain run --config …               # and texts are not tokenized
    python -m benchmarks.instant 20000 run --config …               # 20,000 texts a second, beside us as GPUs do
"""

import sys
import time
from collections.abc import Callable, Sequence
from functools import partial

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


class Beside(Instant):
    """
    As a GPU's backend: a batch's kernels are started by our thread, and computed behind the ones before, without it.
    """

    def __init__(self, texts_per_s: float) -> None:
        self._text_s = 1 / texts_per_s
        self._busy_until = 0.0

    def start(self, token_ids: Sequence[NDArray[np.int64]]) -> Callable[[], NDArray[np.float32]]:
        until = time.perf_counter() + KERNELS_S
        while time.perf_counter() < until:
            pass  # what starts kernels keeps the interpreter's lock, mostly
        self._busy_until = max(until, self._busy_until) + self._text_s * len(token_ids)
        return partial(self._finish, self._busy_until, token_ids)

    def _finish(self, at: float, token_ids: Sequence[NDArray[np.int64]]) -> NDArray[np.float32]:
        time.sleep(max(0.0, at - time.perf_counter()))
        return self.logits(token_ids)


class Plain:
    """In the tokenizer's place: a text's length in characters, and none of its words."""

    special_tokens = 2

    def __init__(self, *_: object) -> None: ...

    def encode(self, texts: Sequence[str]) -> list[Tokens]:
        return [Tokens(NO_IDS[: 3 + len(text) % 64], False, 0.0) for text in texts]


NO_IDS = np.zeros(128, np.int64)
KERNELS_S = 0.005  # of a batch: some 300, at about 15 microseconds each by torch
AS_ON_A_GPU = ("--model-device", "cuda", "--model-precision", "fp32")


def main(how: str) -> int:
    backend = Beside(float(how)) if how.isdecimal() else Instant()
    classify._backend = lambda *_: backend  # noqa: SLF001 - a benchmark changes what a setting should not
    if how == "plain":
        classify.Tokenizer = Plain  # type: ignore[assignment,attr-defined]
    return cli.main([*sys.argv[2:], *(AS_ON_A_GPU if how.isdecimal() else ())])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
