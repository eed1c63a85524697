"""A wrong setting must not dead-letter a topic; a poison here and there is no wrong setting."""

import pytest

from consumer.errors import RecordError, UnreadableTopic
from consumer.guard import Guard
from consumer.records import Dead, Decision, ModelVersion, Satisfaction, Skipped, SkipReason

DEAD = Dead(RecordError("text-missing", "preprocess", "no text was found"), ("body", "subject"), 2)
ALIVE = Decision(Satisfaction.NEUTRAL, (0.2,) * 5, 0.4, False, 0.5, "model", False, ModelVersion("tiny", "1", "fp32"))
SKIPPED = Skipped(SkipReason.WHERE)


def guard(max_share: float = 0.5) -> Guard:
    return Guard(max_share, 'input.text "text"')


def test_first_twenty_dead_records_stop_the_stream():
    """Nothing could ever be read: the error names the expression and the record's field names."""
    watching = guard()
    for _ in range(19):
        watching.check([DEAD])
        watching.committed([DEAD])

    with pytest.raises(UnreadableTopic, match=r'first 20 records.*input\.text "text".*text-missing.*"body", "subject"'):
        watching.check([DEAD])


def test_one_readable_record_is_enough_for_the_first_twenty():
    """A topic that can be read is judged by its last records, not by its first."""
    watching = guard()
    watching.check([ALIVE, *[DEAD] * 30])


def test_more_than_the_share_of_the_last_records_stops_the_stream():
    """Over 200 records the share counts, the window in hand included."""
    watching = guard(max_share=0.5)
    watching.committed([ALIVE] * 150)

    watching.check([DEAD] * 100)
    with pytest.raises(UnreadableTopic, match="last 200"):
        watching.check([DEAD] * 101)


def test_a_window_that_was_rewound_is_not_counted():
    """Checking changes nothing: the same window may come again and again."""
    watching = guard()
    for _ in range(50):
        watching.check([DEAD] * 5)


def test_skipped_records_say_nothing():
    """Agents' replies that `where` skips dilute no share."""
    watching = guard()
    with pytest.raises(UnreadableTopic):
        watching.check([SKIPPED] * 500 + [DEAD] * 20)


def test_a_good_end_does_not_excuse_a_bad_middle():
    """The share is judged over every 200 records in a row, wherever the window ends."""
    with pytest.raises(UnreadableTopic, match="last 200"):
        guard().check([ALIVE] * 20 + [DEAD] * 150 + [ALIVE] * 150)


def test_what_follows_the_first_twenty_does_not_save_them():
    """Twenty-five dead and then one alive, in one window, is a wrong setting all the same."""
    with pytest.raises(UnreadableTopic, match="first 20"):
        guard().check([DEAD] * 25 + [ALIVE])


def test_outputs_that_kafka_refused_are_no_sign_of_a_wrong_expression():
    """They were read and answered."""
    refused = Dead(RecordError("output-too-large", "produce", "too large"))

    guard().check([refused] * 300)


def test_what_may_not_be_told_is_counted():
    """A map's keys may be customers' data; of the others, which are sorted, a few are enough."""
    keys = ("anna@example.org", "4711", "body", "_id")
    dead = Dead(DEAD.error, keys, 1000)

    with pytest.raises(UnreadableTopic, match=r'record: "_id", "body", 998 not named here\. Try'):
        guard().check([dead] * 20)
