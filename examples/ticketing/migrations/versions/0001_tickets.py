"""Tickets, messages, notes; which events were handled, and how far partitions were read."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

MOMENT = sa.DateTime(timezone=True)
UNCLOSED = sa.text("state <> 'closed'")


def upgrade() -> None:
    op.create_table(
        "tickets",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("customer_id", sa.Text),
        sa.Column("customer_key", sa.String(64)),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("urgency", sa.Double, nullable=False),
        sa.Column("opened_at", MOMENT, nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("answered_at", MOMENT),
        sa.Column("closed_at", MOMENT),
    )
    op.create_index(
        "one_ticket_a_customer",
        "tickets",
        ["customer_key"],
        unique=True,
        sqlite_where=UNCLOSED,
        postgresql_where=UNCLOSED,
    )
    op.create_index("tickets_by_due", "tickets", ["state", "due_at"])
    op.create_table(
        "messages",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("source_topic", sa.Text, nullable=False),
        sa.Column("source_partition", sa.Integer, nullable=False),
        sa.Column("source_offset", sa.BigInteger, nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("run", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("decision", sa.String(8), nullable=False),
        sa.Column("urgency", sa.Double, nullable=False),
        sa.Column("classified_at", MOMENT, nullable=False),
        sa.Column("customer_id", sa.Text),
        sa.Column("channel", sa.Text),
        sa.Column("text", sa.Text),
        sa.Column("ticket_id", sa.Integer, sa.ForeignKey("tickets.id")),
        sa.UniqueConstraint("source_topic", "source_partition", "source_offset", name="one_row_a_message"),
    )
    op.create_index("ix_messages_ticket_id", "messages", ["ticket_id"])
    op.create_table(
        "notes",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("ticket_id", sa.Integer, sa.ForeignKey("tickets.id"), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
    )
    op.create_index("ix_notes_ticket_id", "notes", ["ticket_id"])
    op.create_table(
        "handled_events",
        sa.Column("event_id", sa.Text, primary_key=True),
        sa.Column("outcome", sa.String(16), nullable=False),
    )
    op.create_table(
        "positions",
        sa.Column("topic", sa.Text, primary_key=True),
        sa.Column("partition", sa.Integer, primary_key=True),
        sa.Column("next_offset", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "set_aside",
        sa.Column("topic", sa.Text, primary_key=True),
        sa.Column("partition", sa.Integer, primary_key=True),
        sa.Column("offset", sa.BigInteger, primary_key=True),
        sa.Column("code", sa.String(32), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("value", sa.LargeBinary),
        sa.Column("at", MOMENT, nullable=False),
    )


def downgrade() -> None:
    for table in ("set_aside", "positions", "handled_events", "notes", "messages", "tickets"):
        op.drop_table(table)
