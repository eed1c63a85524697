"""Tickets as lines for a terminal."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from examples.ticketing.tables import Message, SetAside, Ticket
from examples.ticketing.visible import visible

_MINUTE = timedelta(minutes=1)
HEADING = f"{'ticket':>6}  {'first answer':<14}  {'urgency':>7}  {'messages':>8}  customer and what they wrote first"


def tickets(session: Session, now: datetime, *, everyone: bool = False) -> list[Ticket]:
    """By the minutes that are left until the first answer is due, then by urgency; those that have one come last."""
    wanted = select(Ticket) if everyone else select(Ticket).where(Ticket.state == "open")
    return sorted(
        session.scalars(wanted),
        key=lambda each: (each.state != "open", (each.due_at - now) // _MINUTE, -each.urgency, each.id),
    )


def line(ticket: Ticket, now: datetime) -> str:
    """One line, whatever the customer wrote."""
    first = next((each.text for each in ticket.messages if each.text is not None), None)
    said = "(no text in the events)" if first is None else visible(first, 60)
    who = "(unknown)" if ticket.customer_id is None else visible(ticket.customer_id, 30)
    count = len(ticket.messages)
    return f"{ticket.id:>6}  {_clock(ticket, now):<14}  {ticket.urgency:>7.3f}  {count:>8}  {who} {said}"


def whole(ticket: Ticket, now: datetime) -> list[str]:
    """All of a ticket: its messages and notes, one a line."""
    who = "(unknown)" if ticket.customer_id is None else visible(ticket.customer_id)
    told = [f"ticket {ticket.id} of {who}: {_clock(ticket, now)}, urgency {ticket.urgency:.3f}"]
    told += [_message(each) for each in ticket.messages]
    told += [f"  note of {_time(each.at)}: {visible(each.text, 2000)}" for each in ticket.notes]
    return told


def set_aside(rows: Iterable[SetAside]) -> list[str]:
    """Where they stand and why; never what is in them."""
    return [
        f"{visible(row.topic)}/{row.partition}/{row.offset}  {row.code}: {visible(row.reason, 500)}" for row in rows
    ]


def one_sided(topics: Sequence[str]) -> list[str]:
    """Of replays whose urgent topic is read, the routine topics that are not: what became routine stands there."""
    urgent = [each for each in topics if each.startswith("urgent.replay.")]
    wanted = ["routine" + each.removeprefix("urgent") for each in urgent]
    return [each for each in wanted if each not in topics]


def _message(message: Message) -> str:
    topic, run = (visible(each, 300)[1:-1] for each in (message.source_topic, message.run))
    event_id = f"{topic}/{message.source_partition}/{message.source_offset}/{run}"
    said = "(no text in the event)" if message.text is None else visible(message.text, 2000)
    by = f"{message.urgency:.3f} by {visible(message.model)}"
    channel = "" if message.channel is None else f" by {visible(message.channel)}"
    trace = "" if message.trace_id is None else f", trace {message.trace_id}"
    return f"  {message.decision} {by}, {event_id}{channel}{trace}: {said}"


def _clock(ticket: Ticket, now: datetime) -> str:
    if ticket.state != "open":
        return ticket.state
    left = ticket.due_at - now
    return f"overdue {_hours(-left)}" if left < timedelta(0) else f"{_hours(left)} left"


def _hours(span: timedelta) -> str:
    minutes = span // _MINUTE
    return f"{minutes // 60}:{minutes % 60:02}"


def _time(moment: datetime) -> str:
    return moment.isoformat(" ", "seconds")
