"""Standard streams that are closed, full or no longer read: what the shell or the disk did is no bug of ours."""

import os
import sys
from typing import Any, TextIO, cast


def reopen_closed() -> None:
    """
    Gives what was closed (`>&-`) its number back, or the next socket would be taken for the standard output.

    Nothing is read there, standard error's lines are lost, and writing to standard output fails as it would have.
    """
    modes = {"stdin": (os.O_RDONLY, "r"), "stdout": (os.O_RDONLY, "w"), "stderr": (os.O_WRONLY, "w")}
    for number, (name, (flags, mode)) in enumerate(modes.items()):
        if getattr(sys, name) is None:
            given = os.open(os.devnull, flags)
            if given != number:
                os.dup2(given, number)
                os.close(given)
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def refusal(stream: TextIO) -> OSError | None:
    """Why the stream takes no more, or None; asked by writing a line's end to it."""
    try:
        # A flush would not do: what is longer than the buffer leaves nothing in it when it fails.
        stream.write("\n")
        stream.flush()
    except OSError as error:
        return error
    return None


def let_go() -> None:
    """Drops what could not be written, or the interpreter would try again at its end, and change the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if not _flushed(stream):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def lossy(stream: TextIO) -> TextIO:
    """The stream, but what cannot be written is lost: a full disk of logs must not stop the service."""
    return cast("TextIO", _Lossy(stream))


class _Lossy:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except (OSError, ValueError):  # ValueError: it is closed
            return len(text)

    def flush(self) -> None:
        _flushed(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _flushed(stream: TextIO) -> bool:
    try:
        stream.flush()
    except (OSError, ValueError):
        return False
    return True
