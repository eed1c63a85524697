"""SIGTERM and SIGINT: finish or drop the window in hand, then leave, whatever hangs."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from consumer.publish import Dropped
from consumer.watchdog import leave

LEAVE_S = 10.0  # from the signal to the end of the process
FINISH_S = 5.0  # of these, how long the window in hand may go on
TOGETHER_S = LEAVE_S - 1.0  # and by when nobody is waited for any more, before the last resort


class Stop:
    """Whether a signal was received, when, and which."""

    def __init__(self) -> None:
        self.at: float | None = None
        self.signal: str | None = None
        self._leaving_at: float | None = None

    def __call__(self) -> bool:
        return self.at is not None

    def request(self, name: str) -> None:
        self.at, self.signal = time.monotonic(), name

    def within(self, most_s: float) -> float:
        """
        How long a step of leaving may take: `most_s`, or less where all of them together have less left.

        They have TOGETHER_S from the signal on; without one (an error), from when the first of them asks.
        """
        if self._leaving_at is None:
            self._leaving_at = time.monotonic() if self.at is None else self.at
        return max(0.0, min(most_s, self._leaving_at + TOGETHER_S - time.monotonic()))

    def hurry(self) -> None:
        """Between two batches: drops the window that can't be finished in time."""
        if self.at is not None and time.monotonic() - self.at > FINISH_S:
            raise Dropped("told to leave before the window was answered")


@contextmanager
def on_signals() -> Iterator[Stop]:
    """In here a signal ends nothing by itself: whoever works has to look at what this yields."""
    stop = Stop()
    # Whatever hangs, the process is gone in time; nothing is lost by it.
    last_resort = threading.Timer(LEAVE_S - 0.5, leave, [f"leaving took longer than {LEAVE_S:.0f} s"])
    last_resort.daemon = True

    def told(number: int, _: object) -> None:
        # No log line here: the signal may have interrupted one, which holds the log's lock.
        if not stop():
            stop.request(signal.Signals(number).name)
            last_resort.start()

    before = {number: signal.signal(number, told) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        last_resort.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)
