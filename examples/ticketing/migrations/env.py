"""Alembic's entrance: the connection is the program's own, so that there is no second place for the URL."""

from alembic import context

from examples.ticketing.tables import Table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    render_as_batch=True,  # SQLite alters a table by making it anew
)
with context.begin_transaction():
    context.run_migrations()
