"""This machine's clock, held against whoever tells the time."""

import http.client
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from consumer.doctor.findings import Finding, ok, skipped, warn
from consumer.doctor.seen import Seen
from consumer.records import Record
from consumer.redaction import redact

ANSWER_S = 3.0
SKEW_S = 5.0
ADVICE = (
    "lag in seconds, a replay's window and certificates' dates are judged by this machine's clock: have it set by NTP "
    "(timedatectl says whether it is)"
)


def clock(seen: Seen, now: Callable[[], float] = time.time) -> Iterator[Finding]:
    """
    By the Date header of the registry's answer, which is cut to the second, and by the newest records' timestamps.

    Kafka's protocol tells no time; a timestamp from the future is told, one of the past says nothing.
    """
    url = seen.settings.registry.url
    found = [] if url is None else [_of_registry(each, seen.settings.registry.options, now) for each in url.split(",")]
    found.append(_of_records(seen.records, now))
    told = [each for each in found if each is not None]
    if told:
        yield from told
    else:
        yield skipped(
            "clock", "", "nobody here tells the time: neither a registry's Date header nor a record's timestamp"
        )


def _of_registry(url: str, options: Mapping[str, str], now: Callable[[], float]) -> Finding | None:
    before = now()
    date = _date_header(url.strip(), options)
    if date is None:
        return None
    after = now()
    # The header's second began at `date` and the answer was made between the two looks.
    skew_s = max(0.0, before - (date + 1)) + min(0.0, after - date)
    return _judged(f"the registry's answer ({redact('url', url.strip())})", skew_s)


def _of_records(records: Sequence[Record], now: Callable[[], float]) -> Finding | None:
    stamps = [record.timestamp_ms for record in records if record.timestamp_ms is not None]
    if not stamps:
        return None
    return _judged("the newest record's timestamp", min(0.0, now() - max(stamps) / 1000), only_behind=True)


def _judged(what: str, skew_s: float, *, only_behind: bool = False) -> Finding:
    if abs(skew_s) <= SKEW_S:
        return ok("clock", what, "not from the future" if only_behind else f"within {SKEW_S:.0f} s of it")
    side = "ahead of" if skew_s > 0 else "behind"
    return warn("clock", what, f"this machine's clock is {abs(skew_s):,.0f} s {side} it", ADVICE)


def _date_header(url: str, options: Mapping[str, str]) -> float | None:
    """Seconds since 1970; None where it does not answer or does not say. Sends no login, and any answer will do."""
    parts = urlsplit(url)
    connection: http.client.HTTPConnection
    try:
        if parts.scheme == "https":
            context = ssl.create_default_context(cafile=options.get("ssl.ca.location"))
            connection = http.client.HTTPSConnection(
                parts.hostname or "", parts.port, timeout=ANSWER_S, context=context
            )
        else:
            connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=ANSWER_S)
        try:
            connection.request("GET", f"{parts.path.rstrip('/')}/schemas/types")
            date = connection.getresponse().getheader("Date")
        finally:
            connection.close()
        return None if date is None else parsedate_to_datetime(date).timestamp()
    except (OSError, ValueError, http.client.HTTPException):
        return None
