"""The list: whose first answer is due next stands first."""

from datetime import timedelta

from examples.ticketing import desk, listing
from tests.examples.ticketing.events import BEGAN, event
from tests.examples.ticketing.test_desk import take

MINUTE = timedelta(minutes=1)


def test_tickets_are_sorted_by_the_minutes_left_and_then_by_urgency(database):
    """Seconds decide nothing: of two that are due in the same minute the more urgent one comes first."""
    came = {0: BEGAN + 9 * MINUTE, 1: BEGAN + 5 * MINUTE, 2: BEGAN + 5.5 * MINUTE, 3: BEGAN - 90 * MINUTE}
    urgency = {0: 0.99, 1: 0.6, 2: 0.8, 3: 0.5}
    take(database, *(event(each, came=came[each], urgency=urgency[each], at_s=9999) for each in came))

    assert numbers(database) == [4, 3, 2, 1]


def test_answered_and_closed_tickets_are_left_out_unless_asked_for(database):
    """Nobody waits for them."""
    take(database, *map(event, range(3)))
    database.transact(lambda session: desk.answer(session, 1))
    database.transact(lambda session: desk.close(session, 2))

    assert numbers(database) == [3]
    assert numbers(database, everyone=True) == [3, 1, 2]


def test_a_line_says_how_long_is_left(database):
    """In hours and minutes, before and after."""
    take(database, event(0, customer="c-1"), event(1, text=None))

    assert lines(database, BEGAN + 50 * MINUTE) == [
        '     1  0:10 left         0.900         1  "c-1" "It leaks."',
        "     2  0:10 left         0.900         1  (unknown) (no text in the events)",
    ]
    assert "overdue 1:05" in lines(database, BEGAN + 125 * MINUTE)[0]


def test_the_routine_topic_of_a_replay_has_to_be_read_too():
    """Else an urgent message that became routine is not noticed."""
    assert listing.one_sided(["urgent", "urgent.replay.a", "urgent.replay.b", "routine.replay.b"]) == [
        "routine.replay.a"
    ]


def numbers(database, **more) -> list[int]:
    return [
        each.id for each in database.transact(lambda session: listing.tickets(session, BEGAN + 50 * MINUTE, **more))
    ]


def lines(database, now) -> list[str]:
    return database.transact(lambda session: [listing.line(each, now) for each in listing.tickets(session, now)])
