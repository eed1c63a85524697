"""A real PostgreSQL of Debian's package, in a folder of its own, run by somebody who is not root."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

import psycopg

from local.ports import free_port
from local.processes import Child
from tests.system_packages import required

DEBIANS = Path("/usr/lib/postgresql")
# Nothing that a test wants to know needs the disk to be waited for.
OPTIONS = ("fsync=off", "full_page_writes=off", "unix_socket_directories=", "listen_addresses=127.0.0.1")


class Postgres:
    """A context manager; dies with this process. Skips the test, or fails it in CI, where there is no PostgreSQL."""

    def __init__(self) -> None:
        self._programs = Path(required("initdb", sorted(DEBIANS.glob("*/bin"), reverse=True))).resolve().parent
        self._folder = Path(tempfile.mkdtemp(prefix="shikyu-postgres-"))  # pytest's own is root's alone
        self._port = free_port()
        self._child: Child | None = None
        self._as = self._unprivileged()

    def __enter__(self) -> Self:
        initdb = [*self._as, str(self._programs / "initdb"), "-D", str(self._folder / "data")]
        options = ["-U", "tickets", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8"]
        done = subprocess.run([*initdb, *options], cwd=self._folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        self.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Returns when it answers."""
        settings = [word for option in (*OPTIONS, f"port={self._port}") for word in ("-c", option)]
        command = [*self._as, str(self._programs / "postgres"), "-D", str(self._folder / "data"), *settings]
        self._child = Child.start(command, folder=self._folder, log=self._folder / "log")
        until = time.monotonic() + 30
        while not self._answers():
            assert self._child.exit_code() is None, self._child.last_lines()
            assert time.monotonic() < until, self._child.last_lines()
            time.sleep(0.05)

    def stop(self) -> None:
        """At once, as if the power had failed: whoever is connected is cut off."""
        if self._child is None:
            return
        if self._child.exit_code() is None:
            os.kill(self._child.pid, signal.SIGQUIT)
        until = time.monotonic() + 10
        while self._child.exit_code() is None and time.monotonic() < until:
            time.sleep(0.02)
        self._child.kill()
        self._child = None

    def create(self, database: str) -> str:
        """A database of this name, and its URL."""
        with psycopg.connect(self._address("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{database}"')
        return self._address(database)

    def _address(self, database: str) -> str:
        return f"postgresql://tickets@127.0.0.1:{self._port}/{database}"

    def _answers(self) -> bool:
        try:
            psycopg.connect(self._address("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _unprivileged(self) -> list[str]:
        """What stands before a command: PostgreSQL refuses to be run by root."""
        if os.geteuid():
            return []
        user = pwd.getpwnam("postgres")
        os.chown(self._folder, user.pw_uid, user.pw_gid)
        return [required("setpriv"), f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
