"""What a replay is asked to read, in the user's words, and how these are read."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from consumer.errors import SettingsError
from consumer.run_names import LIVE, SHADOW
from consumer.timestamps import iso_millis, millis_since_epoch

_ISO_DURATION = re.compile(
    r"P(?=.)(?:(?P<d>\d+)D)?(?:T(?=.)(?:(?P<h>\d+)H)?(?:(?P<m>\d+)M)?(?:(?P<s>\d+(?:\.\d+)?)S)?)?", re.IGNORECASE
)
_SHORT_DURATION = re.compile(r"(?=.)(?:(?P<d>\d+)d)?(?:(?P<h>\d+)h)?(?:(?P<m>\d+)m)?(?:(?P<s>\d+)s)?")
_OFFSETS = re.compile(r"(?:(?P<topic>[\w.-]+)/)?(?P<partition>\d+):(?P<start>\d+)(?:-(?P<end>\d+))?")
_PARTITIONS = re.compile(r"(\d+)(?:-(\d+))?")
_RUN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")
MAX_PARTITIONS = 100_000


@dataclass(frozen=True, slots=True)
class Offsets:
    """Of one partition, from `start` up to `end` and without it; None ends where the partition ends."""

    topic: str | None  # None where only one is read
    partition: int
    start: int
    end: int | None


@dataclass(frozen=True, slots=True)
class Asked:
    """
    Which records to read again. Times are milliseconds since 1970: from `since_ms` up to `until_ms` and without it.

    `words` are the flags as they were given, without which a run goes on with the window that it was begun with.
    """

    since_ms: int | None = None
    until_ms: int | None = None
    offsets: tuple[Offsets, ...] = ()
    partitions: frozenset[int] | None = None
    words: dict[str, str] = field(default_factory=dict)


def asked(
    now: datetime,
    *,
    from_datetime: str | None = None,
    to_datetime: str | None = None,
    by_duration: str | None = None,
    from_offsets: Sequence[str] = (),
    partitions: str | None = None,
) -> Asked:
    """Raises SettingsError for what does not go together, is written wrongly, reversed, or lies in the future."""
    given = {
        "--from-datetime": from_datetime,
        "--to-datetime": to_datetime,
        "--by-duration": by_duration,
        "--from-offsets": ",".join(from_offsets) or None,
        "--partitions": partitions,
    }
    words = {flag: value for flag, value in given.items() if value is not None}
    _go_together(words)
    since = _moment("--from-datetime", from_datetime) if from_datetime is not None else None
    until = _moment("--to-datetime", to_datetime) if to_datetime is not None else None
    if by_duration is not None:
        since = now - duration("--by-duration", by_duration)
    for flag, moment in (("--from-datetime", since), ("--to-datetime", until)):
        if moment is not None and moment > now:
            raise SettingsError(
                f"{flag} {iso_millis(moment)} lies in the future (now it is {iso_millis(now)}): what is not written "
                "yet can't be read again; leave --to-datetime out to read up to now"
            )
    if since is not None and since == until:
        raise SettingsError(
            f"the window is empty: it would begin at --to-datetime {iso_millis(since)}, where it ends; give a later one"
        )
    if since is not None and until is not None and since > until:
        raise SettingsError(
            f"the window is reversed: it would begin at {iso_millis(since)} and end at {iso_millis(until)}; exchange "
            "--from-datetime and --to-datetime"
        )
    return Asked(
        _kafkas(since),
        _kafkas(until),
        tuple(_offsets(each) for text in from_offsets for each in text.split(",")),
        None if partitions is None else _numbers(partitions),
        words,
    )


def named(text: str | None, now: datetime) -> str:
    """The run's id, made of the time where none is given. Raises SettingsError for one that no topic may end with."""
    if text is None:
        return now.strftime("%Y%m%d-%H%M%S-%f")[:-3]
    if not _RUN.fullmatch(text) or text in (LIVE, SHADOW):
        raise SettingsError(
            f"--run {text!r} is no run id: 1 to 64 letters, digits, dots, hyphens and underscores, no dot first, "
            "and not live or shadow"
        )
    return text


def duration(flag: str, text: str) -> timedelta:
    """ISO 8601's PnDTnHnMnS, or shorter, such as 7d, 12h, 1h30m. Raises SettingsError."""
    found = _ISO_DURATION.fullmatch(text) or _SHORT_DURATION.fullmatch(text)
    try:
        parts = {unit: float(value) for unit, value in (found.groupdict() if found else {}).items() if value}
        length = timedelta(
            days=parts.get("d", 0), hours=parts.get("h", 0), minutes=parts.get("m", 0), seconds=parts.get("s", 0)
        )
    except OverflowError:
        length = timedelta(0)
    if not timedelta(0) < length < timedelta(days=36_500):
        raise SettingsError(f"{flag} {text!r} is no duration: write 7d, 12h or 1h30m, or ISO 8601's P7D or PT1H30M")
    return length


def _go_together(words: dict[str, str]) -> None:
    for first, second in (
        ("--by-duration", "--from-datetime"),
        ("--by-duration", "--to-datetime"),
        ("--from-offsets", "--from-datetime"),
        ("--from-offsets", "--to-datetime"),
        ("--from-offsets", "--by-duration"),
        ("--from-offsets", "--partitions"),
    ):
        if first in words and second in words:
            raise SettingsError(f"{first} and {second} don't go together: give one of them")


def _kafkas(moment: datetime | None) -> int | None:
    """Before 1970 Kafka's times have other meanings, and no record was written."""
    return None if moment is None else max(0, millis_since_epoch(moment))


def _moment(flag: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise SettingsError(
            f"{flag} {text!r} is no time: write 2026-11-28, 2026-11-28T09:30 (both in UTC) or 2026-11-28T09:30+01:00"
        ) from error


def _offsets(text: str) -> Offsets:
    found = _OFFSETS.fullmatch(text.strip())
    if not found:
        raise SettingsError(
            f"--from-offsets {text!r} is not [TOPIC/]PARTITION:START[-END], such as 0:1200, 0:1200-1500 or "
            "customer-messages/0:1200"
        )
    start, end = int(found["start"]), int(found["end"]) if found["end"] else None
    if end is not None and end <= start:
        raise SettingsError(f"--from-offsets {text!r} is reversed or empty: END is the first offset not to be read")
    return Offsets(found["topic"], int(found["partition"]), start, end)


def _numbers(text: str) -> frozenset[int]:
    numbers: set[int] = set()
    for part in text.split(","):
        found = _PARTITIONS.fullmatch(part.strip())
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if not first <= last < MAX_PARTITIONS:
            raise SettingsError(f"--partitions {text!r} is no list of partitions: write 0,2 or 0-5")
        numbers |= set(range(first, last + 1))
    return frozenset(numbers)
