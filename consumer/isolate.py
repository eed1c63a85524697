"""Finds the one poison text in a batch that the model refuses, so that its neighbours are answered."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from consumer.dead_letters import INFERENCE_FAILED, INFERENCE_NOT_FINITE, Reason
from consumer.errors import BackendError, RecordError
from consumer.records import Tokens

Infer = Callable[[Sequence[Tokens]], NDArray[np.float32]]


def isolate(
    infer: Infer, healthy: Callable[[], bool], batch: Sequence[Tokens]
) -> list[NDArray[np.float32] | RecordError]:
    """
    Logits (labels,) per text, or why there are none.

    A batch that raises is cut in halves until the culprit stands alone: at most 2 log2(B) + 1 more calls for one
    culprit. Before any text is blamed, `healthy` asks the model about a known-good one; if that fails too,
    BackendError says so. So it does where there is no memory for one text alone, which is no fault of the text's.
    """
    try:
        logits = infer(batch)
    except MemoryError as problem:
        starved = problem.with_traceback(None)  # as below
        if len(batch) == 1:
            raise BackendError(
                f"there is no memory for the model to answer a text of {len(batch[0].ids)} tokens. Nothing was "
                "dead-lettered; give the process, or its GPU, more of it, or lower model.threads, then start again"
            ) from starved
    except Exception as problem:  # noqa: BLE001 - a backend raises whatever its engine raises
        # Its traceback has frames that hold the future which it came of: a cycle that would keep the whole window.
        failed = problem.with_traceback(None)
        if len(batch) == 1:
            return [_blame(healthy, INFERENCE_FAILED, failed)]
    else:
        if np.isfinite(logits).all():
            return list(logits)
        if len(batch) == 1:
            return [_blame(healthy, INFERENCE_NOT_FINITE, None)]
    # One text's NaN can spread over its batch: who is to blame shows only alone.
    half = len(batch) // 2
    return isolate(infer, healthy, batch[:half]) + isolate(infer, healthy, batch[half:])


def _blame(healthy: Callable[[], bool], reason: Reason, cause: Exception | None) -> RecordError:
    try:
        is_healthy = healthy()
    except MemoryError:
        is_healthy = False
    if not is_healthy:
        raise BackendError(
            f"the model fails on a known-good text too ({type(cause).__name__ if cause else reason.code}): the backend "
            "is broken, not the message. Nothing was dead-lettered; check the artifact and the memory, then start again"
        ) from cause
    error = reason.error()
    error.__cause__ = cause
    return error
