"""A record of the corrections topic to the correction that it holds, in any format that they may be written in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from consumer.records import Record, Satisfaction
from consumer.settings import Format, Settings
from consumer.timestamps import millis_since_epoch, parse_time

Decision = Literal["urgent", "routine"]
Role = Literal["other", "customer", "agent", "supervisor", "quality"]

DECISIONS: tuple[Decision, ...] = get_args(Decision)
# The later in the list, the more a role weighs where two disagree.
ROLES: tuple[Role, ...] = get_args(Role)
WRITER = "ce_source"  # the header that names who wrote a correction


class NoCorrection(Exception):
    """The record can be read, and is no correction."""


@dataclass(frozen=True, slots=True)
class Correction:
    """
    What the decision of one classified message should have been; `satisfaction` is None where it was not judged.

    `topic`, `partition` and `offset` are where the correction itself stands, `written_ms` is when Kafka took it.
    """

    event_id: str
    message_id: str | None
    decision: Decision
    satisfaction: Satisfaction | None
    role: Role
    corrected_ms: int
    writer: str | None
    topic: str
    partition: int
    offset: int
    written_ms: int | None

    @property
    def at_ms(self) -> int:
        """When it was made; at the latest when it was written, so that nobody has the last word from the future."""
        return self.corrected_ms if self.written_ms is None else min(self.corrected_ms, self.written_ms)

    @property
    def weight(self) -> tuple[int, int, str, int, int]:
        """The greatest of a message's stands: the weightiest role, then the latest, then the last in the topic."""
        return ROLES.index(self.role), self.at_ms, self.topic, self.partition, self.offset


def written_as(settings: Settings) -> Format:
    """The format of corrections: their own, else that of the answers, which as plain texts hold no event."""
    if settings.corrections.format is not None:
        return settings.corrections.format
    if settings.output.format != "text":
        return settings.output.format
    return "avro" if settings.registry.url else "json"


def correction(record: Record, event: object) -> Correction:
    """
    Of a record and what its value says. Raises NoCorrection.

    Words that a later version may add are read as the schema says: a decision is `urgent`, a role `other`, and a
    satisfaction was not judged.
    """
    if not isinstance(event, Mapping):
        raise NoCorrection
    at = parse_time(event.get("corrected_at"))
    event_id = event.get("event_id")
    if at is None or not isinstance(event_id, str) or not isinstance(event.get("decision"), str):
        raise NoCorrection
    message_id, decision, role = (event.get(name) for name in ("message_id", "decision", "role"))
    return Correction(
        event_id=event_id,
        message_id=message_id if isinstance(message_id, str) else None,
        decision=decision if decision in DECISIONS else "urgent",
        satisfaction=_satisfaction(event.get("satisfaction")),
        role=role if role in ROLES else "other",
        corrected_ms=millis_since_epoch(at),
        writer=_writer(record),
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        written_ms=record.timestamp_ms,
    )


def _satisfaction(value: object) -> Satisfaction | None:
    return Satisfaction(value) if isinstance(value, str) and value in tuple(Satisfaction) else None


def _writer(record: Record) -> str | None:
    """The last header of that name: what stands before it, another program may have passed on."""
    found = [value for name, value in record.headers if name.lower() == WRITER and value]
    return found[-1].decode("utf-8", "replace") if found else None
