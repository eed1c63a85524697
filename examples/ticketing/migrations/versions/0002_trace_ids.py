"""The trace that a message came in, so that a ticket can be followed back to where it was written."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("messages", sa.Column("trace_id", sa.String(32)))


def downgrade() -> None:
    op.drop_column("messages", "trace_id")
