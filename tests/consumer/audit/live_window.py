"""A window of live messages that nobody wrote, marked by the service's own draw and judged by people who know."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from consumer.audit.draw import marking
from consumer.corrections.entries import Correction
from consumer.flips.answers import Answer
from consumer.records import Decision, ModelVersion, Record, Satisfaction
from consumer.settings import Audit

KEY = "k" * 32
MODEL = ModelVersion("demo", "1", "int8")
THRESHOLD = 0.4
START_MS = 1_790_000_000_000


@dataclass(frozen=True)
class Live:
    """One message as it was decided, and how it really was."""

    record: Record
    decision: Decision
    is_very_unsatisfied: bool
    is_unsatisfied: bool

    @property
    def should(self) -> bool:
        return self.is_very_unsatisfied or self.is_unsatisfied

    @property
    def event_id(self) -> str:
        return f"{self.record.topic}/{self.record.partition}/{self.record.offset}/live"

    def answer(self, **changed: object) -> Answer:
        told = {
            "source": (self.record.topic, self.record.partition, self.record.offset),
            "run": "live",
            "fate": self.decision.decision,
            "written_ms": self.record.timestamp_ms,
            "satisfaction": self.decision.satisfaction.value,
            "urgency": self.decision.urgency,
            "threshold": self.decision.threshold,
            "reason": self.decision.reason,
            "audit": self.decision.audit,
            "model": (MODEL.name, MODEL.version, MODEL.precision),
            "channel": "email" if self.record.offset % 3 else "chat",
            "language": "en",
        }
        return Answer(**{**told, **changed})

    def correction(self, at: int, satisfaction: bool = True, **changed: object) -> Correction:
        label = Satisfaction.VERY_UNSATISFIED if self.is_very_unsatisfied else Satisfaction.NEUTRAL
        told = {
            "event_id": self.event_id,
            "message_id": None,
            "decision": "urgent" if self.should else "routine",
            "satisfaction": label if satisfaction else None,
            "role": "quality",
            "corrected_ms": START_MS + at * 60_000,
            "writer": "shikyu",
            "topic": "corrections",
            "partition": 0,
            "offset": at,
            "written_ms": START_MS + at * 60_000,
        }
        return Correction(**{**told, **changed})


def lived(count: int, audit: Audit, *, recall: float = 0.9, apart_ms: int = 60_000, topic: str = "in") -> list[Live]:
    """A tenth is very unsatisfied, a tenth unsatisfied; every 50th is urgent by a rule."""
    rng = np.random.default_rng(4)
    mark = marking(audit)
    made = []
    for offset in range(count):
        kind = rng.random()
        bad = kind < 0.1
        urgent = rng.random() < (recall if bad else 0.5 if kind < 0.2 else 0.05)
        urgency = float(rng.uniform(THRESHOLD, 1) if urgent else rng.beta(1 if bad else 0.5, 2) * THRESHOLD)
        ruled = offset % 50 == 49
        record = Record(topic, offset % 3, offset, START_MS + offset * apart_ms, b"k", b"")
        decision = Decision(
            Satisfaction.VERY_UNSATISFIED if urgent else Satisfaction.NEUTRAL, (0.2,) * 5, urgency, urgent or ruled,
            THRESHOLD, "rule:legal" if ruled else "model", truncated=False, model=MODEL,
        )  # fmt: skip
        made.append(Live(record, mark(record, decision), bad, 0.1 <= kind < 0.2))
    return made


def judged(messages: list[Live], **how: object) -> Iterator[Correction]:
    """By who looks at everything that is marked."""
    marked = [each for each in messages if each.decision.audit is not None]
    return (each.correction(at, **how) for at, each in enumerate(marked))
