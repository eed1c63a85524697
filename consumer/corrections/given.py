"""Corrections as people give them, one by flags or many as rows; checked before the first of them is written."""

import csv
import io
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import IO, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from consumer import strict_json
from consumer.corrections.entries import DECISIONS, ROLES, Decision, Role
from consumer.errors import RecordError, SettingsError
from consumer.names import nearest
from consumer.records import Satisfaction
from consumer.text_files import csv_advice
from consumer.timestamps import parse_time

MOST_ROWS = 1_000_000
MAX_LINE = 1024 * 1024

Rows = Literal["jsonl", "csv"]
EVENT_ID = r"^[A-Za-z0-9._-]+/[0-9]+/[0-9]+/[A-Za-z0-9_-][A-Za-z0-9._-]*$"


def _moment(value: object) -> object:
    return value if value is None else parse_time(value) or "no time"


class Given(BaseModel):
    """One, of the fields of the event `correction`; without `corrected_at` it is made now."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # As shikyu writes it: topic/partition/offset/run.
    event_id: Annotated[str, Field(pattern=EVENT_ID, max_length=600)]
    decision: Decision
    role: Role
    message_id: str | None = None
    satisfaction: Satisfaction | None = None
    corrected_at: Annotated[datetime | None, BeforeValidator(_moment)] = None


def one(**fields: object) -> Given:
    """Raises SettingsError, as `rows` does."""
    return _checked(fields, "the correction")


def rows(stream: IO[bytes], kind: Rows, role: Role | None) -> list[Given]:
    """
    All of a stream's, one a line; `role` is that of the rows that name none. Empty fields are left out.

    SettingsError names the line and the field that is wrong, and no value: it may be a customer's.
    """
    found = []
    for where, row in _jsonl(stream) if kind == "jsonl" else _csv(stream):
        told = {name: value for name, value in row.items() if value not in (None, "")}
        if role is not None:
            told.setdefault("role", role)
        found.append(_checked(told, where))
        if len(found) > MOST_ROWS:
            raise SettingsError(f"standard input holds more than {MOST_ROWS:,} corrections: write them in parts")
    if not found:
        raise SettingsError("standard input holds no correction: write one a line, with event_id, decision and role")
    return found


def _jsonl(stream: IO[bytes]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    number = 0
    while line := stream.readline(MAX_LINE + 1):
        number += 1
        if len(line) > MAX_LINE:
            raise SettingsError(f"line {number} of standard input is longer than {MAX_LINE:,} bytes")
        if not line.strip():
            continue
        try:
            row = strict_json.loads(line)
        except RecordError as error:
            raise SettingsError(f"line {number} of standard input: {error.message}; write one object a line") from error
        if not isinstance(row, dict):
            raise SettingsError(f"line {number} of standard input is no JSON object; write one a line")
        yield f"line {number} of standard input", row


def _csv(stream: IO[bytes]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    begins = 1  # the line where the row does that is read, for it may have several
    reader = csv.reader(io.TextIOWrapper(stream, encoding="utf-8-sig", newline=""), strict=True)
    try:
        columns = next(reader, [])
        begins = reader.line_num + 1
        for row in reader:
            where = f"line {begins} of standard input"
            if row and len(row) != len(columns):
                raise SettingsError(f"{where} has another number of fields than its first line")
            if row:  # a blank line is none
                yield where, dict(zip(columns, row, strict=True))
            begins = reader.line_num + 1
    except csv.Error as error:
        raise SettingsError(f"line {begins} of standard input is no CSV{csv_advice(error)}") from error
    except UnicodeDecodeError:  # which holds the bytes
        raise SettingsError(f"standard input is not UTF-8 at or after line {reader.line_num + 1}") from None


_TAKES = {
    "event_id": "an event_id of a classified message, such as customer-messages/0/17/live",
    "decision": f"one of {', '.join(DECISIONS)}",
    "role": f"one of {', '.join(reversed(ROLES))}",
    "satisfaction": f"one of {', '.join(Satisfaction)}, or left out",
    "corrected_at": "a time, such as 2026-11-29T14:30:00Z, or left out",
    "message_id": "a text, or left out",
}


def _checked(fields: Mapping[str, object], where: str) -> Given:
    try:
        made = Given.model_validate(fields)
    except ValidationError as error:
        # A misspelt field is told first, for another one is missing then.
        problem = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
        name = str(problem["loc"][0]) if problem["loc"] else ""
        if name not in _TAKES:
            # Without a header the columns are no names, but what somebody wrote.
            known = nearest(name, _TAKES) or f"; there are {', '.join(_TAKES)}"
            raise SettingsError(f"{where} has a field that no correction has{known}") from None
        lacks = "lacks" if problem["type"] == "missing" else "has a wrong"
        raise SettingsError(f"{where} {lacks} {name}: it is {_TAKES[name]}") from None
    now = datetime.now(UTC)
    return made if made.corrected_at is not None else made.model_copy(update={"corrected_at": now})
