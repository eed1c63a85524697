"""The pure middle without Kafka: what a run's rows are answered with."""

from collections.abc import Callable
from datetime import datetime

from consumer.answer import Classifies, Steps
from consumer.audit.draw import marking
from consumer.backfill.parts import Part
from consumer.dead_letters import dead_letter
from consumer.decode import Decoder
from consumer.encode import Encoder
from consumer.errors import RecordError
from consumer.guard import Guard
from consumer.records import Decision, Message, ModelVersion, OutputRecord, Record
from consumer.schema_store import SchemaStore
from consumer.settings import Settings
from consumer.telemetry import UNTOLD

FILES = "files"  # the task that dead letters name


def of_files(settings: Settings) -> Settings:
    """A row is read as an event in JSON is, whatever the live stream's events are written in."""
    return settings.model_copy(
        update={"input": settings.input.model_copy(update={"format": "json", "reader_schema": None})}
    )


def steps(
    settings: Settings,
    model: Classifies,
    version: ModelVersion,
    run: str,
    between_batches: Callable[[], None] = lambda: None,
) -> Steps:
    """Events come out as JSON, whatever the live stream's are written in: a table is made of them."""
    reading = of_files(settings)
    store = SchemaStore(None)
    decoder = Decoder(reading.input, store, reading.rules)
    output = settings.output.model_copy(update={"format": "json"})
    encoder = Encoder(output, store, application=settings.delivery.application)

    def encode(record: Record, message: Message, decision: Decision, now: datetime) -> OutputRecord:
        return encoder.encode(record, message, decision, run=run, attempt=1, classified_at=now)

    def dead(record: Record, error: RecordError) -> OutputRecord:
        return dead_letter(
            record,
            error,
            topic=settings.dead_letters.topic,
            connector_name=settings.delivery.group_id,
            task_id=FILES,
            run=run,
            attempt=1,
            model_version=version.version,
        )

    return Steps(decoder.decode, model, encode, dead, UNTOLD, between_batches, marking(settings.audit))


class Guards:
    """
    One for each file, over all of its parts that this process answers: a part may have too few rows to be judged alone.

    Only a file's beginning is judged by its first records.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._of: dict[int, Guard] = {}

    def of(self, part: Part) -> Guard:
        if part.file not in self._of:
            most = self._settings.dead_letters.max_share
            judges_the_first = part.first == 1 and most < 1
            self._of[part.file] = Guard(most, reads(self._settings), judges_the_first=judges_the_first)
        return self._of[part.file]


def reads(settings: Settings) -> str:
    return f"input.text {', '.join(settings.input.text)!r} (rows of files are read as JSON)"
