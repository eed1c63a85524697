"""What may have flipped at most, so that a pipeline can let a model pass or not."""

from collections.abc import Sequence
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
    """Each limit that was set, what was found, and whether it is met: none is by part of a replay."""
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
        {"name": name, "limit": limit, "found": value, "within": within, "met": within and not figures["unfinished"]}
        for name, value in found.items()
        if (limit := getattr(limits, name)) is not None
        for within in (value >= limit if name[:3] == "min" else value <= limit,)
    ]


def require_met(checks: list[dict[str, Any]], unfinished: Sequence[str] = ()) -> None:
    """LimitError, naming each that is not met, and first which run is not done."""
    unmet = [f"{each}: no limit is met by a part" for each in unfinished] if checks else []
    unmet += [
        f"--{check['name'].replace('_', '-')} is {check['limit']:g}, and found was {check['found']:.6g}"
        for check in checks
        if not check["within"]
    ]
    if unmet:
        raise LimitError("\n".join(unmet))
