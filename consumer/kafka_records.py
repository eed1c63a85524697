"""What confluent-kafka delivers, as a record of ours."""

from typing import cast

from confluent_kafka import Message as KafkaMessage

from consumer.records import Record

HEADERS_DROPPED = "shikyu.headers.dropped"


def record_of(message: KafkaMessage) -> Record:
    """The message that confluent-kafka delivered, as ours; it must not be an error."""
    kind, timestamp_ms = message.timestamp()
    try:
        headers = cast("list[tuple[str, str | bytes | None]]", message.headers() or [])
    except UnicodeDecodeError:
        # The binding gives all headers or none, and a name that is not UTF-8 leaves none: the message is answered
        # without them rather than never.
        headers = [(HEADERS_DROPPED, b"a header's name is not UTF-8")]
    return Record(
        topic=message.topic() or "",
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        timestamp_ms=timestamp_ms if kind else None,
        key=_bytes(message.key()),
        value=_bytes(message.value()),
        headers=tuple((name, _bytes(value)) for name, value in headers),
    )


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value


def age_s(record: Record, now_s: float) -> float:
    """How long ago the record was written, by its own timestamp; 0 when it has none or is from the future."""
    return max(0.0, now_s - record.timestamp_ms / 1000) if record.timestamp_ms is not None else 0.0
