"""What events do to tickets, in both databases."""

import itertools
import threading
from datetime import timedelta

import pytest
from sqlalchemy import select

from examples.ticketing import desk
from examples.ticketing.database import Database
from examples.ticketing.errors import WrongSettings
from examples.ticketing.events import Event
from examples.ticketing.tables import Message
from tests.examples.ticketing.events import BEGAN, event, outcomes, tickets
from tests.payloads import PAYLOADS

HOUR = timedelta(hours=1)


def take(database: Database, *events: Event) -> list[str]:
    return [database.transact(lambda session, each=each: desk.take(session, each, HOUR)) for each in events]


def notes(database: Database, number: int = 1) -> list[str]:
    return database.transact(lambda session: [note.text for note in desk.ticket(session, number).notes])


def test_an_urgent_message_opens_a_ticket(database):
    """Its first answer is due an hour after the customer's message came, not after we saw it."""
    assert take(database, event(0, at_s=600)) == ["opened"]

    [ticket] = tickets(database)
    assert (ticket.state, ticket.due_at, ticket.urgency) == ("open", BEGAN + HOUR, 0.9)


def test_a_routine_message_opens_none(database):
    """Where the routine topic is read too."""
    assert take(database, event(0, "routine")) == ["recorded"]

    assert tickets(database) == []


def test_the_same_event_again_changes_nothing(database):
    """Not even after the ticket is closed."""
    take(database, event(0))
    database.transact(lambda session: desk.close(session, 1))

    assert take(database, event(0)) == ["again"]
    assert [ticket.state for ticket in tickets(database)] == ["closed"]


def test_a_customers_second_message_joins_the_ticket(database):
    """It is as urgent as the more urgent of them, and due when the earlier one is. Another customer's does not join."""
    took = take(
        database,
        event(0, customer="a", urgency=0.7, came=BEGAN + HOUR, at_s=3600),
        event(1, customer="a", urgency=0.8, at_s=3601),
        event(2, customer="b"),
        event(3),
        event(4),
    )

    assert took == ["opened", "joined", "opened", "opened", "opened"]
    first = tickets(database)[0]
    assert (first.urgency, first.due_at) == (0.8, BEGAN + HOUR)


def test_a_message_after_the_answer_opens_the_ticket_again(database):
    """Nobody has answered that one, so that the clock runs again."""
    take(database, event(0, customer="a"))
    database.transact(lambda session: desk.answer(session, 1))

    assert take(database, event(1, customer="a", came=BEGAN + HOUR, at_s=3600)) == ["joined"]
    [ticket] = tickets(database)
    assert (ticket.state, ticket.due_at, ticket.answered_at) == ("open", BEGAN + 2 * HOUR, None)
    assert notes(database) == ["the customer wrote again after the first answer"]


def test_a_message_after_the_close_opens_another(database):
    """A closed ticket stays closed."""
    take(database, event(0, customer="a"))
    database.transact(lambda session: desk.close(session, 1))

    assert take(database, event(1, customer="a")) == ["opened"]
    assert [ticket.state for ticket in tickets(database)] == ["closed", "open"]


def test_routine_that_became_urgent_opens_a_ticket(database):
    """In a replay; also where the routine answer was never read."""
    assert take(database, event(0, "routine"), event(0, "urgent", "better", at_s=9)) == ["recorded", "opened"]


def test_urgent_that_became_routine_is_noted_and_never_closed(database):
    """People decide what the note is worth."""
    assert take(database, event(0), event(0, "routine", "better", urgency=0.1, at_s=9)) == ["opened", "noted"]

    [ticket] = tickets(database)
    assert (ticket.state, ticket.urgency) == ("open", 0.1)
    assert notes(database) == ["message in/0/0 is routine in the later answer of run better, model sample 1"]


def test_urgent_again_after_a_close_opens_a_ticket(database):
    """Whoever closed it may have gone by the note."""
    take(database, event(0, customer="a"), event(0, "routine", "second", customer="a", at_s=1))
    database.transact(lambda session: desk.close(session, 1))

    assert take(database, event(0, "urgent", "third", customer="a", at_s=2)) == ["opened"]
    assert [ticket.state for ticket in tickets(database)] == ["closed", "open"]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_later_answer_holds_in_whatever_order_they_come(database, order):
    """By when they were made: topics are read side by side, and an old one may come last."""
    runs = [event(0, "urgent", "live"), event(0, "routine", "one", at_s=1), event(0, "urgent", "two", at_s=2)]
    take(database, *(runs[each] for each in order))

    [ticket] = tickets(database)
    assert ticket.state == "open"
    assert database.transact(lambda session: desk.ticket(session, 1).messages[0].run) == "two"


def test_answers_of_the_same_moment_are_put_in_order_by_their_id(database):
    """So that both orders end alike."""
    ends = []
    for number, order in enumerate(((0, 1), (1, 0))):
        both = [event(number, "urgent", "a"), event(number, "routine", "b")]
        take(database, *(both[each] for each in order))
        ends.append(
            database.transact(
                lambda session: [each.run for each in session.scalars(select(Message).order_by(Message.id))]
            )
        )

    assert ends[-1] == ["b", "b"]


def test_people_are_told_what_is_wrong(database):
    """A number that is none, an answer that was given, a ticket that is closed."""
    take(database, event(0))
    for work, words in (
        (lambda session: desk.answer(session, 7), "there is no ticket 7"),
        (lambda session: desk.answer(session, 1), None),
        (lambda session: desk.answer(session, 1), "ticket 1 is answered already"),
        (lambda session: desk.close(session, 1), None),
        (lambda session: desk.close(session, 1), "ticket 1 is closed already"),
    ):
        if words is None:
            database.transact(work)
        else:
            with pytest.raises(WrongSettings, match=words):
                database.transact(work)


def test_whatever_customers_write_can_be_stored(database):
    """NUL, half a character, SQL: in a text and in an id, also one that is too long for an index."""
    for number, text in enumerate(PAYLOADS.values()):
        assert take(database, event(number, customer=text, text=text)) == ["opened"]

    kept = {ticket.customer_id: ticket for ticket in tickets(database)}
    assert kept.keys() >= {text for text in PAYLOADS.values() if "\0" not in text and "\ud800" not in text}


def test_two_processes_open_one_ticket_for_one_customer(url, database):
    """However they fall together."""
    others = [Database(url) for _ in range(4)]

    def work(number: int) -> None:
        for each in range(10):
            take(others[number], event(number * 100 + each, customer=f"c{each}"))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for each in others:
        each.close()

    assert outcomes(database) == {"opened": 10, "joined": 30}
    assert len(tickets(database)) == 10
