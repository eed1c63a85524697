"""What the database holds. A change here needs a migration beside it, which a test checks."""

from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import (
    BigInteger,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

State = Literal["open", "answered", "closed"]
Decision = Literal["urgent", "routine"]


class Moment(TypeDecorator[datetime]):
    """A time in UTC. SQLite keeps no offset, so that it is given and taken away here."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Table(DeclarativeBase):
    type_annotation_map: Any = {  # noqa: RUF012 - as SQLAlchemy wants it
        datetime: Moment,
        str: Text,
        bytes: LargeBinary,
        float: Double,
        State: String(8),
        Decision: String(8),
    }


class Ticket(Table):
    """What one customer waits for. Only people answer and close it."""

    __tablename__ = "tickets"
    # A customer has one ticket at most that is not closed, whatever runs at the same time.
    __table_args__ = (
        Index(
            "one_ticket_a_customer",
            "customer_key",
            unique=True,
            sqlite_where=text("state <> 'closed'"),
            postgresql_where=text("state <> 'closed'"),
        ),
        Index("tickets_by_due", "state", "due_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[str | None]
    customer_key: Mapped[str | None] = mapped_column(String(64))  # its SHA-256: an id may be too long for an index
    state: Mapped[State]
    urgency: Mapped[float]  # of its most urgent message
    opened_at: Mapped[datetime]
    due_at: Mapped[datetime]  # of the first answer
    answered_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    messages: Mapped[list["Message"]] = relationship(order_by="Message.id", back_populates="ticket")
    notes: Mapped[list["Note"]] = relationship(order_by="Note.id")


class Message(Table):
    """A customer's message, by where it stands in Kafka, and the answer that is in force."""

    __tablename__ = "messages"
    __table_args__ = (UniqueConstraint("source_topic", "source_partition", "source_offset", name="one_row_a_message"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    source_topic: Mapped[str]
    source_partition: Mapped[int]
    source_offset: Mapped[int] = mapped_column(BigInteger)
    event_id: Mapped[str]
    run: Mapped[str]
    model: Mapped[str]
    decision: Mapped[Decision]
    urgency: Mapped[float]
    classified_at: Mapped[datetime]
    customer_id: Mapped[str | None]
    channel: Mapped[str | None]
    trace_id: Mapped[str | None] = mapped_column(String(32))
    text: Mapped[str | None]  # only where there is a ticket
    ticket_id: Mapped[int | None] = mapped_column(ForeignKey("tickets.id"), index=True)
    ticket: Mapped[Ticket | None] = relationship(back_populates="messages")


class Note(Table):
    """What people should know of a ticket; written by the program, and without a customer's words."""

    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id"), index=True)
    at: Mapped[datetime]
    text: Mapped[str]


class HandledEvent(Table):
    """An event that was taken, so that it changes nothing when it comes again."""

    __tablename__ = "handled_events"

    event_id: Mapped[str] = mapped_column(primary_key=True)
    outcome: Mapped[str] = mapped_column(String(16))


class Position(Table):
    """Of a partition, the next offset to read: committed with what the records before it changed."""

    __tablename__ = "positions"

    topic: Mapped[str] = mapped_column(primary_key=True)
    partition: Mapped[int] = mapped_column(primary_key=True)
    next_offset: Mapped[int] = mapped_column(BigInteger)


class SetAside(Table):
    """A record that could not be read, byte for byte, until somebody looks at it."""

    __tablename__ = "set_aside"

    topic: Mapped[str] = mapped_column(primary_key=True)
    partition: Mapped[int] = mapped_column(primary_key=True)
    offset: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    code: Mapped[str] = mapped_column(String(32))
    reason: Mapped[str]
    value: Mapped[bytes | None]
    at: Mapped[datetime]
