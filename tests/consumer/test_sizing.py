"""Windows hold what can be answered in time, and grow while there is a backlog."""

from consumer.sizing import Limits, Sizer

MOST = Limits(records=2000, bytes=1_000_000, tokens=100_000)


def sizer(**changes) -> Sizer:
    settings = {"latency_target_s": 1.0, "max_window_s": 15.0, "tokens_per_s": 1000.0, "max_tokens": 100} | changes
    return Sizer(MOST, **settings)


def test_a_window_in_time_holds_what_the_target_allows():
    """A thousand tokens a second and texts of 100 tokens make eight records in 0.8 s."""
    assert sizer().limits(first_age_s=0.1).records == 8


def test_windows_double_while_there_is_a_backlog_and_fall_back_after_it():
    """Up to max_window_s; the first record that is in time again ends it."""
    sizing = sizer()

    grown = [sizing.limits(first_age_s=60).records for _ in range(6)]

    assert grown == [16, 32, 64, 120, 120, 120]
    assert sizing.limits(first_age_s=0.5).records == 8


def test_a_partition_that_is_late_beside_others_that_are_not_is_a_backlog():
    """A window may begin with what has just come; of the full one before it some was old."""
    sizing = sizer()
    full = {"records": 8, "tokens": 800, "answered_s": 0.8, "is_full": True}

    grown = []
    for age_s in (60, 0.1, 60, 0.1):
        grown.append(sizing.limits(first_age_s=age_s).records)
        sizing.learn(**full, oldest_age_s=60)

    assert grown == [16, 32, 64, 120]
    sizing.learn(**{**full, "is_full": False}, oldest_age_s=60)  # nothing more waited
    assert sizing.limits(first_age_s=0.1).records == 8


def seconds(sizing: Sizer, rate_of, windows: int) -> list[float]:
    """How long windows of a backlog might take, with a model that does `rate_of(these seconds)` tokens a second."""
    found = []
    for _ in range(windows):
        records = sizing.limits(first_age_s=60).records
        window_s = sizing._window_s
        sizing.learn(records=records, tokens=100 * records, answered_s=100 * records / rate_of(window_s), is_full=True)
        found.append(window_s)
    return found


def test_windows_grow_no_further_than_the_rate_does():
    """Sorting more texts pays up to four seconds' worth; past that a longer window is only later."""
    found = seconds(sizer(), lambda window_s: 1000 * min(window_s, 4), windows=14)

    assert found[:6] == [2, 4, 8, 15, 15, 4]
    assert set(found[5:]) == {4}


def test_a_window_that_tokens_ended_tells_of_its_length_too():
    """
    Filled as from Kafka: a record counts with the most tokens that it may have, twice what it has.

    So windows of 15 s hold half as many as their length would, and are as good a look at it.
    """
    sizing, found = sizer(max_tokens=128), []
    for _ in range(14):
        limits = sizing.limits(first_age_s=60)
        found.append(sizing._window_s)
        records = tokens = 0
        while not limits.are_reached(records, 0, tokens):
            records, tokens = records + 1, tokens + 128
        sizing.learn(records=records, tokens=64 * records, answered_s=64 * records / 1000, is_full=True)

    assert found[-1] == 2


def test_a_length_that_was_only_lucky_is_left():
    """One quick window of two seconds, slow ones from then on: the next best is taken."""
    rates = iter([3000.0])
    found = seconds(sizer(), lambda window_s: next(rates, 800.0) if window_s == 2 else 100 * window_s, windows=30)

    assert found[5] == 2
    assert found[-1] == 15


def test_one_window_with_a_neighbour_on_the_machine_rules_no_length_out():
    """The first of the longest had a third of its rate; the second says that it is the best all the same."""
    rates = iter([500.0])
    found = seconds(sizer(), lambda window_s: next(rates, 1500.0) if window_s == 15 else 50 * window_s, windows=12)

    assert found[-1] == 15


def test_a_window_that_was_not_filled_says_nothing_of_its_length():
    """The end of a backlog: few texts, hardly sorted."""
    sizing = sizer()
    sizing.limits(first_age_s=60)

    sizing.learn(records=3, tokens=300, answered_s=3, is_full=False)

    assert not sizing._rates[2.0]


def test_lengths_are_tried_anew_in_a_long_backlog():
    """What was as good with short texts need not be so with those that come an hour later."""
    sizing = sizer()

    before = seconds(sizing, lambda _: 1000, windows=20)
    after = seconds(sizing, lambda window_s: 100 * window_s, windows=40)

    assert before[-1] == 2
    assert after[-1] == 15


def test_a_window_always_holds_one_record():
    """A model that is too slow for the target still goes on, one record at a time."""
    assert sizer(tokens_per_s=1.0).limits(first_age_s=0).records == 1


def test_limits_never_pass_the_settings():
    """However fast the model is."""
    assert sizer(tokens_per_s=1e9).limits(first_age_s=60) == MOST


def test_estimates_follow_what_was_measured():
    """Short texts and a fast model make room for more records."""
    sizing = sizer()
    for _ in range(50):
        sizing.learn(records=100, tokens=1000, answered_s=0.5, is_full=True)

    assert 150 < sizing.limits(first_age_s=0).records <= 160


def test_nothing_is_learnt_from_a_window_without_texts():
    """A window of tombstones says nothing of the model."""
    sizing = sizer()
    sizing.learn(records=10, tokens=0, answered_s=0.0001, is_full=True)

    assert sizing.limits(first_age_s=0.1).records == 8


def test_texts_that_are_suddenly_longer_do_not_outlast_the_longest_window():
    """The number of records follows a mean, and a burst of long texts is bounded by tokens."""
    sizing = sizer(max_tokens=128, tokens_per_s=2000.0)
    for _ in range(50):
        sizing.learn(records=100, tokens=1000, answered_s=0.5, is_full=True)

    limits = [sizing.limits(first_age_s=60) for _ in range(8)][-1]

    assert limits.tokens / 2000 <= 15
