"""Settled corrections as lines for a terminal, and as JSON for another program."""

from collections.abc import Iterator, Sequence

from consumer.corrections.entries import Correction
from consumer.corrections.read import Found
from consumer.corrections.settle import Conflict, Held, Settled, burst_name
from consumer.corrections.texts import Read
from consumer.flips.answers import Answer, Source
from consumer.timestamps import from_millis, iso_millis
from consumer.visible import visible

SHOWN = 200
LISTED_PLACES = 20

# What a person may do about each reason.
REMEDIES = {
    "unknown-writer": "not in corrections.writers: add the name there if it is one of yours, and see who may WRITE",
    "burst": "far more in an hour than its writer is used to: look at them, and add {burst} to corrections.released",
    "unknown-message": "no such event in the topics of answers: deleted by retention, or never there",
}


def as_json(correction: Correction, answer: Answer | None = None) -> dict[str, object]:
    """`answered` is what the decision had been."""
    at = from_millis(correction.at_ms)
    return {
        "event_id": correction.event_id,
        "message_id": correction.message_id,
        "decision": correction.decision,
        "satisfaction": correction.satisfaction,
        "role": correction.role,
        "corrected_at": None if at is None else iso_millis(at),
        "writer": correction.writer,
        "stands_in": {"topic": correction.topic, "partition": correction.partition, "offset": correction.offset},
        **({} if answer is None else {"answered": answer.fate}),
    }


def conflict_as_json(conflict: Conflict) -> dict[str, object]:
    return {"stands": as_json(conflict.stands), "others": [as_json(each) for each in conflict.others]}


def held_as_json(held: Held) -> dict[str, object]:
    burst = {"burst": burst_name(held.correction)} if held.reason == "burst" else {}
    return {**as_json(held.correction), "reason": held.reason, **burst}


def line(correction: Correction) -> str:
    """Whoever may write to the topic may write anything into its texts."""
    at = from_millis(correction.at_ms)
    judged = "" if correction.satisfaction is None else f", {correction.satisfaction}"
    when = "at an unknown time" if at is None else iso_millis(at)
    writer = "nobody" if correction.writer is None else _plain(correction.writer)
    return f"{_plain(correction.event_id)}  {correction.decision}{judged}  by {correction.role}, {when}, from {writer}"


def conflict_lines(conflict: Conflict) -> Iterator[str]:
    yield f"stands  {line(conflict.stands)}"
    for each in conflict.others:
        yield f"   not  {line(each)}"


def held_lines(held: Sequence[Held]) -> Iterator[str]:
    """Each, and behind them what can be done, once for each burst and each other reason."""
    remedies: dict[str, None] = {}
    for each in held:
        yield f"{each.reason:15}  {line(each.correction)}"
        told = REMEDIES[each.reason].format(burst=_plain(burst_name(each.correction)))
        remedies[f"{each.reason}: {told}"] = None
    yield from remedies


def summary(settled: Settled, found: Found) -> str:
    """How many there are of each kind."""
    counts = f"{len(settled.standing):,} corrections stand, {len(settled.conflicts):,} of them in conflict"
    held = f"{len(settled.held):,} are held back" + (": shikyu corrections held" if settled.held else "")
    unread = found.unreadable.total()
    why = ", ".join(sorted(found.unreadable))
    others = f"; {unread:,} records there are no corrections that can be read ({why})" if unread else ""
    return f"{counts}; {held}{others}"


def left_out(read: Read) -> Iterator[str]:
    """Of texts that were looked for, those that were not found, and where they stood."""
    for places, why in (
        (read.gone, "are gone from Kafka (retention, or the topic was made anew)"),
        (read.unreadable, "are no message that today's settings can read (input.format, input.text, input.where)"),
    ):
        if places:
            yield f"{len(places):,} texts {why}, and were left out: {_places(places)}"


def _places(places: Sequence[Source]) -> str:
    told = ", ".join(f"{topic}/{partition}/{offset}" for topic, partition, offset in sorted(places)[:LISTED_PLACES])
    more = len(places) - LISTED_PLACES
    return f"{told}, and {more:,} more" if more > 0 else told


def _plain(word: str) -> str:
    return visible(word, SHOWN)[1:-1] if len(word) <= SHOWN else visible(word, SHOWN)
