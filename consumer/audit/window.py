"""The answers of a window of the past, up to now: from the live topics, by a reader that joins and commits nothing."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

from confluent_kafka.admin._acl import AclOperation

from consumer import surroundings
from consumer.audit.notes import Note
from consumer.errors import RecordError, SurroundingsError
from consumer.flips.answers import Answer, NoAnswer, Reader, patiently
from consumer.flips.read import records
from consumer.kafka_options import client_config, consumer_config
from consumer.offsets import Span
from consumer.records import Record
from consumer.replay.freeze import Gone, freeze
from consumer.replay.window import Asked
from consumer.schema_store import SchemaStore
from consumer.settings import Settings
from consumer.timestamps import iso_millis, millis_since_epoch
from consumer.topics import missing

Advance = Callable[[int, int], None]  # offsets that are read, and of how many


@dataclass
class Window:
    """What was written to some topics since a moment; which offsets these are is frozen when it is made."""

    settings: Settings
    since: datetime
    until: datetime
    spans: dict[tuple[str, int], Span]
    gone: list[Gone]
    unreadable: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, settings: Settings, topics: Sequence[str], length: timedelta) -> "Window":
        """Raises SurroundingsError when a topic is missing or may not be read, or Kafka does not answer."""
        client = client_config(settings)
        listing = surroundings.listed(client)
        if there_is_no := missing(listing, list(topics)):
            raise SurroundingsError(
                f"topic {' and '.join(there_is_no)} is missing, or this client may not DESCRIBE it: check the "
                "settings that name it, and grant DESCRIBE and READ"
            )
        surroundings.must_allow(client, dict.fromkeys(topics, AclOperation.READ))
        now = datetime.now(UTC)
        spans, gone = freeze(client, topics, listing, Asked(since_ms=millis_since_epoch(now - length)))
        return cls(settings, now - length, now, {each.place: (each.start, each.end) for each in spans}, gone)

    def records(self, advance: Advance) -> Iterator[Record]:
        """Raises SurroundingsError when Kafka stops answering."""
        if not self.spans:
            return
        total = sum(end - start for start, end in self.spans.values())
        since_ms = millis_since_epoch(self.since)
        for record in records(consumer_config(self.settings), self.spans, lambda done: advance(done, total)):
            if record.timestamp_ms is None or record.timestamp_ms >= since_ms:
                yield record

    def answers(self, schemas: SchemaStore, advance: Advance) -> Iterator[Answer]:
        """Of the records that hold one; the others are counted in `unreadable`."""
        reader = Reader(self.settings.output, schemas)
        for record in self.records(advance):
            try:
                yield patiently(partial(reader.answer, record))
            except NoAnswer:
                self.unreadable["no-classified-message"] += 1
            except RecordError as error:
                self.unreadable[error.code] += 1

    def notes(self) -> Iterator[Note]:
        for each in self.gone:
            since = "" if each.since is None else f", which was written {iso_millis(each.since)}"
            yield Note(
                "some messages of this time are kept no more, and not counted",
                f"{each.place[0]}/{each.place[1]} begins later than the window: retention deleted what stood before "
                f"offset {each.first}{since}",
            )
        if self.unreadable:
            told = ", ".join(f"{count:,} {code}" for code, count in self.unreadable.items())
            yield Note(f"{self.unreadable.total():,} records that hold no answer were passed over", told)
