"""What flows through the steps: frozen data, made once and handed on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from consumer.errors import RecordError

Headers = tuple[tuple[str, bytes | None], ...]


@dataclass(frozen=True, slots=True)
class Record:
    """A record as Kafka delivered it. `timestamp_ms` is None when the broker kept none."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int | None
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Message:
    """What a customer wrote, read out of a record by the user's expressions."""

    text: str
    id: str | None = None
    customer_id: str | None = None
    channel: str | None = None
    language: str | None = None
    sent_at: datetime | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    urgent_rule: str | None = None  # the first of the user's `always_urgent` rules that holds


class SkipReason(StrEnum):
    TOMBSTONE = "tombstone"  # a null value: nothing was written
    WHERE = "where"  # the user's own `where` says that it is no message
    OUTSIDE = "outside"  # a replay's: its time is not in the window, though its offset is between those that are


@dataclass(frozen=True, slots=True)
class Skipped:
    reason: SkipReason


@dataclass(frozen=True, slots=True)
class Dead:
    """A record that is not classified; `field_names` are the first of the decoded event's, which has `field_count`."""

    error: RecordError
    field_names: tuple[str, ...] = ()
    field_count: int = 0


Decoded = Message | Skipped | Dead


@dataclass(frozen=True, slots=True)
class Tokens:
    """
    One text as the model takes it: `ids` (length,) int64 with [CLS] and [SEP], at most max_length.

    `unknown_share` is the share of unknown tokens among the text's own, 1.0 for a text without any.
    """

    ids: NDArray[np.int64]
    truncated: bool
    unknown_share: float


class Satisfaction(StrEnum):
    """The five classes, in the order of the model's logits: one star to five."""

    VERY_UNSATISFIED = "very_unsatisfied"
    UNSATISFIED = "unsatisfied"
    NEUTRAL = "neutral"
    SATISFIED = "satisfied"
    VERY_SATISFIED = "very_satisfied"


@dataclass(frozen=True, slots=True)
class ModelVersion:
    name: str
    version: str
    precision: str


@dataclass(frozen=True, slots=True)
class Decision:
    """
    The answer for one text.

    `probabilities` are calibrated, in the order of `Satisfaction`, and sum to 1; `urgency` is
    P(very unsatisfied) + P(unsatisfied) after correction to the live class shares (two stars counting by the artifact's
    weight), in [0, 1].
    `reason` is `model`, `rule:<name>` or `fallback:<why>`.
    """

    satisfaction: Satisfaction
    probabilities: tuple[float, float, float, float, float]
    urgency: float
    urgent: bool
    threshold: float
    reason: str
    truncated: bool
    model: ModelVersion
    audit: float | None = None  # the probability with which it was drawn for people to check; None when it was not

    @property
    def decision(self) -> str:
        return "urgent" if self.urgent else "routine"


@dataclass(frozen=True, slots=True)
class OutputRecord:
    """A record to be produced. The timestamp is the broker's or the client's now, never the source's."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers
