"""Which products stay in fp32 so that int8 says what fp32 says: as few as that takes, the costliest to round first."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.exporting.int8 import int8_onnx, parameters, products_apart

Logits = NDArray[np.float32]
# How far one product's rounding moves the logits shows on few texts; how many labels that flips takes many.
TEXTS_TO_RANK, TEXTS_TO_COUNT = 64, 1000
# Of the disagreement that the gate lets pass on other messages, what may be there on these: they are a sample.
SHARE_OF_LIMIT = 0.5


@dataclass(frozen=True, slots=True)
class Kept:
    """`names` of the products that stay in fp32, of `of`; `agreement` of int8's labels with fp32's, on `texts`."""

    names: tuple[str, ...]
    of: int
    agreement: float
    texts: int


def kept_for(fp32: bytes, infer: Callable[[bytes, int], Logits], min_agreement: float) -> Kept:
    """
    `infer(graph, n)` gives a graph's logits (at most n, 5) of the same first n texts each time.

    One product at least stays int8, or there would be nothing to serve. Where no number of them agrees, the best that
    was tried is taken, and the gate has the last word.
    """
    exact = infer(fp32, TEXTS_TO_COUNT)
    sizes = parameters(products_apart(fp32))
    least = 1 - (1 - min_agreement) * SHARE_OF_LIMIT

    def agreement(kept: Sequence[str]) -> float:
        rounded = infer(int8_onnx(fp32, kept), TEXTS_TO_COUNT)
        return float((rounded.argmax(axis=1) == exact.argmax(axis=1)).mean())

    found = {0: agreement([])}
    if found[0] >= least:
        return Kept((), len(sizes), found[0], len(exact))
    ranked = _ranked(fp32, infer, exact[:TEXTS_TO_RANK], dict(sizes))
    few, enough = 0, len(ranked)
    while enough - few > 1:
        middle = (few + enough) // 2
        found[middle] = agreement(ranked[:middle])
        few, enough = (few, middle) if found[middle] >= least else (middle, enough)
    best = enough if enough in found else max(found, key=found.__getitem__)
    return Kept(tuple(sorted(ranked[:best])), len(sizes), found[best], len(exact))


def _ranked(fp32: bytes, infer: Callable[[bytes, int], Logits], exact: Logits, sizes: dict[str, int]) -> list[str]:
    """By how far each alone in int8 moves the logits, and by its weights: what is kept costs time by them."""

    def harm(name: str) -> float:
        rounded = infer(int8_onnx(fp32, [other for other in sizes if other != name]), TEXTS_TO_RANK)
        return float(np.square(rounded - exact).sum()) / sizes[name]

    harms = {name: harm(name) for name in sizes}
    return sorted(harms, key=harms.__getitem__, reverse=True)
