"""Ends the process when a call of librdkafka hangs for good: nothing else ends such a call."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from consumer.errors import SurroundingsError

log = structlog.get_logger()

LOOK_S = 0.1
TELL_S = 0.3


def leave(why: str) -> None:
    """No clean-up: it is a clean-up that hangs. A successor in the same slot takes over at once."""
    # Whoever hangs may hold the log's lock, or its reader may be gone: telling must not keep the process.
    telling = threading.Thread(target=log.error, args=["watchdog-exit"], kwargs={"why": why}, daemon=True)
    telling.start()
    telling.join(TELL_S)
    os._exit(SurroundingsError.exit_code)


class Watchdog:
    """
    `with watchdog(limit_s, what)` exits the process when the block takes longer.

    librdkafka 2.16's send_offsets_to_transaction() ignores its timeout and can hang when the group's coordinator goes
    away (librdkafka#5456, #5511), and close() can hang too (confluent-kafka-python#1667).
    """

    def __init__(self, leave: Callable[[str], None] = leave) -> None:
        self._leave = leave
        self._what = ""
        self._deadline = float("inf")
        threading.Thread(target=self._look, name="watchdog", daemon=True).start()

    @contextmanager
    def __call__(self, limit_s: float, what: str) -> Iterator[None]:
        self._what = what
        self._deadline = time.monotonic() + limit_s
        try:
            yield
        finally:
            self._deadline = float("inf")

    def _look(self) -> None:
        while time.monotonic() < self._deadline:
            time.sleep(LOOK_S)
        self._leave(f"{self._what} hangs")
