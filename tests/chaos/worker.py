"""
`shikyu run`'s whole service with a model that answers at once, and places to be killed or stopped at.

    python -m tests.chaos.worker '{"settings": {…}, "slow_s": 0.0}'

Lines in are {"signal": "KILL" or "STOP", "place": …, "after_s": …}: at its next visit there. Lines out are the places
that it visits.
"""

import json
import os
import signal
import sys
import threading
import time
import zlib

import numpy as np

from consumer import logs, service
from consumer.errors import ShikyuError
from consumer.health import Health
from consumer.metrics import Metrics
from consumer.records import ModelVersion, Tokens
from consumer.settings import Settings
from consumer.stop import on_signals
from tests.chaos.feed import UNANSWERABLE
from tests.delivery.worker import Model

KILLER = "this takes the process down"
TOLD = ("assigned", "revoked", "lost", "committed")  # the conductor waits for these alone


class Places:
    """Visits, told to the conductor, and what it ordered for one of them."""

    def __init__(self) -> None:
        self._order: dict | None = None
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in sys.stdin:
            self._order = json.loads(line)

    def __call__(self, place: str) -> None:
        if place in TOLD:
            print(place, flush=True)
        order = self._order
        if order and order["place"] == place:
            self._order = None
            if order["after_s"]:
                threading.Timer(order["after_s"], os.kill, [os.getpid(), order["signal"]]).start()
            else:
                os.kill(os.getpid(), order["signal"])


class Fake(Model):
    """A checksum says what is urgent; UNANSWERABLE makes it fail, and KILLER takes the process with it."""

    model = ModelVersion("fake", "1", "fp32")
    max_length = 128
    tokens_per_s = 1e6

    def __init__(self, visit, slow_s: float) -> None:
        super().__init__(0.0, 0)
        self._visit, self._slow_s = visit, slow_s

    def tokenize(self, texts):
        odd = {UNANSWERABLE: 9, KILLER: 8}
        numbers = [odd.get(text, zlib.crc32(text.encode()) % 5) for text in texts]
        return [Tokens(np.array([number]), False, 0.0) for number in numbers]

    def infer(self, tokens):
        self._visit("model")
        time.sleep(self._slow_s)
        if any(each.ids[0] == 8 for each in tokens):
            os.kill(os.getpid(), signal.SIGKILL)
        if any(each.ids[0] == 9 for each in tokens):
            raise RuntimeError("the fake model fails")
        return super().infer(tokens)


def main(plan: dict) -> int:
    settings = Settings.model_validate(plan["settings"])
    logs.configure(settings.log)
    visit = Places()
    with on_signals() as stop:
        try:
            service.run(settings, Fake(visit, plan["slow_s"]), Metrics(), Health(60), stop, visit=visit)
        except ShikyuError as error:
            return error.exit_code
    return 0


if __name__ == "__main__":
    # A parent that is killed leaves no consumer behind: its pipe ends, and writing to it does too.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.exit(main(json.loads(sys.argv[1])))
