"""The figures of a report of a window that nobody lived through."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from consumer.audit import live
from consumer.audit.notes import Note
from consumer.audit.population import Population
from consumer.audit.promise import Promised
from consumer.corrections.entries import Correction
from consumer.corrections.settle import Rules, settle
from consumer.report.figures import Asked, Figures, _corrections
from consumer.report.notes import notes
from consumer.report.slices import Slices
from consumer.report.volume import Volume
from consumer.settings import Settings
from tests.consumer.audit.live_window import START_MS, Live

RULES = Rules(frozenset({"shikyu"}), floor=100_000)


@dataclass
class Read:
    """As consumer.audit.window.Window is, of no Kafka."""

    since: datetime
    until: datetime
    notes_: Sequence[Note]

    def notes(self) -> Sequence[Note]:
        return self.notes_


def reported(
    messages: list[Live],
    corrections: list[Correction],
    promise: Promised | None = None,
    window_notes: Sequence[Note] = (),
    **other: object,
) -> Figures:
    said = {each.event_id for each in corrections}
    population, slices, volume = Population(said), Slices(("plan",), said), Volume()
    for number, each in enumerate(messages):
        answer = each.answer(attributes={"plan": f"plan {number % 4}", "odd": str(number)})
        for told in (population, slices, volume):
            told.add(answer)
    since = datetime.fromtimestamp(START_MS / 1000, UTC)
    length = timedelta(milliseconds=messages[-1].record.timestamp_ms - START_MS) if messages else timedelta(days=7)
    settled = settle(corrections, population.known, RULES)
    asked = Asked(slices=("plan",))
    read = live.Read(population, settled, Read(since, since + length, window_notes))
    recall = live.counted(read, promise, asked)
    dead = {"all": 3, "codes": [{"code": "missing-text", "messages": 3}]}
    return {
        "made_at": recall["made_at"],
        "since": recall["since"],
        "days": recall["days"],
        "recall": recall,
        "by_day": volume.by_day(),
        "work": volume.work(),
        "slices": slices.figures(settled.standing, asked.of),
        "dead_letters": dead,
        "drift": None,
        "corrections": _corrections(settled),
        "notes": [asdict(each) for each in notes(Settings(), read, dead, recall)],
        **other,
    }
