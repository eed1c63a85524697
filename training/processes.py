"""One of several processes, as `torchrun` and `accelerate launch` start them: who writes and speaks, and who waits."""

import os
from collections.abc import Callable
from typing import TypeVar

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
    from accelerate.utils import broadcast_object_list  # type: ignore[import-untyped]

    [answer] = broadcast_object_list([decide() if is_main() else None])
    return answer  # type: ignore[no-any-return]
