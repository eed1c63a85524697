"""Answers of two runs with flips that were planted, and the figures that they must come to."""

from dataclasses import replace
from typing import Any

from consumer.flips import report
from consumer.flips.answers import DEAD, Answer
from consumer.flips.count import figures
from consumer.flips.gather import Gathered
from consumer.flips.limits import Limits
from consumer.flips.notes import notes
from consumer.flips.standing import Standings
from consumer.flips.table import Side, Table
from consumer.flips.topics import Wanted

LABELS = ("very_unsatisfied", "unsatisfied", "neutral", "satisfied", "very_satisfied")
RUNS: dict[Side, str] = {"is": "new", "was": "live"}
START_MS = 1_790_000_000_000
HOUR_MS = 3_600_000


def answer(offset: int, urgency: float, **fields: Any) -> Answer:
    """At one an hour; urgent from 0.5 on."""
    made = Answer(
        source=("in", 0, offset), run="live", fate="urgent" if urgency >= 0.5 else "routine", written_ms=START_MS,
        satisfaction=LABELS[min(4, int(5 * (1 - urgency)))], urgency=urgency, threshold=0.5, reason="model",
        at_ms=START_MS + offset * HOUR_MS, id=f"id-{offset}", channel="email" if offset % 2 else "chat", language="en",
        attributes={"plan": "gold" if offset < 10 else "basic"}, text=f"text {offset}", model=("m", "1", "int8"),
        labels=LABELS,
    )  # fmt: skip
    return replace(made, **fields)


def counted(
    now: list[Answer],
    before: list[Answer],
    *,
    listed: int = 100,
    with_text: bool = True,
    messages_per_day: float | None = None,
    runs: dict[Side, str] = RUNS,
    slices: tuple[str, ...] = ("plan",),
    wanted: Wanted | None = None,
    limits: Limits | None = None,
    standings: Standings | None = None,
) -> dict[str, Any]:
    """As `report.figures` makes them, without Kafka."""
    found, standings = Gathered(), standings or Standings()
    sides: dict[Side, list[Answer]] = {"is": now, "was": before}
    with Table(slices) as table:
        for side, answers in sides.items():
            for each in answers:
                table.add(side, each, with_text=with_text)
                if each.fate == DEAD:
                    found.dead[side] += 1
                    continue
                found.answers[side] += 1
                found.texts[side] += each.text is not None
                found.labels[side][each.labels] += 1
        table.join()
        made = figures(table, runs, found, standings, listed=listed, messages_per_day=messages_per_day)
    topics = wanted or Wanted(("urgent", "routine"), {"dead": "live"}, ())
    said = notes(made, topics, standings, with_text=with_text)
    whole = {
        "made_at": "2026-11-29T10:00:00.000Z", **made, "topics": list(topics.answers), "with_text": with_text,
        "notes": said,
    }  # fmt: skip
    return report.judged(whole, limits or Limits())


def of_text(text: str) -> dict[str, Any]:
    """Wherever a name, a value or a text may stand, `text` does, as far as an event can hold it: no half characters."""
    text = text.encode("utf-8", "replace").decode()
    evil = {
        "id": text, "channel": text, "language": text, "attributes": {text: text}, "text": text, "reason": text,
        "satisfaction": text, "labels": (text,), "model": (text, text, text),
    }  # fmt: skip
    before = [answer(0, 0.4, **evil), answer(1, 0.6, **evil), answer(2, 0.7, **evil)]
    now = [answer(0, 0.6, **evil), answer(1, 0.3, **evil), answer(2, 0.8, **{**evil, "labels": ("other",)})]
    wanted = Wanted((text,), {text: "live"}, (text,))
    return counted(now, before, runs={"is": text + "1", "was": text}, slices=(text,), wanted=wanted)
