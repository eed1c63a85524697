"""What several threads would say again and again, said once and then now and then."""

import threading
import time


class Repeats:
    """For any thread."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._lock = threading.Lock()
        self._until: dict[str, float] = {}

    def is_due(self, what: str) -> bool:
        """Whether to say it now: the first time, and again when so long has passed."""
        with self._lock:
            now = time.monotonic()
            if now < self._until.get(what, now):
                return False
            self._until[what] = now + self._every_s
            return True

    def is_over(self, what: str) -> None:
        """The next time is the first again."""
        with self._lock:
            self._until.pop(what, None)
