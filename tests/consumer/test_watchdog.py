"""A call that hangs ends the process, whoever holds the log."""

import os
import subprocess
import sys
import threading
import time

from consumer.watchdog import Watchdog


def test_a_block_in_time_is_left_alone():
    """And so is everything after it."""
    left = []
    watchdog = Watchdog(left.append)
    with watchdog(5, "a call"):
        pass
    time.sleep(0.3)

    assert left == []


def test_a_block_that_hangs_is_left():
    """With the name of the call."""
    left = threading.Event()
    said = []
    watchdog = Watchdog(lambda why: (said.append(why), left.set()))
    with watchdog(0.1, "commit_transaction"):
        assert left.wait(5)

    assert said == ["commit_transaction hangs"]


def test_leaving_does_not_wait_for_the_log():
    """A log whose lock is held, or whose reader is gone, keeps no process alive."""
    code = (
        "import threading, structlog\n"
        "from consumer import watchdog\n"
        "lock = threading.Lock(); lock.acquire()\n"
        "structlog.configure(processors=[lambda *a: lock.acquire()])\n"
        "watchdog.leave('it hangs')\n"
    )
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], env=os.environ, timeout=20, check=False)

    assert done.returncode == 3
    assert time.monotonic() - began < 10
