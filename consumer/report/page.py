"""The figures as one HTML page that holds everything it shows. It shows what the JSON holds, and nothing else."""

from functools import cache
from typing import Any

from jinja2 import Environment

from consumer.audit.notes import Note
from consumer.audit.told import NAMES, in_days, known_words
from consumer.pages.environment import environment as shared
from consumer.visible import visible

WIDTH, HEIGHT, GAP = 360, 120, 2.0
MOST_BARS_NAMED = 8
SHOWN = 60

Figures = dict[str, Any]


def page(figures: Figures) -> str:
    return environment().get_template("report.html").render(found=figures, bars=bars(figures["by_day"]), names=NAMES)


@cache
def environment() -> Environment:
    made = shared("consumer.report")
    made.filters |= {
        "finely": finely,
        "in_100": in_100,
        "in_days": in_days,
        "known_words": known_words,
        "named": named,
        "whole": whole,
    }
    return made


def whole(note: Figures) -> str:
    """For who runs the stream."""
    return str(Note(**note))


def finely(share: float) -> str:
    """In percent, with a digit behind the point where that says something."""
    percent = 100 * share
    return f"{percent:.{0 if percent >= 99.95 or percent == 0 else 1}f}\u00a0%"


def in_100(share: float) -> str:
    """Of a hundred, as people count: `93`, and `99.5` where a whole one would be too much."""
    times = 100 * share
    return f"{times:.0f}" if times < 99 or times == 100 else f"{times:.1f}"


def named(value: str) -> str:
    """What somebody chose as a channel or a plan."""
    return visible(value, SHOWN)[1:-1]


def bars(days: list[Figures]) -> dict[str, Any]:
    """Where each day's bar stands: urgent ones below, routine ones above them."""
    most = max([1, *(each["urgent"] + each["routine"] for each in days)])
    step = WIDTH / max(1, len(days))
    every = -(-len(days) // MOST_BARS_NAMED) if days else 1
    return {
        "most": most,
        "days": [
            {
                **each,
                "x": round(place * step, 2),
                "width": round(max(0.5, min(40, step) - GAP), 2),
                "urgent_height": round(HEIGHT * each["urgent"] / most, 2),
                "routine_height": round(HEIGHT * each["routine"] / most, 2),
                "name": each["day"][5:] if place % every == 0 else "",
            }
            for place, each in enumerate(days)
        ],
    }
