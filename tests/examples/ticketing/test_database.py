"""Migrations, the fence, and what is said of a database that is not as it must be."""

from itertools import pairwise

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from examples.ticketing.database import Database
from examples.ticketing.errors import Away, WrongSettings, WrongSurroundings
from examples.ticketing.positions import Moved, advance, next_offset
from examples.ticketing.tables import Table
from tests.examples.ticketing.events import event, outcomes
from tests.examples.ticketing.test_desk import take

PLACE = ("urgent", 0)


def test_migrations_make_the_tables_that_the_program_uses(database):
    """A column that was added to tables.py without a migration is missing on every machine but its author's."""
    with database._engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Table.metadata) == []


def test_migrations_can_be_done_again_and_undone(url, database):
    """Again is nothing; undone and done, the tables are empty."""
    take(database, event(0))
    database.migrate()
    assert outcomes(database) == {"opened": 1}
    database.undo()
    with pytest.raises(WrongSurroundings, match="is at revision none, and this program needs 0002: run"):
        database.require_migrated()
    database.migrate()
    assert outcomes(database) == {}


def test_tickets_of_before_a_column_keep_their_rows(database):
    """Only what was added is taken away and made again."""
    take(database, event(0))

    database.undo("0001")
    database.migrate()

    assert outcomes(database) == {"opened": 1}


def test_offsets_only_go_on_from_where_they_are(database):
    """The fence between two that believe they have the same partition."""
    for before, after in pairwise((None, 5, 9)):
        database.transact(lambda session, b=before, a=after: advance(session, PLACE, b, a))

    for believed in (None, 5):
        with pytest.raises(Moved):
            database.transact(lambda session, b=believed: advance(session, PLACE, b, 7))
    assert database.transact(lambda session: next_offset(session, PLACE)) == 9
    assert database.transact(lambda session: next_offset(session, ("urgent", 1))) is None


def test_what_moved_undoes_all_of_its_transaction(database):
    """Tickets too."""
    from datetime import timedelta

    from examples.ticketing import desk

    database.transact(lambda session: advance(session, PLACE, None, 5))

    def late(session):
        desk.take(session, event(0), timedelta(hours=1))
        advance(session, PLACE, None, 1)

    with pytest.raises(Moved):
        database.transact(late)
    assert outcomes(database) == {}


def test_a_database_that_is_not_there_is_away(tmp_path):
    """With its driver's first words, and never the password."""
    for url, words in (
        (f"sqlite:///{tmp_path}/none/tickets.db", "unable to open database file"),
        ("postgresql://me:geheim@127.0.0.1:1/tickets", "connection"),
    ):
        database = Database(url)
        with pytest.raises(Away, match=words) as raised:
            database.migrate()
        assert "geheim" not in str(raised.value)


@pytest.mark.parametrize("url", ["tickets.db", "mysql://localhost/tickets", "sqlite+other:///x", "", "://"])
def test_a_url_of_no_database_of_ours_is_refused(url):
    """Before anything is asked."""
    with pytest.raises(WrongSettings, match=r"sqlite:///FILE or postgresql://HOST/NAME"):
        Database(url)


def test_what_the_database_refuses_stops_it_without_the_customers_words(database):
    """A database's own words quote the row."""
    refused = text("INSERT INTO tickets (customer_id) VALUES ('canary-7f3a')")
    with pytest.raises(WrongSurroundings, match="refuses what is to be written") as raised:
        database.transact(lambda session: session.execute(refused))

    assert "canary" not in str(raised.value)


def test_a_process_that_is_frozen_within_a_transaction_holds_up_nobody(postgres, name):
    """PostgreSQL ends such a session, and its locks with it."""
    database = Database(postgres.create(name))
    shown = database.transact(lambda session: session.scalar(text("SHOW idle_in_transaction_session_timeout")))
    database.close()

    assert shown == "10s"
