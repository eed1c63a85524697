"""The database: how it is reached, and a transaction that is tried again when another was in its way."""

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, select
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError, OperationalError
from sqlalchemy.orm import Session, sessionmaker

from examples.ticketing.errors import Away, WrongSettings, WrongSurroundings

T = TypeVar("T")

TRIES = 20
ANSWER_S = 10
_IN_THE_WAY = {"40001", "40P01"}  # serialization_failure, deadlock_detected


class Database:
    """SQLite or PostgreSQL, by URL. One thread at a time."""

    def __init__(self, url: str) -> None:
        """Asks nobody yet. Raises WrongSettings."""
        self._engine = _engine(_url(url))
        self._sessions = sessionmaker(self._engine, expire_on_commit=False)
        self.name = self._engine.url.render_as_string(hide_password=True)

    def transact(self, work: Callable[[Session], T]) -> T:
        """
        `work` in a transaction of its own, committed when it returns; from its beginning again when another
        transaction was in its way.

        Raises Away when the database does not answer (what became of a commit is then unknown), WrongSurroundings
        when it answers and will not have it.
        """
        refused: DBAPIError | None = None
        for attempt in range(TRIES):
            try:
                with self._sessions.begin() as session:
                    return work(session)
            except DBAPIError as problem:
                self._raise_unless_passing(problem)
                refused = problem
            time.sleep(random.uniform(0, 0.01 * attempt))  # noqa: S311 - so that two do not meet again
        assert refused is not None
        raise _refusal(refused) from refused

    def _raise_unless_passing(self, problem: DBAPIError) -> None:
        """Returns when the same may succeed at once. Two that insert the same row find each other's the next time."""
        passing = (
            problem.connection_invalidated
            or isinstance(problem, IntegrityError | OperationalError)
            or _state(problem) in _IN_THE_WAY
        )
        if not passing:
            raise _refusal(problem) from problem
        self.look()

    def look(self) -> None:
        """Raises Away when the database does not answer."""
        try:
            with self._engine.connect() as connection:
                connection.execute(select(1))
        except DBAPIError as problem:
            # A question without a value in it: its answer holds nobody's text.
            words = str(problem.orig).strip().splitlines() or [type(problem.orig).__name__]
            raise Away(f"the database {self.name} does not answer ({words[0]})") from problem

    def migrate(self) -> None:
        """Makes the tables, or brings them up to date. Raises Away."""
        self.look()
        with self._engine.begin() as connection:
            command.upgrade(_alembic(connection), "head")

    def undo(self, to: str = "base") -> None:
        """Takes away what revisions after `to` added, with all that is in it: everything, unless one is named."""
        with self._engine.begin() as connection:
            command.downgrade(_alembic(connection), to)

    def require_migrated(self) -> None:
        """Raises Away; WrongSurroundings when the tables are not this program's."""
        self.look()
        with self._engine.connect() as connection:
            found = MigrationContext.configure(connection).get_current_revision()
        wanted = ScriptDirectory.from_config(_alembic(None)).get_current_head()
        if found != wanted:
            raise WrongSurroundings(
                f"the database {self.name} is at revision {found or 'none'}, and this program needs {wanted}: "
                "run `python -m examples.ticketing migrate`"
            )

    def close(self) -> None:
        self._engine.dispose()


def _url(text: str) -> URL:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise WrongSettings(
            "the database's URL can't be read: write sqlite:///FILE or postgresql://HOST/NAME"
        ) from None
    if url.drivername == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if url.drivername not in ("sqlite", "postgresql+psycopg"):
        raise WrongSettings(f"{url.drivername} is no database of ours: write sqlite:///FILE or postgresql://HOST/NAME")
    return url


def _engine(url: URL) -> Engine:
    # Serializable, so that two processes which open a ticket for the same customer can't both find none.
    options: dict[str, Any] = {"isolation_level": "SERIALIZABLE", "hide_parameters": True}
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, connect_args={"timeout": ANSWER_S}, **options)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    limits = {
        "connect_timeout": ANSWER_S,
        "tcp_user_timeout": ANSWER_S * 1000,
        # A process that was frozen within a transaction does not hold up the one that has its partitions now.
        "options": f"-c idle_in_transaction_session_timeout={ANSWER_S}s",
    }
    try:
        return create_engine(url, connect_args=limits, **options)
    except (ModuleNotFoundError, NoSuchModuleError) as problem:
        raise WrongSettings("PostgreSQL needs psycopg: pip install 'psycopg[binary]'") from problem


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # else Python's module begins transactions at times of its own
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_sqlite(connection: Connection) -> None:
    # Whoever only reads first, and then writes, may be refused without waiting.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _alembic(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _state(problem: DBAPIError) -> str | None:
    state: str | None = getattr(problem.orig, "sqlstate", None)
    return state


def _refusal(problem: DBAPIError) -> WrongSurroundings:
    # Never the database's own words: they may quote a row.
    told = f"{type(problem.orig).__name__}, SQLSTATE {_state(problem) or 'unknown'}"
    return WrongSurroundings(f"the database answers, but refuses what is to be written ({told}); look into its log")
