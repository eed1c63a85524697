"""How far the runs are, by the records that they were begun with: what is not done yet is no flip, and no verdict."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from confluent_kafka.admin._metadata import ClusterMetadata

from consumer.errors import SurroundingsError
from consumer.flips.gather import Runs
from consumer.flips.table import Side
from consumer.kafka_options import client_config
from consumer.replay.entries import Known, Run
from consumer.replay.progress import committed, left
from consumer.replay.start import runs_of
from consumer.run_names import LIVE, SHADOW
from consumer.settings import Settings
from consumer.topics import missing
from consumer.visible import visible

SHOWN = 60


@dataclass(frozen=True, slots=True)
class Standing:
    """`left` is None where Kafka does not tell. It comes from the run's progress: markers have offsets, too."""

    run: Run
    state: Literal["done", "begun", "cancelled"]
    left: int | None

    @property
    def unfinished(self) -> str | None:
        """What is said of a run that is not done."""
        if self.state == "done":
            return None
        was = "was cancelled" if self.state == "cancelled" else "is not done"
        records = f"{self.run.records:,}"
        rest = f"{self.left:,} of {records}" if self.left is not None else f"Kafka does not tell how many of {records}"
        return f"run {_name(self.run.run)} {was}: {rest} are left"


@dataclass(frozen=True, slots=True)
class Standings:
    """Those that are known, by side; why the others are not; and the last runs' names."""

    of: Mapping[Side, Standing] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


def look(settings: Settings, listing: ClusterMetadata, runs: Runs) -> Standings:
    """To be asked before answers are counted: what is done by then has all of them."""
    topic, config = settings.replay.runs_topic, client_config(settings)
    asked = {side: run for side, run in runs.items() if run not in (LIVE, SHADOW)}  # these are in no topic of runs
    if not asked:
        return Standings()
    if missing(listing, [topic]):
        why = f"{topic} (replay.runs_topic), which keeps the runs, is missing, or this client may not DESCRIBE it"
        return Standings(unknown=tuple(_unknown(run, why) for run in asked.values()))
    try:
        known = runs_of(settings).read()
    except SurroundingsError as problem:
        return Standings(unknown=tuple(_unknown(run, str(problem)) for run in asked.values()))
    of = {
        side: standing(known, known.runs[run], lambda begun: left(begun, committed(config, begun)))
        for side, run in asked.items()
        if run in known.runs
    }
    lacking = (_unknown(run, f"{topic} has no such run") for side, run in asked.items() if side not in of)
    return Standings(of, tuple(lacking), tuple(known.runs))


def standing(known: Known, run: Run, ask: Callable[[Run], int]) -> Standing:
    """`ask` says how much is left, or raises SurroundingsError."""
    ended = known.ended.get(run.run)
    if ended is not None and ended.kind == "done":
        return Standing(run, "done", 0)
    if ended is not None and ended.stopped is not None:
        # What Kafka still holds of a cancelled run's offsets goes one day.
        rest: int | None = left(run, {span.place: span.end for span in ended.stopped})
    else:
        try:
            rest = ask(run)
        except SurroundingsError:
            rest = None  # forgotten, forbidden, or held back by a transaction that a process left open
    if rest == 0:
        return Standing(run, "done", 0)
    return Standing(run, "begun" if ended is None else "cancelled", rest)


def _unknown(run: str, why: str) -> str:
    return f"whether run {_name(run)} is done is not known: {why}"


def _name(run: str) -> str:
    return visible(run, SHOWN)[1:-1]
