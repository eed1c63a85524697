"""Ticketing as a process of its own, told by a plan, which may have it killed or stopped at a named place."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[3]


class Desk:
    """What it says is in `log`."""

    def __init__(self, plan: dict, path: Path) -> None:
        self._path = path
        with path.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "error", "-m", "tests.examples.ticketing.process", json.dumps(plan)],
                cwd=ROOT, stdout=out, stderr=out,
            )  # fmt: skip

    @property
    def log(self) -> str:
        return self._path.read_text()

    def says(self, words: str, within_s: float = 30) -> None:
        until = time.monotonic() + within_s
        while words not in self.log:
            assert self.process.poll() is None or words in self.log, self.log
            assert time.monotonic() < until, self.log
            time.sleep(0.02)

    def killed(self) -> None:
        assert self.process.wait(30) == -signal.SIGKILL, self.log

    def ended(self, within_s: float = 30) -> int:
        return self.process.wait(within_s)

    def stop(self) -> int:
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGCONT)
            self.process.terminate()
        try:
            return self.process.wait(15)
        finally:
            self.process.kill()
            self.process.wait()


def main(plan: dict) -> None:
    import logging
    from datetime import timedelta

    from examples.ticketing import service
    from examples.ticketing.cli import Stop
    from examples.ticketing.database import Database
    from examples.ticketing.errors import TicketingError
    from examples.ticketing.events import Reader

    logging.basicConfig(level=logging.INFO)
    kafka = {
        "bootstrap.servers": plan["bootstrap"],
        "group.id": plan["group"],
        "session.timeout.ms": "1500",
        "heartbeat.interval.ms": "300",
        "fetch.wait.max.ms": "50",
    }
    ticketing = service.Ticketing(
        kafka,
        plan["topics"],
        Reader("json"),
        Database(plan["url"]),
        timedelta(hours=1),
        Stop(),
        visit=_visitor(*plan.get("at", ("nowhere", 0, 0))),
        patience_s=plan.get("patience_s", 60.0),
        batch=plan.get("batch", 5),
    )
    try:
        ticketing.run()
    except TicketingError as error:
        print(error)
        sys.exit(error.exit_code)


def _visitor(named: str, times: int, number: int) -> Callable[[str], None]:
    """Sends itself the signal `number` when it is at the named place for so many times."""
    visits = 0

    def visit(place: str) -> None:
        nonlocal visits
        visits += place == named
        if place == named and visits == times:
            os.kill(os.getpid(), number)

    return visit


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
