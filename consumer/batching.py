"""Which texts of a window go through the model together."""

from collections.abc import Sequence


def batches(lengths: Sequence[int], max_tokens: int, max_records: int) -> list[list[int]]:
    """
    The indices of all texts, in batches of neighbours by length: what padding costs is what their lengths differ.

    A batch has at most `max_records` texts and `max_tokens` tokens, padding included (texts x longest); a text that
    is longer alone goes alone. The same lengths always give the same batches.
    """
    found: list[list[int]] = []
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        # Sorted, so this text is the longest of the batch it would join.
        if batch and (len(batch) == max_records or (len(batch) + 1) * lengths[index] > max_tokens):
            found.append(batch)
            batch = []
        batch.append(index)
    if batch:
        found.append(batch)
    return found
