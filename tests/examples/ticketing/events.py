"""Events as shikyu writes them, in JSON; and what became of them."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from confluent_kafka import Producer
from sqlalchemy import select

from examples.ticketing.database import Database
from examples.ticketing.events import Event
from examples.ticketing.tables import HandledEvent, Message, Position, Ticket

BEGAN = datetime(2026, 11, 28, 9, 0, tzinfo=UTC)
NONE: Mapping[str, bytes] = {}


def told(
    offset: int,
    decision: str = "urgent",
    run: str = "live",
    *,
    customer: str | None = None,
    text: str | None = "It leaks.",
    urgency: float = 0.9,
    at_s: float = 0,
    came: datetime = BEGAN,
) -> dict[str, Any]:
    """An event that was classified `at_s` seconds after BEGAN."""
    return {
        "event_id": f"in/0/{offset}/{run}",
        "customer_id": customer,
        "channel": "email",
        "text": text,
        "urgency": urgency,
        "decision": decision,
        "model": {"name": "sample", "version": "1", "precision": "int8"},
        "source": {"topic": "in", "partition": 0, "offset": offset, "timestamp": came.isoformat()},
        "classified_at": (BEGAN + timedelta(seconds=at_s)).isoformat(),
        "run": run,
    }


def event(*arguments: Any, **more: Any) -> Event:
    return Event.model_validate(told(*arguments, **more))


def produce(
    bootstrap: str, topic: str, events: Iterable[Any], *, aborted: bool = False, headers: Mapping[str, bytes] = NONE
) -> None:
    """In a transaction, as shikyu does; bytes are written as they are."""
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": f"tests-{topic}", "linger.ms": 5})
    producer.init_transactions(20)
    producer.begin_transaction()
    for each in events:
        value = each if isinstance(each, bytes) else json.dumps(each).encode()
        producer.produce(topic, value, key=value[:20], headers=dict(headers))
    assert producer.flush(20) == 0
    producer.abort_transaction(20) if aborted else producer.commit_transaction(20)


def outcomes(database: Database) -> Counter[str]:
    return database.transact(lambda session: Counter(session.scalars(select(HandledEvent.outcome))))


def offsets(database: Database) -> dict[tuple[str, int], int]:
    rows = database.transact(lambda session: list(session.scalars(select(Position))))
    return {(row.topic, row.partition): row.next_offset for row in rows}


def sources(database: Database) -> list[int]:
    """Of all messages that have a ticket, the offsets in the input, as often as a ticket names them."""
    found = select(Message.source_offset).join(Ticket).order_by(Message.source_offset)
    return database.transact(lambda session: list(session.scalars(found)))


def tickets(database: Database) -> list[Ticket]:
    return database.transact(lambda session: list(session.scalars(select(Ticket).order_by(Ticket.id))))
