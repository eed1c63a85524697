"""A key that is pressed at the terminal, without Enter."""

import os
import re
import select
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SLICE_S = 0.1
LEAVE = set(b"qQ\x04")  # the last is Ctrl-D
_SEQUENCE = re.compile(rb"\x1b(?:\[[0-9;]*[A-Za-z~]|O.|.)")  # an arrow, a function key, Alt with a letter

Pressed = Callable[[float], bool]  # whether somebody wants to leave within so many seconds


@contextmanager
def leaving(stopping: Callable[[], bool]) -> Iterator[Pressed]:
    """By q or Ctrl-D where standard input is a terminal, and whenever `stopping` holds."""
    if not sys.stdin.isatty():
        yield lambda within_s: _waited(within_s, stopping, _never)
        return
    import termios  # which there is where there are such terminals
    import tty

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor)
    try:
        yield lambda within_s: _waited(within_s, stopping, lambda slice_s: _is_pressed(descriptor, slice_s))
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _waited(within_s: float, stopping: Callable[[], bool], pressed: Pressed) -> bool:
    until = time.monotonic() + within_s
    while (left := until - time.monotonic()) > 0 and not stopping():
        if pressed(min(SLICE_S, left)):
            return True
    return stopping()


def _is_pressed(descriptor: int, within_s: float) -> bool:
    if not select.select([descriptor], [], [], within_s)[0]:
        return False
    pressed = os.read(descriptor, 64)
    return not pressed or bool(LEAVE & set(_SEQUENCE.sub(b"", pressed)))  # nothing: the terminal is gone


def _never(within_s: float) -> bool:
    time.sleep(within_s)
    return False
