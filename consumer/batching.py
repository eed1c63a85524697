"""Which texts of a window go through the model together."""

from collections.abc import Sequence

# To share them out batches are made no smaller than about this, where there is as much for each: each has its own cost.
LEAST_TOKENS = 128


def batches(lengths: Sequence[int], max_tokens: int, max_records: int, at_once: int = 1) -> list[list[int]]:
    """
    The indices of all texts, in batches of neighbours by length: what padding costs is what their lengths differ.

    The longest come first. A batch has at most `max_records` texts and `max_tokens` tokens, padding included (texts x
    longest); a text that is longer alone goes alone. Where `at_once` are computed at a time, batches get smaller
    towards the end, so that no core waits long for the one with the last: guided self-scheduling (Polychronopoulos and
    Kuck 1987) with half of the share. The same arguments always give the same batches.
    """
    order = sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True)
    left = sum(lengths)
    least = min(LEAST_TOKENS, left / at_once)
    found: list[list[int]] = []
    start = 0
    while start < len(order):
        tokens = max_tokens if at_once == 1 else min(max_tokens, max(least, left / (2 * at_once)))
        count = max(1, min(max_records, int(tokens) // max(1, lengths[order[start]])))
        batch = order[start : start + count]
        start += len(batch)
        left -= sum(lengths[index] for index in batch)
        found.append(batch)
    return found
