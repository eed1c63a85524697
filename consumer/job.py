"""
What a service is there for: the live stream, or a replay of a part of it.

And the two ends of the pure middle that depend on it: what is decoded at all, and under which run it is answered.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from consumer.answer import Decode, Mark
from consumer.audit.draw import marking as drawing
from consumer.dead_letters import CRASHED, dead_letter
from consumer.encode import Encoder
from consumer.errors import RecordError, SettingsError
from consumer.quarantine import CRASHES, Quarantine
from consumer.receive import Source
from consumer.records import Dead, Decision, Decoded, Message, ModelVersion, OutputRecord, Record, Skipped, SkipReason
from consumer.run_names import LIVE
from consumer.settings import Audit, Settings
from consumer.slot import Slot


@dataclass(frozen=True)
class Job:
    """What is read, and under which run it is answered: the live stream, unless it is a replay."""

    run: str = LIVE
    source: Callable[..., Source] = Source
    is_over: Callable[[], bool] = lambda: False
    is_outside: Callable[[Record], bool] = lambda _: False
    # Of a record that is a dead letter: as it came first, and which attempt this is.
    original: Callable[[Record], Record] = lambda record: record
    attempt: Callable[[Record], int] = lambda _: 1
    group_id: str | None = None  # that its dead letters name; the settings' own unless given
    rereads_dead: bool = False  # whether what is read are dead letters
    may_die: bool = False  # whether a beginning of nothing but dead letters says nothing of the settings
    registered_as: Mapping[str, str] = field(default_factory=dict)  # as encode.Encoder takes it


def refusing(decode: Decode, own: frozenset[str], quarantine: Quarantine, job: Job) -> Decode:
    """
    Refuses our own outputs, which a pattern may read: it would answer its own answers, for ever.

    What processes died of is not even looked at.
    """

    def refuse(record: Record) -> Decoded:
        if job.is_outside(record):
            return Skipped(SkipReason.OUTSIDE)
        first = job.original(record)
        if first.topic in own:
            raise SettingsError(
                f"input.topics reads the output topic {record.topic} back in: make the pattern narrower"
            )
        if quarantine.condemns(record):
            return Dead(CRASHED.error(times=CRASHES))
        return decode(first)

    return refuse


def marking(settings: Audit, job: Job) -> Mark:
    """By where a record came from first, as its event's source says it."""
    mark = drawing(settings)
    return lambda record, decision: mark(job.original(record), decision)


def encoding(encoder: Encoder, job: Job) -> Callable[[Record, Message, Decision, datetime], OutputRecord]:
    def encode(record: Record, message: Message, decision: Decision, now: datetime) -> OutputRecord:
        attempt = job.attempt(record)
        return encoder.encode(job.original(record), message, decision, run=job.run, attempt=attempt, classified_at=now)

    return encode


def dead_lettering(
    settings: Settings, slot: Slot, model: Callable[[], ModelVersion], job: Job
) -> Callable[[Record, RecordError], OutputRecord]:
    def dead(record: Record, error: RecordError) -> OutputRecord:
        return dead_letter(
            job.original(record),
            error,
            topic=settings.dead_letters.topic,
            connector_name=job.group_id or settings.delivery.group_id,
            task_id=slot.name,
            run=job.run,
            attempt=job.attempt(record),
            model_version=model().version,
        )

    return dead
