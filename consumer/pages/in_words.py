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


def share(value: Any) -> str:
    """As somebody declared it: a whole percent as such."""
    return NOT_MEASURED if is_missing(value) else f"{round(100 * value, 1):g}{UNIT}"


def at_least(share: Any, unit: str = UNIT) -> str:
    """Rounded down, as a promise must be; whole percents as such."""
    return NOT_MEASURED if is_missing(share) else f"{math.floor(1000 * share + 1e-9) / 10:g}{unit}"


def count(value: Any) -> str:
    """Whole, with a comma between thousands."""
    return NOT_MEASURED if is_missing(value) else f"{value:,.0f}"


def figure(value: Any, digits: int = 3) -> str:
    """Thousands are whole, too."""
    if is_missing(value):
        return NOT_MEASURED
    whole = isinstance(value, int) or abs(value) >= 1000
    return f"{value:,.0f}" if whole else f"{value:.{digits}f}"


def percent_range(estimate: Any, to: str = " to ", digits: int = 1) -> str:
    """Of an estimate, where it lies: `91.6 to 96.3 %`."""
    if is_missing(estimate):
        return ""
    return f"{100 * estimate['low']:.{digits}f}{to}{100 * estimate['high']:.{digits}f}{UNIT}"


def count_range(estimate: Any, times: float = 1) -> str:
    return "" if is_missing(estimate) else f"{times * estimate['low']:,.0f} to {times * estimate['high']:,.0f}"


def figure_range(estimate: Any, to: str = " to ") -> str:
    return "" if is_missing(estimate) else f"{estimate['low']:.2f}{to}{estimate['high']:.2f}"


def points_more(estimate: Any) -> str:
    """A difference of shares: `5.9 points fewer (-11.6 to -0.1)`."""
    if is_missing(estimate):
        return NOT_MEASURED
    low, high = (f"{100 * estimate[end]:+.1f}" for end in ("low", "high"))
    return f"{100 * abs(estimate['value']):.1f} points {'more' if estimate['value'] > 0 else 'fewer'} ({low} to {high})"


def stars(label: str) -> str:
    return STARS.get(label, label)


def is_missing(value: Any) -> bool:
    return value is None or isinstance(value, Undefined) or (isinstance(value, float) and math.isnan(value))
