"""Records that could not be read: kept byte for byte, shown, and tried again when a newer reader may know them."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from examples.ticketing import desk
from examples.ticketing.errors import Unreadable
from examples.ticketing.events import Reader
from examples.ticketing.tables import SetAside


def put(session: Session, topic: str, partition: int, offset: int, value: bytes | None, why: Unreadable) -> None:
    """Once, however often the record comes."""
    if session.get(SetAside, (topic, partition, offset)) is None:
        session.add(
            SetAside(
                topic=topic,
                partition=partition,
                offset=offset,
                code=why.code,
                reason=why.reason,
                value=value,
                at=datetime.now(UTC),
            )
        )


def kept(session: Session) -> list[SetAside]:
    return list(session.scalars(select(SetAside).order_by(SetAside.topic, SetAside.partition, SetAside.offset)))


def again(session: Session, reader: Reader, first_answer: timedelta) -> tuple[int, int]:
    """Reads all of them again: how many could be read now, and how many could not."""
    read = 0
    rows = kept(session)
    for row in rows:
        try:
            event = reader.read(row.value)
        except Unreadable as why:
            row.code, row.reason = why.code, why.reason
            continue
        desk.take(session, event, first_answer)
        session.delete(row)
        read += 1
    return read, len(rows) - read
