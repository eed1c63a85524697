"""Figures as a report writes them. What is not there is "not measured", so that a page needs no case for it."""

import math
from collections.abc import Mapping
from typing import Any

from jinja2.runtime import Undefined

from consumer.records import Satisfaction

NOT_MEASURED = "not measured"
STARS = {name.value: f"{row + 1}\u00a0★" for row, name in enumerate(Satisfaction)}
UNIT = "\u00a0%"  # a line never breaks before it

Estimated = Mapping[str, float]


def percent(share: Any, digits: int = 1) -> str:
    return NOT_MEASURED if is_missing(share) else f"{100 * share:.{digits}f}{UNIT}"


def at_least(share: Any) -> str:
    """Rounded down, as a promise must be; whole percents as such."""
    return NOT_MEASURED if is_missing(share) else f"{math.floor(1000 * share + 1e-9) / 10:g}{UNIT}"


def count(value: Any) -> str:
    """Whole, with a comma between thousands."""
    return NOT_MEASURED if is_missing(value) else f"{value:,.0f}"


def figure(value: Any, digits: int = 3) -> str:
    if is_missing(value):
        return NOT_MEASURED
    return f"{value:,}" if isinstance(value, int) else f"{value:.{digits}f}"


def percent_range(estimate: Any, to: str = " to ") -> str:
    """Of an estimate, where it lies: `91.6 to 96.3 %`."""
    return "" if is_missing(estimate) else f"{100 * estimate['low']:.1f}{to}{100 * estimate['high']:.1f}{UNIT}"


def count_range(estimate: Any, times: float = 1) -> str:
    return "" if is_missing(estimate) else f"{times * estimate['low']:,.0f} to {times * estimate['high']:,.0f}"


def figure_range(estimate: Any, to: str = " to ") -> str:
    return "" if is_missing(estimate) else f"{estimate['low']:.2f}{to}{estimate['high']:.2f}"


def points(estimate: Any) -> str:
    """A difference of shares in percentage points, with its interval."""
    if is_missing(estimate):
        return NOT_MEASURED
    value, low, high = (f"{100 * estimate[end]:+.1f}" for end in ("value", "low", "high"))
    return f"{value} points ({low} to {high})"


def stars(label: str) -> str:
    return STARS.get(label, label)


def is_missing(value: Any) -> bool:
    return value is None or isinstance(value, Undefined) or (isinstance(value, float) and math.isnan(value))
