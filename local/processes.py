"""Processes that die with the one that started them, and leave their last words in a log file."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from local import watchdog


class Child:
    """A process in a group of its own: Ctrl-C reaches only the parent, which then stops its children in order."""

    def __init__(self, process: subprocess.Popen[bytes], guard: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._guard = guard
        self.log = log

    @classmethod
    def start(
        cls, command: Sequence[str], *, folder: Path, log: Path, environment: Mapping[str, str] | None = None
    ) -> Self:
        """Start `command` in `folder`, all that it says appended to `log`; `environment` replaces this process's."""
        with log.open("ab") as output:
            process = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
        guard = subprocess.Popen(
            [sys.executable, "-I", "-S", watchdog.__file__, str(process.pid)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        return cls(process, guard, log)

    @property
    def pid(self) -> int:
        return self._process.pid

    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def kill(self) -> None:
        """SIGKILL; returns when it is gone."""
        self._signal(signal.SIGKILL)
        self._process.wait()
        self.release()

    def terminate(self) -> None:
        """SIGTERM; returns at once."""
        self._signal(signal.SIGTERM)

    def stop(self, patience_s: float) -> int:
        """SIGTERM, then SIGKILL when it takes longer than `patience_s`; its exit code."""
        self.terminate()
        try:
            self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
        code = self._process.wait()
        self.release()
        return code

    def release(self) -> None:
        """Let it outlive its parent. Also the last thing after its end: its number may be another's soon."""
        self._guard.kill()
        self._guard.wait()
        if self._guard.stdin:
            self._guard.stdin.close()

    def last_lines(self, count: int = 15) -> str:
        """The end of its log, without blank lines and the frames of Java's stack traces."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join([line for line in lines if line.strip() and not line.startswith("\tat ")][-count:])

    def _signal(self, number: signal.Signals) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, number)
