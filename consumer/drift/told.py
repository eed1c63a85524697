"""Drift at a terminal."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from consumer.drift.report import Figures

HEADS = {
    "satisfaction": "satisfaction",
    "urgency": "urgency",
    "token_length": "tokens",
    "unknown_share": "unknown tokens",
}


def table(figures: Figures) -> Table:
    """A row a window; of each feature its distance and how often chance takes it as far."""
    shown = Table("from", "to", "messages", *(HEADS[name] for name in figures["features"]), box=None, pad_edge=False)
    for window in figures["windows"]:
        cells = (_cell(window["features"][name]) for name in figures["features"])
        shown.add_row(_minute(window["from"]), _minute(window["to"]), f"{window['messages']:,}", *cells)
    if figures["windows"]:
        limits = (f"{figures['windows'][0]['features'][name]['limit']:.3f}" for name in figures["features"])
        shown.add_row("limit", "", "", *limits)
    return shown


def lines(figures: Figures) -> list[str]:
    """What stands below the table."""
    model = " ".join(figures["model"].values())
    shares = figures["satisfaction"]
    classes = ", ".join(
        f"{name} {found:.1%} ({shares['expected'][name]:.1%})" for name, found in shares["found"].items()
    )
    alarm = f"DRIFT: {', '.join(figures['drifted'])}" if figures["drifted"] else "no drift"
    return [
        f"{alarm}: {figures['messages']:,} answers since {figures['since']} against {model}'s reference",
        f"classes (and what was expected): {classes}",
        f"without any drift, at most {figures['rate']:.2%} of such calls show any",
        *(f"note: {note}" for note in figures["notes"]),
    ]


def _cell(look: Mapping[str, Any]) -> str:
    p = "<0.0001" if look["p"] < 1e-4 else f"{look['p']:.4f}"
    return f"{look['distance']:.3f} p {p}{' DRIFT' if look['drifted'] else ''}"


def _minute(moment: str) -> str:
    return moment[:16].replace("T", " ")
