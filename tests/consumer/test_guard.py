"""A wrong setting must not dead-letter a topic; a poison here and there is no wrong setting."""

import pytest

from consumer.errors import RecordError, UnreadableTopic
from consumer.guard import Guard
from consumer.records import Dead, Decision, ModelVersion, Satisfaction, Skipped, SkipReason

DEAD = Dead(RecordError("text-missing", "preprocess", "no text was found"), ("body", "subject"))
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

    with pytest.raises(UnreadableTopic, match=r'first 20 records.*input\.text "text".*text-missing.*body, subject'):
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
