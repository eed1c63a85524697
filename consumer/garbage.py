"""Python's collector of cyclic garbage, told what a stream is like."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# More than the longest window by default has: some 25 objects of each of its 2,000 records.
LIVE_OBJECTS = 100_000


@contextmanager
def rarely_collected() -> Iterator[None]:
    """
    What is there already counts as permanent, and new objects are looked through when so many more are alive.

    A window's objects live until it is committed and form no cycles, so their references alone free them: by Python's
    own threshold of 700 each window is looked through dozens of times before it is done, for nothing. It was a quarter
    of all time that the loop takes beside the model (benchmarks/LOG.md).
    """
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(LIVE_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
