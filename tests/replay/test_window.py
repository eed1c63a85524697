"""What may be asked of a replay, in a user's words."""

from datetime import UTC, datetime, timedelta

import pytest

from consumer.errors import SettingsError
from consumer.replay.pace import Pace
from consumer.replay.window import Offsets, asked, duration, named

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


def ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def test_times_are_utc_unless_they_say_otherwise():
    window = asked(NOW, from_datetime="2026-11-27", to_datetime="2026-11-28T10:00+01:00")

    assert window.since_ms == ms(NOW - timedelta(hours=36))
    assert window.until_ms == ms(NOW - timedelta(hours=3))


def test_a_duration_ends_now():
    window = asked(NOW, by_duration="1h30m", partitions="0,4-6")

    assert (window.since_ms, window.until_ms) == (ms(NOW - timedelta(minutes=90)), None)
    assert window.partitions == {0, 4, 5, 6}
    assert window.words == {"--by-duration": "1h30m", "--partitions": "0,4-6"}


def test_before_1970_there_was_nothing():
    """Kafka's times below zero mean something else."""
    assert asked(NOW, by_duration="30000d").since_ms == 0


def test_nothing_is_everything():
    window = asked(NOW)

    assert (window.since_ms, window.until_ms, window.offsets, window.partitions) == (None, None, (), None)


def test_offsets_name_a_partition_and_perhaps_a_topic_and_an_end():
    window = asked(NOW, from_offsets=("0:12,1:3-9", "my.topic/2:0"))

    assert window.offsets == (Offsets(None, 0, 12, None), Offsets(None, 1, 3, 9), Offsets("my.topic", 2, 0, None))


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("7d", timedelta(7)),
        ("P7D", timedelta(7)),
        ("PT36H", timedelta(hours=36)),
        ("P1DT2H3M4.5S", timedelta(1, 7384.5)),
        ("90m", timedelta(minutes=90)),
        ("1d12h", timedelta(1.5)),
    ],
)
def test_durations(text, length):
    assert duration("--by-duration", text) == length


@pytest.mark.parametrize("text", ["", "7", "d", "P", "PT", "1w", "-1d", "0d", "7 d", "9999999999d", "1m1h"])
def test_what_is_no_duration(text):
    with pytest.raises(SettingsError, match="is no duration: write 7d"):
        duration("--by-duration", text)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"from_datetime": "2026-11-29"}, "--from-datetime 2026-11-29T00:00:00.000Z lies in the future"),
        ({"to_datetime": "2026-12-01"}, "--to-datetime 2026-12-01T00:00:00.000Z lies in the future"),
        ({"from_datetime": "2026-11-20", "to_datetime": "2026-11-10"}, "the window is reversed"),
        ({"from_datetime": "2026-11-20", "to_datetime": "2026-11-20"}, "the window is empty: it would begin at"),
        ({"from_datetime": "yesterday"}, "--from-datetime 'yesterday' is no time"),
        ({"from_datetime": "0001-01-01T00:00+14:00"}, "is no time"),
        ({"by_duration": "7d", "from_datetime": "2026-11-20"}, "--by-duration and --from-datetime don't go together"),
        ({"from_offsets": ("0:1",), "partitions": "0"}, "--from-offsets and --partitions don't go together"),
        ({"from_offsets": ("0",)}, r"--from-offsets '0' is not \[TOPIC/\]PARTITION:START"),
        ({"from_offsets": ("0:9-9",)}, "is reversed or empty"),
        ({"partitions": "3-1"}, "--partitions '3-1' is no list of partitions"),
        ({"partitions": "a"}, "--partitions 'a' is no list of partitions"),
    ],
)
def test_what_cannot_be_a_window_is_told(words, told):
    with pytest.raises(SettingsError, match=told):
        asked(NOW, **words)


@pytest.mark.parametrize("text", ["", "live", ".hidden", "a/b", "a b", "x" * 65])
def test_what_is_no_run_id(text):
    with pytest.raises(SettingsError, match="is no run id"):
        named(text, NOW)


def test_a_run_id_may_be_what_a_topic_may():
    assert named("2026-11-28_v2.1", NOW) == "2026-11-28_v2.1"


def test_without_one_it_is_named_by_the_time():
    assert named(None, NOW) == "20261128-120000-000"


def test_a_pace_lets_a_rate_through_and_makes_up_for_no_pause():
    now = 0.0
    pace = Pace(10, lambda: now)
    assert pace.wait_s() == 0

    pace.took(20)
    assert pace.wait_s() == pytest.approx(2)
    now = 2.0
    assert pace.wait_s() == 0
    now = 100.0
    pace.took(20)
    assert pace.wait_s() == pytest.approx(1)


def test_no_rate_is_no_wait():
    pace = Pace(None)
    pace.took(1_000_000)

    assert pace.wait_s() == 0
