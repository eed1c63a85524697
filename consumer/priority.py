"""The lowest priority there is, for what must never be in another process's way."""

import os
import time
from contextlib import suppress
from pathlib import Path

LOWEST_NICE = 19
THREADS, SESSION = Path("/proc/self/task"), Path("/proc/self/autogroup")
TRIES, TRY_AGAIN_S = 20, 0.05  # the kernel takes one such wish in a tenth of a second, of all users but root


def lowest() -> None:
    """
    This process works only where nobody else does: nice 19, and `SCHED_IDLE` on Linux, as far as the system lets it.

    nice alone shares time out, but a processor with a patient thread still counts as taken: two threads of another
    process that wake up then run on the other one, in turns. With `SCHED_IDLE` it counts as free.
    (sched(7); 5.2 and 0.9 times the live p99, benchmarks/LOG.md)
    """
    threads = [int(path.name) for path in THREADS.iterdir()] if THREADS.is_dir() else [0]
    for thread in threads:  # the engine's too: on Linux each has its own
        with suppress(OSError):  # it has ended meanwhile, or a sandbox knows no such policy
            os.setpriority(os.PRIO_PROCESS, thread, LOWEST_NICE)
            if hasattr(os, "SCHED_IDLE"):
                os.sched_setscheduler(thread, os.SCHED_IDLE, os.sched_param(0))
    if is_shared_by_sessions() and os.getsid(0) == os.getpid():  # never of a session that others are in
        _lower_session()


def is_shared_by_sessions() -> bool:
    """Whether the kernel shares between sessions first, and this process may say that its own gets less."""
    return os.access(SESSION, os.W_OK)


def _lower_session() -> None:
    with suppress(OSError):
        session = os.open(SESSION, os.O_WRONLY)
        try:
            for _ in range(TRIES):
                with suppress(BlockingIOError):
                    os.write(session, str(LOWEST_NICE).encode())
                    return
                time.sleep(TRY_AGAIN_S)
        finally:
            os.close(session)


def as_asked() -> None:
    """
    The lowest, where whoever started this process gave it nice 19.

    To be called before an engine starts its threads, which inherit it.
    """
    if os.getpriority(os.PRIO_PROCESS, 0) >= LOWEST_NICE:
        lowest()
