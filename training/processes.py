"""One of several processes, as `torchrun` and `accelerate launch` start them: who writes and speaks, and who waits."""

import atexit
import os
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any, TypeVar

LONGEST_WAIT = timedelta(days=7)  # while the main process reads a million messages, or fetches a model

T = TypeVar("T")


def count() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    return int(os.environ.get("RANK", "0"))


def is_main() -> bool:
    return rank() == 0


def wait() -> None:
    """Until all have come here."""
    if count() > 1:
        from accelerate import PartialState  # type: ignore[import-untyped]

        PartialState().wait_for_everyone()


def decided(decide: Callable[[], T]) -> T:
    """What the main process decides, in all of them; the others do not ask."""
    if count() == 1:
        return decide()
    import torch

    together = _patient()
    answer = [decide() if is_main() else None]
    torch.distributed.broadcast_object_list(answer, src=0, group=together)
    return answer[0]  # type: ignore[return-value]


@cache
def _patient() -> Any:
    """All processes once more: those that the Trainer makes known to one another give up after minutes."""
    import torch
    from accelerate import PartialState

    PartialState(cpu=not torch.accelerator.is_available())  # else each is alone where there is none
    # Left to the interpreter's end, gloo's threads may still run then, and abort a process that had done all it should.
    atexit.register(torch.distributed.destroy_process_group)
    return torch.distributed.new_group(timeout=LONGEST_WAIT, backend="gloo")
