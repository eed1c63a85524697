from datetime import UTC, datetime

import pytest

from consumer.timestamps import iso_millis, millis_since_epoch, parse_time

MOMENT = datetime(2025, 11, 24, 16, 0, 0, 123000, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "2025-11-24T16:00:00.123Z",
        "2025-11-24T17:00:00.123+01:00",
        "2025-11-24 16:00:00.123",
        "20251124T160000.123Z",
        1_764_000_000.123,
        1_764_000_000_123,
        1_764_000_000_123_000,
        1_764_000_000_123_000_000,
        "1764000000123",
        MOMENT,
        MOMENT.replace(tzinfo=None),
    ],
)
def test_one_moment_in_all_its_spellings(value: object) -> None:
    """ISO 8601, without an offset in UTC, and numbers since 1970 whose size tells their unit."""
    assert parse_time(value) == MOMENT


@pytest.mark.parametrize(
    "value",
    [None, True, "", "yesterday", "0000-00-00", float("nan"), float("inf"), -(10**20), 10**30, "9" * 5000, [], {},
     "9999-12-31T23:59:59-23:00"],
)  # fmt: skip
def test_what_is_no_time_is_none(value: object) -> None:
    """A message is not lost for it."""
    assert parse_time(value) is None


def test_a_date_alone_is_its_midnight() -> None:
    """Eight digits are a date, not seconds in 1970."""
    assert parse_time("2025-11-24") == parse_time("20251124") == datetime(2025, 11, 24, tzinfo=UTC)


def test_a_compact_number_is_not_taken_for_a_date() -> None:
    """1712-01-01 23:45 is what fromisoformat() would make of these milliseconds."""
    found = parse_time("1712010112345")

    assert found is not None
    assert found.year == 2024


def test_there_and_back() -> None:
    assert millis_since_epoch(MOMENT) == 1_764_000_000_123
    assert iso_millis(MOMENT) == "2025-11-24T16:00:00.123Z"
