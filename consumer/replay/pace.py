"""No more records a second than were allowed."""

import time
from collections.abc import Callable


class Pace:
    """Says how long to wait; `rate` is records a second, None as many as can be. `clock` counts seconds."""

    def __init__(self, rate: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._due = clock()  # when what was taken so far may have been taken

    def took(self, records: int) -> None:
        if self._rate is not None:
            # What was not used up while nothing came, or the model was slow, is not caught up with later.
            self._due = max(self._due, self._clock() - 1.0) + records / self._rate

    def wait_s(self) -> float:
        return 0.0 if self._rate is None else max(0.0, self._due - self._clock())
