"""A record of an output topic to the answer that it holds, in any format that `encode` writes."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from consumer.dead_letters import CONNECT
from consumer.decode import deserializer
from consumer.encode import require_registry
from consumer.errors import UnknownSchema
from consumer.records import Record
from consumer.run_names import LIVE
from consumer.schema_store import SchemaStore
from consumer.settings import Input, Output
from consumer.timestamps import millis_since_epoch, parse_time

FATES = ("urgent", "routine")
DEAD = "dead"

Source = tuple[str, int, int]  # topic, partition and offset of the record that was answered


class NoAnswer(Exception):
    """The record can be read, and is no classified-message."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a run said of one source record; None is what its event does not tell. `fate` is one of FATES, or DEAD."""

    source: Source
    run: str
    fate: str
    written_ms: int | None
    satisfaction: str | None = None
    urgency: float | None = None
    threshold: float | None = None
    reason: str | None = None
    at_ms: int | None = None  # the source record's timestamp, else when the message was sent
    id: str | None = None
    channel: str | None = None
    language: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    text: str | None = None
    model: tuple[str | None, str | None, str | None] = (None, None, None)  # name, version, precision
    audit: float | None = None  # the probability with which it was drawn for people to check
    labels: tuple[str, ...] = ()  # the classes that it knows a probability for

    @property
    def event_id(self) -> str:
        """As the event itself has it."""
        return "/".join(map(str, (*self.source, self.run)))


class Reader:
    """Reads by `output.format`. Avro is read as it was written: what an older or newer event lacks is None."""

    def __init__(self, settings: Output, schemas: SchemaStore) -> None:
        """Raises SettingsError when a registry is needed and not set."""
        require_registry(settings, schemas)
        self._deserialize = deserializer(Input(format=settings.format), schemas)
        self._is_text = settings.format == "text"

    def answer(self, record: Record) -> Answer:
        """Raises RecordError and NoAnswer for what is none, PassingFault while the registry is away."""
        if record.value is None:
            raise NoAnswer
        found = self._deserialize(record)
        try:
            return _of_headers(record, found) if self._is_text else _of_event(record, found)
        except (KeyError, TypeError, ValueError, IndexError):
            raise NoAnswer from None


def patiently(ask: Callable[[], Answer], pause_s: float = 1.0) -> Answer:
    """A schema that the registry does not know yet is asked for until it says for good that there is none."""
    while True:
        try:
            return ask()
        except UnknownSchema:
            time.sleep(pause_s)


def dead_letter(record: Record, run: str) -> Answer:
    """Whose source a dead letter's headers tell: the last of each, for one may have died before. Raises NoAnswer."""
    headers = {name: value for name, value in record.headers if value is not None}
    try:
        topic, partition, offset = (headers[CONNECT + name].decode() for name in ("topic", "partition", "offset"))
        source = (topic, int(partition), int(offset))
        at = headers.get("shikyu.source.timestamp", b"").decode()
        own = headers.get("shikyu.run", run.encode()).decode()
        return Answer(source, own, DEAD, record.timestamp_ms, at_ms=int(at) if at else None)
    except (KeyError, ValueError):
        raise NoAnswer from None


def _of_event(record: Record, event: object) -> Answer:
    told = _map(event)
    source, model = _map(told["source"]), _map(told.get("model", {}))
    return Answer(
        source=(_string(source["topic"]), _whole(source["partition"]), _whole(source["offset"])),
        run=_string(told.get("run", LIVE)),
        fate=_fate(told["decision"]),
        written_ms=record.timestamp_ms,
        satisfaction=_optional(told.get("satisfaction")),
        urgency=_number(told.get("urgency")),
        threshold=_number(told.get("threshold")),
        reason=_optional(told.get("reason")),
        at_ms=_millis(source.get("timestamp")) or _millis(told.get("sent_at")),
        id=_optional(told.get("id")),
        channel=_optional(told.get("channel")),
        language=_optional(told.get("language")),
        attributes={_string(name): _string(value) for name, value in _map(told.get("attributes") or {}).items()},
        text=_optional(told.get("text")),
        audit=_number(told.get("audit")),
        model=(
            _optional(model.get("name")),
            _optional(model.get("version")),
            _optional(model.get("precision")),
        ),
        labels=tuple(map(str, _map(told.get("probabilities") or {}))),
    )


def _of_headers(record: Record, text: object) -> Answer:
    """Of a plain text, whose decision stands beside it."""
    headers = {name: value.decode() for name, value in record.headers if value is not None and name.isascii()}
    # A topic's name has no slash; a run's might.
    topic, partition, offset, run = headers["ce_id"].split("/", 3)
    urgency = headers.get("shikyu.urgency")
    return Answer(
        source=(topic, int(partition), int(offset)),
        run=run,
        fate=_fate(headers["shikyu.decision"]),
        written_ms=record.timestamp_ms,
        satisfaction=headers.get("shikyu.satisfaction"),
        urgency=None if urgency is None else float(urgency),
        reason=headers.get("shikyu.reason"),
        text=_optional(text),
        model=(None, headers.get("shikyu.model.version"), None),
    )


def _fate(value: object) -> str:
    if value not in FATES:
        raise ValueError
    return str(value)


def _map(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise TypeError
    return value


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _optional(value: object) -> str | None:
    return None if value is None else _string(value)


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError
    return value


def _number(value: object) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float):
        raise TypeError
    return float(value)


def _millis(value: object) -> int | None:
    moment = parse_time(value)
    return None if moment is None else millis_since_epoch(moment)
