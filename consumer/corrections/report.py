"""The whole way, from the topics to what stands."""

from collections.abc import Callable
from dataclasses import dataclass

from consumer import kafka_options, logs
from consumer.corrections import answers, read
from consumer.corrections.answers import Answers
from consumer.corrections.read import Found
from consumer.corrections.settle import Settled, settle
from consumer.schema_store import SchemaStore
from consumer.settings import Settings

# What is read, offsets that are read, and of how many.
Advance = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Report:
    """Corrections as they were found, the answers that they speak of, and what became of them."""

    found: Found
    answers: Answers
    settled: Settled


def report(settings: Settings, store: SchemaStore, advance: Advance) -> Report:
    """Raises as `read.read` and `answers.find` do."""
    logs.configure(settings.log)
    kafka_options.verify(settings)
    found = read.read(settings, store, lambda done, of: advance("corrections", done, of))
    wanted = {each.event_id for each in found.corrections}
    known = answers.find(settings, store, wanted, lambda done, of: advance("answers", done, of))
    return Report(found, known, settle(found.corrections, known.by_id, read.rules(settings)))
