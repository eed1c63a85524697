"""The whole way, from the topics to the figures."""

from dataclasses import dataclass
from datetime import timedelta

import orjson

from consumer import kafka_options, logs
from consumer.audit import count
from consumer.audit.count import Figures
from consumer.audit.population import Population
from consumer.audit.promise import promised
from consumer.audit.window import Advance, Window
from consumer.corrections import read as corrections
from consumer.corrections.settle import settle
from consumer.errors import LimitError, SettingsError
from consumer.schema_store import open_store
from consumer.settings import Settings
from consumer.timestamps import iso_millis, millis_since_epoch

DAY_MS = 24 * 3_600_000
LEAST_DAYS = 1 / 24


@dataclass(frozen=True, slots=True)
class Asked(count.Asked):
    since: timedelta = timedelta(days=7)
    stated: float | None = None


def figures(settings: Settings, asked: Asked, advance: Advance) -> Figures:
    """
    What `count.figures` tells, with the window and its notes.

    Raises SettingsError where events tell no marks, ArtifactError for a manifest that can't be read, SurroundingsError
    or PassingFault where Kafka or the registry does not answer.
    """
    require_marks(settings)
    logs.configure(settings.log)
    kafka_options.verify(settings)
    promise = promised(settings, asked.stated)
    registry = settings.registry
    with open_store(registry.url, registry.options, settings.input.schemas) as store:
        said = corrections.read(settings, store)
        population = Population({each.event_id for each in said.corrections})
        window = Window.of(settings, (settings.output.urgent, settings.output.routine), asked.since)
        for answer in window.answers(store, advance):
            population.add(answer)
    settled = settle(said.corrections, population.known, corrections.rules(settings))
    made = count.figures(population, settled, promise, days(window, population), asked)
    return {
        "made_at": iso_millis(window.until),
        "since": iso_millis(window.since),
        **made,
        "notes": [*made["notes"], *window.notes()],
    }


def require_marks(settings: Settings) -> None:
    if settings.output.format == "text":
        raise SettingsError(
            "output.format = text carries no `audit`: what was marked for review can't be told; take another format"
        )


def days(window: Window, population: Population) -> float:
    """From the window's first answer on: where the stream is younger than the window, volume counts from there."""
    first = millis_since_epoch(window.since) if population.first_ms is None else population.first_ms
    return max(LEAST_DAYS, (millis_since_epoch(window.until) - first) / DAY_MS)


def require_kept(found: Figures) -> None:
    """LimitError when live traffic breaks the promise."""
    promise, live = found["promise"], found["live"]
    if promise is not None and promise["verdict"] == "broken":
        raise LimitError(
            f"the promise is broken: recall was promised to be {promise['recall']:.4g}, and among live messages it is "
            f"between {live['low']:.4g} and {live['high']:.4g} with 95 % confidence; see docs/recall.md what to do"
        )


def as_json(found: Figures) -> bytes:
    return orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
