"""Python's collector of cyclic garbage, told what a stream is like."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# Twice what a window of 2,000 records makes, by some 25 each; in a longer one the collector runs for each so many. It
# counts objects, not bytes.
LIVE_OBJECTS = 100_000


@contextmanager
def rarely_collected() -> Iterator[None]:
    """
    What is there already counts as permanent, and the collector runs when so many more objects are alive.

    A window's objects live until it is committed, and form no cycles: their references alone free them. By Python's own
    threshold, 700 or 2,000 new objects, the collector ran dozens of times a window, and found nothing. Where something
    goes wrong a cycle may come about, mostly of a traceback: loop.py and following.py collect there.
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
