"""What may have flipped at most, so that a pipeline can let a model pass or not."""

from dataclasses import dataclass
from typing import Any

from consumer.errors import LimitError
from consumer.flips.count import Figures


@dataclass(frozen=True, slots=True)
class Limits:
    """Shares of the messages compared, themselves and not their intervals' ends; None is no limit."""

    max_flip_share: float | None = None
    max_became_urgent_share: float | None = None
    max_became_routine_share: float | None = None
    max_became_dead_share: float | None = None
    min_compared: int | None = None
    max_missing: int | None = None


def checked(limits: Limits, figures: Figures) -> list[dict[str, Any]]:
    """Each limit that was set, what was found, and whether it is met."""
    flips, dead = figures["flips"], figures["dead"]["became"]
    found = {
        "max_flip_share": flips["all"]["value"],
        "max_became_urgent_share": flips["to_urgent"]["value"],
        "max_became_routine_share": flips["to_routine"]["value"],
        "max_became_dead_share": dead["value"] if dead else 0.0,
        "min_compared": figures["compared"],
        "max_missing": figures["sides"]["is"]["missing"],
    }
    return [
        {"name": name, "limit": limit, "found": value, "met": value >= limit if name[:3] == "min" else value <= limit}
        for name, value in found.items()
        if (limit := getattr(limits, name)) is not None
    ]


def require_met(checks: list[dict[str, Any]]) -> None:
    """LimitError, naming each that is not met."""
    unmet = [
        f"--{check['name'].replace('_', '-')} is {check['limit']:g}, and found was {check['found']:.6g}"
        for check in checks
        if not check["met"]
    ]
    if unmet:
        raise LimitError("\n".join(unmet))
