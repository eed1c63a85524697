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


def leave(why: str) -> None:
    """No clean-up: it is a clean-up that hangs. A successor in the same slot takes over at once."""
    log.error("watchdog-exit", why=why)
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
