"""The whole way, from the topics to the figures, and these to files."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from consumer import kafka_options, logs, offsets, surroundings
from consumer.errors import SettingsError
from consumer.flips import count, read
from consumer.flips.answers import Reader
from consumer.flips.gather import Gather, Runs, require_both, require_slices
from consumer.flips.limits import Limits, checked
from consumer.flips.notes import notes
from consumer.flips.page import page
from consumer.flips.standing import look
from consumer.flips.table import Table
from consumer.flips.topics import wanted
from consumer.schema_store import open_store
from consumer.settings import Settings
from consumer.timestamps import iso_millis

Figures = count.Figures
# Offsets that are read, and of how many.
Advance = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Asked:
    run: str
    against: str
    topics: tuple[str, ...] = ()  # further ones that hold answers
    slices: tuple[str, ...] = ()
    listed: int = 200
    with_text: bool = False
    messages_per_day: float | None = None


def figures(settings: Settings, asked: Asked, advance: Advance) -> Figures:
    """
    What `count.figures` tells, with the time, the topics and the notes.

    Raises SettingsError where there is nothing to compare or no answer has a slice, SurroundingsError or PassingFault
    where Kafka or the registry does not answer.
    """
    logs.configure(settings.log)
    kafka_options.verify(settings)
    client = kafka_options.client_config(settings)
    listing = surroundings.listed(client)
    counts = {name: len(topic.partitions) for name, topic in listing.topics.items()}
    runs: Runs = {"is": asked.run, "was": asked.against}
    topics = wanted(settings, tuple(runs.values()), asked.topics, tuple(counts))
    standings = look(settings, listing, runs)
    at = datetime.now(UTC)
    spans = offsets.spans(client, {name: counts[name] for name in (*topics.answers, *topics.dead_letters)})
    total = sum(end - start for start, end in spans.values())
    registry = settings.registry
    with open_store(registry.url, registry.options, settings.input.schemas) as store, Table(asked.slices) as table:
        reader = Reader(settings.output, store)
        gather = Gather(reader, table, runs, topics, with_text=asked.with_text)
        records = read.records(kafka_options.consumer_config(settings), spans, lambda done: advance(done, total))
        found = gather.all(records)
        require_both(found, runs, topics, settings.output.format, standings.names)
        table.join()
        require_slices(found, table.unknown())
        made = count.figures(
            table, runs, found, standings, listed=asked.listed, messages_per_day=asked.messages_per_day
        )
    if not made["compared"]:
        raise SettingsError(_nothing(made))
    return {
        "made_at": iso_millis(at),
        **made,
        "topics": [*topics.answers, *topics.dead_letters],
        "with_text": asked.with_text,
        "notes": notes(made, topics, standings, with_text=asked.with_text),
    }


def judged(found: Figures, limits: Limits) -> Figures:
    return {**found, "limits": checked(limits, found)}


def as_json(found: Figures) -> bytes:
    return orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def as_page(found: Figures) -> bytes:
    return page(found).encode()


def _nothing(made: Mapping[str, object]) -> str:
    sides = made["sides"]
    assert isinstance(sides, dict)
    return (
        f"nothing to compare: run {made['run']!r} answered {sides['is']['messages']:,} messages and "
        f"{made['against']!r} {sides['was']['messages']:,}, and no message (topic, partition, offset) was answered by "
        "both. Was the replay of another topic, or of a time whose answers are deleted by now?"
    )
