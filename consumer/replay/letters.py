"""Dead letters read back: what each says of its death, and the record as it came."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from consumer.dead_letters import CONNECT, HEADERS, REASONS
from consumer.errors import SettingsError
from consumer.quarantine import Place
from consumer.records import Record

INT, LONG = 2**31 - 1, 2**63 - 1  # Avro's largest


@dataclass(frozen=True, slots=True)
class Letter:
    """One of ours, as its headers tell it."""

    place: Place
    offset: int
    died_ms: int | None
    source: tuple[str, int, int]
    source_ms: int | None
    code: str
    stage: str
    message: str
    attempt: int
    run: str
    group_id: str
    size: int


def letter(record: Record) -> Letter | None:
    """None where somebody else wrote it: it does not end with our headers, or they hold no numbers."""
    ours = record.headers[-len(HEADERS) :]
    if tuple(name for name, _ in ours) != HEADERS:
        return None
    try:
        told = {name: (value or b"").decode() for name, value in ours}
        at = told["shikyu.source.timestamp"]
        return Letter(
            place=(record.topic, record.partition),
            offset=record.offset,
            died_ms=record.timestamp_ms,
            source=(
                told[CONNECT + "topic"],
                _number(told[CONNECT + "partition"], 0, INT),
                _number(told[CONNECT + "offset"], 0, LONG),
            ),
            source_ms=_number(at, -LONG, LONG) if at else None,
            code=told["shikyu.error.code"],
            stage=told[CONNECT + "stage"],
            message=told[CONNECT + "exception.message"],
            attempt=_number(told["shikyu.attempt"], 1, INT - 1),
            run=told["shikyu.run"],
            group_id=told[CONNECT + "connector.name"],
            size=len(record.value or b""),
        )
    except ValueError:  # UnicodeDecodeError is one
        return None


def _number(text: str, least: int, most: int) -> int:
    """Raises ValueError for one that no event has room for: one such letter would stop all retries."""
    number = int(text)
    if not least <= number <= most:
        raise ValueError(text)
    return number


def original(record: Record) -> Record:
    """As it was read first: its own place, time and headers. The record itself where it is no dead letter of ours."""
    known = letter(record)
    if known is None:
        return record
    topic, partition, offset = known.source
    return replace(
        record, topic=topic, partition=partition, offset=offset, timestamp_ms=known.source_ms,
        headers=record.headers[: -len(HEADERS)],
    )  # fmt: skip


def attempt(record: Record) -> int:
    """Which one this is."""
    known = letter(record)
    return 1 if known is None else known.attempt + 1


def codes(given: Sequence[str]) -> frozenset[str]:
    """Raises SettingsError for one that there is not."""
    known = {reason.code for reason in REASONS}
    wanted = frozenset(code.strip() for text in given for code in text.split(","))
    if unknown := sorted(wanted - known):
        raise SettingsError(f"--code {unknown[0]!r} is no dead letter's code; there are: {', '.join(sorted(known))}")
    return wanted
