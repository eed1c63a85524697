"""The figures as one HTML page that holds everything it shows. It shows what the JSON holds, and nothing else."""

from functools import cache
from typing import Any

from jinja2 import Environment

from consumer.flips.count import CLASSES, Figures
from consumer.flips.told import day_line, model_line, value_of
from consumer.pages import in_words
from consumer.pages.environment import environment as shared

HEIGHT, WIDTH, GAP = 96, 360, 1.5
FIRST_VALUES = 12
FIRST_FLIPS = 20


def page(figures: Figures) -> str:
    return (
        environment()
        .get_template("flips.html")
        .render(
            found=figures,
            bars=bars(figures["times"]["bins"]),
            classes=classes(figures),
            slices={name: groups for name, groups in figures["slices"].items() if _is_told(groups)},
            first_values=FIRST_VALUES,
            first_flips=FIRST_FLIPS,
        )
    )


@cache
def environment() -> Environment:
    made = shared("consumer.flips")
    made.filters |= {
        "model_line": model_line,
        "day_line": day_line,
        "finely": finely,
        "number": number,
        "signed": signed,
        "width": width,
    }
    made.globals |= {"value_of": value_of, "class_of": class_of}
    return made


def class_of(group: Figures) -> str:
    label = group["value"]
    return f"{in_words.stars(label)} {label.replace('_', ' ')}" if label in CLASSES else value_of(group)


def finely(share: float) -> str:
    """In percent, with as many digits as a small one takes."""
    percent = 100 * share
    digits = 0 if percent in (0, 100) else 1 if percent >= 1 else 2 if percent >= 0.1 else 3
    return f"{percent:.{digits}f}\u00a0%"


def number(value: float | None) -> str:
    """Of an answer, which may not tell it: plain texts tell no threshold."""
    return "not told" if value is None else in_words.figure(value)


def signed(value: float) -> str:
    """With a sign, and a digit behind the point where that says something."""
    digits = 1 if abs(value) < 100 else 0
    return f"{value:+,.{digits}f}".replace("-", "\u2212")


def width(seconds: int) -> str:
    for name, unit in (("week", 604_800), ("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds % unit == 0:
            many = seconds // unit
            return f"{many} {name}s" if many > 1 else f"{'an' if name == 'hour' else 'a'} {name}"
    return f"{seconds} seconds"


def bars(bins: list[Figures]) -> dict[str, Any]:
    """Where each bin's two bars stand: what became urgent above a line, what became routine below it."""
    most = max([1, *(each[to] for each in bins for to in ("to_urgent", "to_routine"))])
    step = WIDTH / max(1, len(bins))
    return {
        "most": most,
        "bars": [
            {
                **each,
                "x": round(place * step, 2),
                "width": round(max(0.5, min(24, step) - GAP), 2),
                "up": round(HEIGHT * each["to_urgent"] / most, 2),
                "down": round(HEIGHT * each["to_routine"] / most, 2),
            }
            for place, each in enumerate(bins)
        ],
    }


def classes(figures: Figures) -> dict[str, Any]:
    """Messages by their class before and now; `heat` is their share of the row."""
    changes = figures["class_changes"]
    named = {label for change in changes for label in (change["was"], change["is"])}
    labels = [label for label in CLASSES if label in named or named <= set(CLASSES)]
    labels += sorted(label for label in named if label is not None and label not in CLASSES)
    if None in named:
        labels.append(None)  # type: ignore[arg-type]
    cells = {(change["was"], change["is"]): change["messages"] for change in changes}
    rows = []
    for was in labels:
        row = [cells.get((was, now), 0) for now in labels]
        total = sum(row)
        rows.append({"was": was, "total": total, "cells": [(each, each / total if total else 0) for each in row]})
    return {"labels": labels, "rows": rows}


def _is_told(groups: list[Figures]) -> bool:
    return any(group["value"] is not None for group in groups)
