"""The whole way, from the topics to the figures."""

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from datetime import timedelta

import orjson

from consumer import kafka_options, logs, surroundings
from consumer.audit import count
from consumer.audit.count import Figures
from consumer.audit.notes import Note
from consumer.audit.population import Population
from consumer.audit.promise import Promised, promised
from consumer.audit.twice import told_once
from consumer.audit.window import Advance, Window
from consumer.corrections import read as corrections
from consumer.corrections.settle import Settled, settle
from consumer.errors import LimitError, SettingsError
from consumer.flips.answers import Answer
from consumer.schema_store import open_store
from consumer.settings import Settings
from consumer.timestamps import iso_millis, millis_since_epoch
from consumer.topics import missing

DAY_MS = 24 * 3_600_000
LEAST_DAYS = 1.0  # of a younger stream: an hour times 24 is no day


@dataclass(frozen=True, slots=True)
class Asked(count.Asked):
    since: timedelta = timedelta(days=7)
    stated: float | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """
    A window's messages, and what people said of them; `lacks_corrections` where there is no topic of these.

    `twice` messages were answered more than once, and are counted by their latest answer.
    """

    population: Population
    settled: Settled
    window: Window
    lacks_corrections: bool = False
    twice: int = 0

    def notes(self) -> Iterator[Note]:
        """What was read, and what was not."""
        if self.twice:
            what = "one message was" if self.twice == 1 else f"{self.twice:,} messages were"
            yield Note(f"{what} answered more than once, and counts once, by the latest answer")
        yield from self.window.notes()


# Made with the event ids that people said something of, once or, where messages were answered twice, once more; told
# every answer.
Beside = Callable[[Container[str]], Callable[[Answer], None]]


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
    return counted(read(settings, asked.since, advance), promise, asked)


def read(
    settings: Settings,
    since: timedelta,
    advance: Advance,
    beside: Beside | None = None,
    *,
    needs_corrections: bool = True,
) -> Read:
    """Of the live topics, and of the corrections; `beside` sees every answer too."""
    registry = settings.registry
    lacks = not needs_corrections and _is_missing(settings)
    with open_store(registry.url, registry.options, settings.input.schemas) as store:
        said = corrections.Found(()) if lacks else corrections.read(settings, store)
        corrected = {each.event_id for each in said.corrections}
        population = Population(corrected)
        window = Window.of(settings, (settings.output.urgent, settings.output.routine), since)

        def telling() -> Callable[[Answer], None]:
            nonlocal population
            population = Population(corrected)
            others: Callable[[Answer], None] = (lambda _: None) if beside is None else beside(corrected)
            window.unreadable.clear()

            def tell(answer: Answer) -> None:
                population.add(answer)
                others(answer)

            return tell

        twice = told_once(lambda: window.answers(store, advance), telling)
    settled = settle(said.corrections, population.known, corrections.rules(settings))
    return Read(population, settled, window, lacks, twice)


def counted(found: Read, promise: Promised | None, asked: count.Asked) -> Figures:
    window = found.window
    made = count.figures(found.population, found.settled, promise, days(window, found.population), asked)
    return {
        "made_at": iso_millis(window.until),
        "since": iso_millis(window.since),
        **made,
        "notes": [*made["notes"], *map(str, found.notes())],
    }


def _is_missing(settings: Settings) -> bool:
    return bool(missing(surroundings.listed(kafka_options.client_config(settings)), [settings.corrections.topic]))


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
