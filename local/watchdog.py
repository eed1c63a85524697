"""
Kills a process group when whoever started it is gone, even by kill -9.

Run as a script of its own, `watchdog.py PID`: its standard input is a pipe that only the parent holds open, so it
ends with the parent, whichever way that ends. PR_SET_PDEATHSIG would be shorter, but it fires when the *thread* that
forked ends, and only on Linux.
"""

import contextlib
import os
import signal
import sys


def main() -> None:
    sys.stdin.buffer.read()
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(int(sys.argv[1]), signal.SIGKILL)


if __name__ == "__main__":
    main()
