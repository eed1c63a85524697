"""Corrections that nobody made."""

from consumer.corrections.entries import Correction
from consumer.corrections.settle import Rules

HOUR_MS = 3_600_000
START_MS = 490_000 * HOUR_MS  # 2025-11-24T16
RULES = Rules(frozenset({"shikyu", "ticketing"}), floor=3)


def made(offset: int, event_id: str = "in/0/1/live", **changed: object) -> Correction:
    """The `offset`th of the topic, written a minute after the one before, unless something else is said."""
    at = START_MS + offset * 60_000
    told = {
        "message_id": None,
        "decision": "urgent",
        "satisfaction": None,
        "role": "agent",
        "corrected_ms": changed.get("written_ms", at),
        "writer": "ticketing",
        "topic": "corrections",
        "partition": 0,
        "written_ms": at,
    }
    return Correction(event_id=event_id, offset=offset, **{**told, **changed})
