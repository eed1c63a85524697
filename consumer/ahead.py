"""Batches that are computed before anybody waits for them."""

import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Batch = TypeVar("Batch")  # whatever `start` knows the texts of a batch by
Finish = Callable[[], NDArray[np.float32]]


def ahead(start: Callable[[Batch], Finish], batches: Iterable[Batch], at_once: int) -> Iterator[tuple[Batch, Finish]]:
    """
    Each batch, in their order, with what waits for its logits. Twice as many as are computed `at_once` are started
    before the first of them is waited for.

    So what computes them is not without work while an answer is looked at, nor while a longer batch than the others is
    waited for. What `start` raises is raised by the waiting, in the batch's own turn. `batches` is taken from as it is
    needed, while those that were started are computed.
    """
    waiting: deque[tuple[Batch, Finish]] = deque()
    for batch in batches:
        waiting.append((batch, _started(start, batch)))
        if len(waiting) == 2 * at_once:
            yield waiting.popleft()
    yield from waiting


def _started(start: Callable[[Batch], Finish], batch: Batch) -> Finish:
    try:
        return start(batch)
    except Exception as problem:  # noqa: BLE001 - a backend raises whatever its engine raises
        failed = problem.with_traceback(None)  # whose frames would hold a GPU's memory while the batch is cut in halves

    def fail() -> NDArray[np.float32]:
        raise failed

    return fail


def begun(threads: Executor, compute: Callable[[], NDArray[np.float32]]) -> Finish:
    """`compute` in one of the threads, unless nobody waits for it any more before it has begun."""
    future = threads.submit(compute)
    finish = partial(future.result)
    # A batch of a window that was dropped would be computed for nobody, and at the end of the process waited for.
    weakref.finalize(finish, future.cancel)
    return finish
