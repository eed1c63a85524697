"""The lowest priority there is, for what must never be in another process's way."""

import os
from contextlib import suppress
from pathlib import Path

LOWEST_NICE = 19
THREADS, SESSION = Path("/proc/self/task"), Path("/proc/self/autogroup")


def lowest() -> None:
    """
    This process works only where nobody else does: nice 19, and `SCHED_IDLE` on Linux.

    nice alone shares time out, but a processor with a patient thread still counts as taken: two threads of another
    process that wake up then run on the other one, in turns. With `SCHED_IDLE` it counts as free.
    (sched(7); 5.2 and 0.9 times the live p99, benchmarks/LOG.md)
    """
    threads = [int(path.name) for path in THREADS.iterdir()] if THREADS.is_dir() else [0]
    for thread in threads:  # the engine's too: on Linux each has its own
        os.setpriority(os.PRIO_PROCESS, thread, LOWEST_NICE)
        if hasattr(os, "SCHED_IDLE"):
            os.sched_setscheduler(thread, os.SCHED_IDLE, os.sched_param(0))
    if SESSION.exists() and os.getsid(0) == os.getpid():  # never of a session that others are in
        with suppress(OSError):
            SESSION.write_text(str(LOWEST_NICE))  # between sessions the kernel shares first, and by this one's nice


def as_asked() -> None:
    """
    The lowest, where whoever started this process gave it nice 19.

    To be called before an engine starts its threads, which inherit it.
    """
    if os.getpriority(os.PRIO_PROCESS, 0) >= LOWEST_NICE:
        lowest()
