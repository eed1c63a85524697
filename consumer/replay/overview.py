"""What runs there are, and how far each is."""

from collections.abc import Iterator

from consumer.errors import SurroundingsError
from consumer.kafka_options import client_config
from consumer.replay.entries import Run
from consumer.replay.progress import Expired, committed, left
from consumer.replay.start import runs_of
from consumer.settings import Settings


def overview(settings: Settings) -> Iterator[str]:
    """A line for each run, the oldest first."""
    runs = runs_of(settings)
    known = runs.read()
    if not known.runs:
        yield f"there are no runs in {runs.topic}"
        return
    width = max(map(len, known.runs))
    for run in known.runs.values():
        ended = known.ended.get(run.run)
        state = f"{ended.kind} {ended.at}" if ended else _state(settings, run)
        model = f"{run.model['name']} {run.model['version']} {run.model['precision']}"
        words = " ".join(f"{flag} {value}" for flag, value in run.asked.items()) or "all"
        yield f"{run.run:{width}}  begun {run.created_at}  {state}  of {run.records:,} records ({words}), by {model}"


def _state(settings: Settings, run: Run) -> str:
    try:
        return f"{left(run, committed(client_config(settings), run)):,} left"
    except Expired:
        return "expired"
    except SurroundingsError:
        return "held back"  # by a transaction that a process left open
