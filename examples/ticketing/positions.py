"""How far each partition was read, kept beside what was made of it."""

from sqlalchemy import CursorResult, update
from sqlalchemy.orm import Session

from examples.ticketing.tables import Position

Place = tuple[str, int]  # topic, partition


class Moved(Exception):
    """Another process has read on: what is in hand is its business now."""


def next_offset(session: Session, place: Place) -> int | None:
    """None where nothing of the partition was read yet."""
    found = session.get(Position, place)
    return None if found is None else found.next_offset


def advance(session: Session, place: Place, before: int | None, after: int) -> None:
    """
    From `before`, which the caller believes to be there, to `after`.

    This is the fence: a process that was stopped, and whose partition another one has read on, raises Moved here, and
    its whole transaction is undone.
    """
    if before is None:
        if session.get(Position, place) is not None:
            raise Moved
        session.add(Position(topic=place[0], partition=place[1], next_offset=after))
        session.flush()
        return
    here = (Position.topic == place[0], Position.partition == place[1], Position.next_offset == before)
    moved = session.execute(update(Position).where(*here).values(next_offset=after))
    assert isinstance(moved, CursorResult)
    if moved.rowcount != 1:
        raise Moved
