"""What an event does to the tickets, and what people do. Each function works within its caller's transaction."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from examples.ticketing.errors import WrongSettings
from examples.ticketing.events import Event
from examples.ticketing.tables import HandledEvent, Message, Note, Ticket

Outcome = Literal[
    "opened",  # a ticket
    "joined",  # the customer's ticket that is not closed
    "noted",  # on the ticket that the message has
    "recorded",  # routine, and no ticket speaks of it
    "confirmed",  # a later run says the same
    "overtaken",  # a later run was here first
    "again",  # the same event was here before
]


def take(session: Session, event: Event, first_answer: timedelta) -> Outcome:
    """
    Lets an event have its effect, once.

    Of several runs that answered the same message the later answer is in force: the greater `classified_at`, and of
    equal ones the greater `event_id`, whatever order they come in.
    """
    if session.get(HandledEvent, event.event_id) is not None:
        return "again"
    message = session.scalar(
        select(Message).where(
            Message.source_topic == event.source.topic,
            Message.source_partition == event.source.partition,
            Message.source_offset == event.source.offset,
        )
    )
    outcome: Outcome
    if message is None:
        message = _recorded(session, event)
        outcome = "recorded" if event.decision == "routine" else _to_a_ticket(session, message, event, first_answer)
    elif (event.classified_at, event.event_id) < (message.classified_at, message.event_id):
        outcome = "overtaken"
    else:
        outcome = _superseded(session, message, event, first_answer)
    session.add(HandledEvent(event_id=event.event_id, outcome=outcome))
    session.flush()
    return outcome


def ticket(session: Session, ticket_id: int) -> Ticket:
    """Raises WrongSettings where there is none."""
    found = session.get(Ticket, ticket_id)
    if found is None:
        raise WrongSettings(f"there is no ticket {ticket_id}: `list --all` tells which there are")
    return found


def answer(session: Session, ticket_id: int) -> None:
    """The customer has a first answer, and the clock stops. Raises WrongSettings."""
    found = ticket(session, ticket_id)
    if found.state != "open":
        raise WrongSettings(f"ticket {ticket_id} is {found.state} already")
    found.state, found.answered_at = "answered", _now()


def close(session: Session, ticket_id: int) -> None:
    """Raises WrongSettings."""
    found = ticket(session, ticket_id)
    if found.state == "closed":
        raise WrongSettings(f"ticket {ticket_id} is closed already")
    found.state, found.closed_at = "closed", _now()


def message_to_correct(session: Session, ticket_id: int, event_id: str | None) -> str:
    """The event id of the ticket's message; of several, somebody has to say which. Raises WrongSettings."""
    there = [each.event_id for each in ticket(session, ticket_id).messages]
    if event_id is not None and event_id in there:
        return event_id
    if event_id is not None or len(there) > 1:
        raise WrongSettings(f"ticket {ticket_id} has the messages {', '.join(there)}: name one of them by --message")
    return there[0]


def note_correction(session: Session, ticket_id: int, event_id: str, said: str) -> None:
    _note(ticket(session, ticket_id), f"message {event_id} should have been {said}")


def _recorded(session: Session, event: Event) -> Message:
    message = Message(
        source_topic=event.source.topic,
        source_partition=event.source.partition,
        source_offset=event.source.offset,
        customer_id=event.customer_id,
        channel=event.channel,
    )
    _put_in_force(message, event)
    session.add(message)
    return message


def _put_in_force(message: Message, event: Event) -> None:
    message.event_id = event.event_id
    message.run = event.run
    message.model = f"{event.model.name} {event.model.version}"
    message.decision = event.decision
    message.urgency = event.urgency
    message.classified_at = event.classified_at
    message.trace_id = event.trace_id or message.trace_id


def _superseded(session: Session, message: Message, event: Event, first_answer: timedelta) -> Outcome:
    before = message.decision
    _put_in_force(message, event)
    if event.decision == before:
        _weigh(session, message.ticket)
        return "confirmed"
    if message.ticket is not None and not (event.decision == "urgent" and message.ticket.state == "closed"):
        # Whether it may be left lying after all is for people to say: a ticket is never closed for them.
        _note(message.ticket, _words(message))
        _weigh(session, message.ticket)
        return "noted"
    if event.decision == "routine":
        return "recorded"
    return _to_a_ticket(session, message, event, first_answer)


def _to_a_ticket(session: Session, message: Message, event: Event, first_answer: timedelta) -> Outcome:
    message.text = event.text
    due_at = event.waiting_since + first_answer
    ticket = _unclosed(session, event.customer_id)
    if ticket is None:
        ticket = Ticket(
            customer_id=event.customer_id,
            customer_key=_key(event.customer_id),
            state="open",
            urgency=event.urgency,
            opened_at=_now(),
            due_at=due_at,
        )
        session.add(ticket)
        message.ticket = ticket
        return "opened"
    message.ticket = ticket
    if ticket.state == "answered":
        # An urgent message that nobody has answered: the clock runs anew.
        ticket.state, ticket.answered_at, ticket.due_at = "open", None, due_at
        _note(ticket, "the customer wrote again after the first answer")
    else:
        ticket.due_at = min(ticket.due_at, due_at)
    _weigh(session, ticket)
    return "joined"


def _unclosed(session: Session, customer_id: str | None) -> Ticket | None:
    if customer_id is None:
        return None
    wanted = select(Ticket).where(Ticket.customer_key == _key(customer_id), Ticket.state != "closed")
    return session.scalar(wanted)


def _weigh(session: Session, ticket: Ticket | None) -> None:
    """A ticket is as urgent as its most urgent message that is urgent now; as any, when none is."""
    if ticket is None:
        return
    session.flush()
    of_it = select(func.max(Message.urgency)).where(Message.ticket_id == ticket.id)
    urgency = session.scalar(of_it.where(Message.decision == "urgent"))
    ticket.urgency = urgency if urgency is not None else session.scalar(of_it) or 0.0


def _note(ticket: Ticket, words: str) -> None:
    ticket.notes.append(Note(at=_now(), text=words))


def _words(message: Message) -> str:
    where = f"{message.source_topic}/{message.source_partition}/{message.source_offset}"
    return f"message {where} is {message.decision} in the later answer of run {message.run}, model {message.model}"


def _key(customer_id: str | None) -> str | None:
    return None if customer_id is None else hashlib.sha256(customer_id.encode()).hexdigest()


def _now() -> datetime:
    return datetime.now(UTC)
