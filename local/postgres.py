"""A real PostgreSQL on this machine: the system's package, a folder of its own, and somebody who is not root."""

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self
from urllib.parse import quote

from consumer.errors import SurroundingsError
from local.ports import claim
from local.processes import Child

DEBIANS = Path("/usr/lib/postgresql")
# It is thrown away with its folder: nothing has to survive a power cut.
OPTIONS = ("fsync=off", "full_page_writes=off", "unix_socket_directories=", "listen_addresses=127.0.0.1")
START_LIMIT_S = 60


class Postgres:
    """A context manager; dies with this process. A free port unless one is named. Raises SurroundingsError."""

    def __init__(self, user: str = "tickets", password: str | None = None, port: int | None = None) -> None:
        self._programs = _programs()
        self.port = claim(port, "PostgreSQL")
        self._user, self._password = user, password or secrets.token_urlsafe(16)
        # Root's own folders are closed to whom it runs as.
        self._folder = Path(tempfile.mkdtemp(prefix="shikyu-postgres-"))
        self._child: Child | None = None
        self._as = self._unprivileged()

    def __enter__(self) -> Self:
        try:
            self._initdb()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *raised: object) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Returns when it answers."""
        settings = [word for option in (*OPTIONS, f"port={self.port}") for word in ("-c", option)]
        command = [*self._as, str(self._programs / "postgres"), "-D", str(self._folder / "data"), *settings]
        self._child = Child.start(command, folder=self._folder, log=self._folder / "log")
        until = time.monotonic() + START_LIMIT_S
        while not self._answers():
            if self._child.exit_code() is not None or time.monotonic() > until:
                raise SurroundingsError(f"PostgreSQL did not start; the end of its log:\n{self._child.last_lines()}")
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

    def check(self) -> None:
        """Raise SurroundingsError when it ended by itself."""
        if self._child and self._child.exit_code() is not None:
            raise SurroundingsError(f"PostgreSQL ended; the end of its log:\n{self._child.last_lines()}")

    def create(self, database: str) -> str:
        """A database of this name, and its URL, which holds the password."""
        self._psql("postgres", f'CREATE DATABASE "{database}"')
        return self.url(database)

    def url(self, database: str) -> str:
        """With the password, whatever characters it has."""
        return f"postgresql://{self._user}:{quote(self._password, safe='')}@127.0.0.1:{self.port}/{database}"

    def _initdb(self) -> None:
        words = self._folder / "password"
        words.write_text(self._password)
        words.chmod(0o600)
        if self._as:
            os.chown(words, *_nobody_special())
        initdb = [*self._as, str(self._programs / "initdb"), "-D", str(self._folder / "data"), "-U", self._user]
        options = [f"--pwfile={words}", "--auth=scram-sha-256", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8"]
        done = subprocess.run([*initdb, *options], cwd=self._folder, capture_output=True, text=True, check=False)
        words.unlink()
        if done.returncode:
            raise SurroundingsError(f"PostgreSQL could not make its data folder:\n{done.stderr.strip()}")

    def _answers(self) -> bool:
        try:
            self._psql("postgres", "SELECT 1")
        except SurroundingsError:
            return False
        return True

    def _psql(self, database: str, statement: str) -> None:
        import psycopg  # of the ticketing extra

        try:
            with psycopg.connect(self.url(database), connect_timeout=2, autocommit=True) as connection:
                connection.execute(statement.encode())
        except psycopg.OperationalError as problem:
            raise SurroundingsError(f"PostgreSQL does not answer: {problem}") from problem

    def _unprivileged(self) -> list[str]:
        """What stands before a command: PostgreSQL refuses to be run by root."""
        if os.geteuid():
            return []
        user, group = _nobody_special()
        os.chown(self._folder, user, group)
        return ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups"]


def _programs() -> Path:
    for found in (shutil.which("initdb"), *sorted(DEBIANS.glob("*/bin/initdb"), reverse=True)):
        if found:
            return Path(found).resolve().parent
    raise SurroundingsError("PostgreSQL is not installed: `make system-packages` does it")


def _nobody_special() -> tuple[int, int]:
    with contextlib.suppress(KeyError):
        user = pwd.getpwnam("postgres")
        return user.pw_uid, user.pw_gid
    raise SurroundingsError("there is no user postgres to run PostgreSQL as: be somebody else than root")
