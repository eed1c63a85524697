"""What flips come to in a day, and how they are spread over time."""

from collections.abc import Mapping
from typing import Any

from consumer.flips.table import Table
from consumer.intervals import wilson
from consumer.timestamps import from_millis, iso_millis

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
WIDTHS = (MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 4 * HOUR, DAY, 7 * DAY, 28 * DAY)
MOST_BINS = 42
LEAST_SPAN_MS = HOUR  # a day is not guessed from less
_FIRST_MONDAY = 4 * DAY  # 1970 began on a Thursday

Figures = dict[str, Any]


def day(total: Mapping[str, Any], net: Mapping[str, Any] | None, messages_per_day: float | None) -> Figures:
    """
    So many more or fewer messages to look at, in as many a day as came in the time that was seen, or as were stated.

    `messages` is None where neither is known.
    """
    first, last = total["first_ms"], total["last_ms"]
    span_ms = 0 if first is None else last - first
    seen = total["timed"] * DAY / span_ms if span_ms >= LEAST_SPAN_MS else None
    messages = messages_per_day or seen
    figures: Figures = {
        "first": iso_of(first),
        "last": iso_of(last),
        "span_days": span_ms / DAY,
        "stated": messages_per_day is not None,
        "messages": messages,
    }
    if messages is None or net is None:
        return figures
    compared = total["compared"]
    return {
        **figures,
        "looks_was": messages * total["urgent_was"] / compared,
        "looks_is": messages * total["urgent_is"] / compared,
        "more": {end: messages * net[end] for end in ("value", "low", "high")},
        "to_urgent": _a_day(total["to_urgent"], compared, messages),
        "to_routine": _a_day(total["to_routine"], compared, messages),
    }


def times(table: Table, total: Mapping[str, Any]) -> Figures:
    """Bins of equal width, empty ones too, by when the source records were written."""
    first, last = total["first_ms"], total["last_ms"]
    untimed = total["compared"] - total["timed"]
    if first is None:
        return {"width_s": None, "untimed": untimed, "bins": []}
    widest = WIDTHS[-1] * (1 + (last - first) // (WIDTHS[-1] * MOST_BINS))
    width = next((each for each in WIDTHS if (last - first) / each < MOST_BINS), widest)
    start = _FIRST_MONDAY if width >= 7 * DAY else 0
    found = {
        row["bin"]: row
        for row in table.rows(
            "SELECT (at_ms - ?) // ? AS bin, count(*) AS compared, count(*) FILTER (to_urgent) AS to_urgent, "
            "count(*) FILTER (to_routine) AS to_routine FROM compared WHERE at_ms IS NOT NULL GROUP BY bin",
            start,
            width,
        )
    }
    none = {"compared": 0, "to_urgent": 0, "to_routine": 0}
    bins = [
        {**found.get(each, none), "from": iso_of(each * width + start)} for each in range(min(found), max(found) + 1)
    ]
    return {
        "width_s": width // 1000,
        "untimed": untimed,
        "bins": [{name: each[name] for name in ("from", *none)} for each in bins],
    }


def _a_day(messages: int, of: int, each_day: float) -> Figures:
    low, high = wilson(messages, of)
    return {"value": each_day * messages / of, "low": each_day * low, "high": each_day * high}


def iso_of(milliseconds: int | None) -> str | None:
    moment = None if milliseconds is None else from_millis(milliseconds)
    return None if moment is None else iso_millis(moment)
