"""Reads the many ways in which events write a point in time."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

# Below each bound a number of this unit is at latest in the year 5138, and of the next one at earliest in 1973.
_UNITS_PER_SECOND = ((1e11, 1), (1e14, 1_000), (1e17, 1_000_000), (1e20, 1_000_000_000))
_LONGEST_COMPACT_DATE = len("20261123")


def parse_time(value: object) -> datetime | None:
    """
    A point in time, in UTC; None when the value is none, or outside the years 1 to 9999.

    Takes ISO 8601 strings (without an offset: UTC) and numbers, also as strings of more than eight digits,
    since 1970 in seconds, milliseconds, microseconds or nanoseconds: their size tells which.
    """
    try:
        if isinstance(value, str):
            if value.isdecimal() and len(value) > _LONGEST_COMPACT_DATE:
                return _from_number(int(value))
            return _in_utc(datetime.fromisoformat(value))
        if isinstance(value, datetime):
            return _in_utc(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _from_number(value)
    except (ValueError, OverflowError):
        return None
    return None


def _in_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _from_number(value: float) -> datetime | None:
    for bound, per_second in _UNITS_PER_SECOND:
        if abs(value) < bound:
            return _EPOCH + timedelta(microseconds=value * (1_000_000 / per_second))
    return None


def millis_since_epoch(moment: datetime) -> int:
    return (moment - _EPOCH) // _MILLISECOND


def from_millis(value: int) -> datetime | None:
    """None outside the years 1 to 9999."""
    try:
        return _EPOCH + timedelta(milliseconds=value)
    except OverflowError:
        return None


@lru_cache(maxsize=8)  # one moment stands in every event of a window
def iso_millis(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds, such as 2026-11-23T09:30:00.000Z."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
