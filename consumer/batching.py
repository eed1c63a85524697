"""Which texts of a window go through the model together."""

import math
from collections.abc import Sequence

# From so many batches for each that computes, it does not count that some have one more than others.
MANY = 64


def batches(lengths: Sequence[int], max_tokens: int, max_records: int, at_once: int = 1) -> list[list[int]]:
    """
    The indices of all texts, in batches of neighbours by length: what padding costs is what their lengths differ.

    A batch has at most `max_records` texts and `max_tokens` tokens, padding included (texts x longest); a text that
    is longer alone goes alone. The longest come first, so that the last to be done is soon done. Where `at_once` are
    computed at a time, few batches are made smaller, and about as many for each. The same arguments always give the
    same batches.
    """
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    found = _cut(order, lengths, max_tokens, max_records)
    if at_once == 1 or len(found) > MANY * at_once:
        return found[::-1]
    wanted = math.ceil(len(found) / at_once) * at_once
    least, most = 0, max_tokens  # which is enough for as many as are wanted
    while most - least > 1:
        middle = (least + most) // 2
        smaller = _cut(order, lengths, middle, max_records)
        if len(smaller) > wanted:
            least = middle
        else:
            most, found = middle, smaller
    return found[::-1]


def _cut(order: Sequence[int], lengths: Sequence[int], max_tokens: int, max_records: int) -> list[list[int]]:
    found: list[list[int]] = []
    batch: list[int] = []
    for index in order:
        # Sorted, so this text is the longest of the batch it would join.
        if batch and (len(batch) == max_records or (len(batch) + 1) * lengths[index] > max_tokens):
            found.append(batch)
            batch = []
        batch.append(index)
    if batch:
        found.append(batch)
    return found
